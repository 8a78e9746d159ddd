"""Against the real thing: servers and netcats as Debian ships them."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from tests import servers
from tests.e2e.peers import Background, bytes_of_all_kinds
from tests.e2e.runner import Sockcli
from tests.servers import Server, Syslog, program
from tests.waiting import PATIENCE, until, wait_for_port


def test_redis_commands_in_replies_out(sockcli: Sockcli, redis_server: Server) -> None:
    result = sockcli.run("tcp", "127.0.0.1", redis_server.port, data=b"SET greeting hello\r\nGET greeting\r\nQUIT\r\n")
    assert (result.code, result.out, result.err) == (0, b"+OK\r\n$5\r\nhello\r\n+OK\r\n", "")


def test_redis_answers_after_our_end(sockcli: Sockcli, redis_server: Server) -> None:
    """No QUIT: it is the half-close that ends it."""
    assert sockcli.run("tcp", "127.0.0.1", redis_server.port, data=b"PING\r\n").out == b"+PONG\r\n"


def test_redis_with_line_ends_made_for_it_and_over_ipv6(sockcli: Sockcli, redis_server: Server) -> None:
    result = sockcli.run("tcp", "-C", f"[::1]:{redis_server.port}", data=b"ECHO hello\n")
    assert result.out == b"$5\r\nhello\r\n"


def test_redis_pipelined_by_the_thousand(sockcli: Sockcli, redis_server: Server, tmp_path: Path) -> None:
    count = 100_000
    (tmp_path / "commands").write_bytes(b"PING\r\n" * count)
    with (tmp_path / "commands").open("rb") as stdin:
        result = sockcli.run("tcp", "127.0.0.1", redis_server.port, stdin=stdin)
    assert (result.code, result.out == b"+PONG\r\n" * count) == (0, True)


def test_redis_subscription_is_printed_as_it_comes(sockcli: Sockcli, redis_server: Server) -> None:
    subscriber = sockcli.start("tcp", "-C", "127.0.0.1", redis_server.port)
    subscriber.send(b"SUBSCRIBE news\n")
    subscriber.read_until(b":1\r\n")
    for message in (b"first", b"second"):
        sockcli.run("tcp", "127.0.0.1", redis_server.port, data=b"PUBLISH news %s\r\nQUIT\r\n" % message)
        assert message in subscriber.read_until(message + b"\r\n")


def test_nginx_answers_a_request_typed_with_newlines(sockcli: Sockcli, nginx_server: Server) -> None:
    request = b"GET /page HTTP/1.1\nHost: localhost\nConnection: close\n\n"
    result = sockcli.run("tcp", "-C", "localhost", nginx_server.port, data=request)
    head, _, body = result.out.partition(b"\r\n\r\n")
    assert result.code == 0
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == servers.NGINX_PAGE


def test_nginx_sees_the_headers_only_with_crlf(sockcli: Sockcli, nginx_server: Server) -> None:
    """The request line of HTTP/0.9 shows that nothing is added without the option."""
    result = sockcli.run("tcp", "127.0.0.1", nginx_server.port, data=b"GET /missing\n")
    assert result.code == 0
    assert b"404" in result.out


def test_memcached_over_tcp(sockcli: Sockcli, memcached_server: Server) -> None:
    data = bytes_of_all_kinds(50_000)
    commands = b"set key 0 0 %d\r\n%s\r\nget key\r\nquit\r\n" % (len(data), data)
    result = sockcli.run("tcp", "127.0.0.1", memcached_server.port, data=commands)
    assert result.code == 0
    assert result.out == b"STORED\r\nVALUE key 0 %d\r\n%s\r\nEND\r\n" % (len(data), data)


def test_memcached_over_udp(sockcli: Sockcli, memcached_server: Server) -> None:
    # Request 7, datagram 0 of 1.
    header = r"\0\x07\0\0\0\x01\0\0"
    result = sockcli.run(
        "udp", "--escapes", "-n", "1", "127.0.0.1", memcached_server.port, header + r"set udpkey 0 0 2\r\nok\r\n"
    )
    assert (result.code, result.out) == (0, b"\0\x07\0\0\0\x01\0\0STORED\r\n")


def test_memcached_sends_a_large_value_in_several_datagrams(sockcli: Sockcli, memcached_server: Server) -> None:
    value = bytes_of_all_kinds(5_000)
    commands = b"set large 0 0 %d\r\n%s\r\nquit\r\n" % (len(value), value)
    sockcli.run("tcp", "127.0.0.1", memcached_server.port, data=commands)
    dump = sockcli.directory / "dump"
    result = sockcli.run(
        "udp", "--escapes", "-w", "0.5", "--json", "-x", str(dump), "127.0.0.1", memcached_server.port,
        r"\0\x09\0\0\0\x01\0\0get large\r\n",
    )  # fmt: skip
    datagrams = [event for event in result.events() if event["event"] == "receive"]
    assert len(datagrams) == 4  # of at most 1,400 bytes
    assert sum(event["length"] for event in datagrams) == 4 * 8 + len(b"VALUE large 0 5000\r\n\r\nEND\r\n") + 5_000


def dns_query(name: str, kind: int) -> str:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return (struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)).hex()


def dns_answer(reply: bytes, query: str) -> tuple[int, bytes]:
    """The response code and the data of the only answer."""
    identity, flags, questions, answers, _, _ = struct.unpack("!6H", reply[:12])
    assert (identity, questions) == (0x1234, 1)
    assert flags & 0x8000
    if not answers:
        return flags & 15, b""
    record = reply[len(bytes.fromhex(query)) :]
    (length,) = struct.unpack("!H", record[10:12])
    return flags & 15, record[12 : 12 + length]


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("printer.test", 1, (0, bytes([192, 0, 2, 7]))),
        ("printer.test", 28, (0, bytes.fromhex("20010db8000000000000000000000007"))),
        ("nosuch.test", 1, (3, b"")),
    ],
)
def test_dnsmasq_answers_a_query_in_hex(
    sockcli: Sockcli, dnsmasq_server: Server, name: str, kind: int, answer: tuple[int, bytes]
) -> None:
    query = dns_query(name, kind)
    result = sockcli.run("udp", "--hex", "-n", "1", "127.0.0.1", dnsmasq_server.port, query)
    assert (result.code, result.err) == (0, "")
    assert dns_answer(result.out, query) == answer


def test_tftpd_answers_from_another_port_which_is_not_the_peers(sockcli: Sockcli, tftp_server: Server) -> None:
    (tftp_server.directory / "greeting").write_bytes(b"hello")
    # To a socket that takes datagrams from anybody it answers, and from another port than it was asked at.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anybody:
        anybody.settimeout(PATIENCE)
        anybody.sendto(b"\0\x01greeting\0octet\0", ("127.0.0.1", tftp_server.port))
        answer, (_, port) = anybody.recvfrom(600)
        assert answer == b"\0\x03\0\x01hello"
        assert port != tftp_server.port
        anybody.sendto(b"\0\x04\0\x01", ("127.0.0.1", port))  # the acknowledgement, or it would send again
    result = sockcli.run("udp", "--escapes", "-w", "1", "127.0.0.1", tftp_server.port, r"\0\x01greeting\0octet\0")
    assert (result.code, result.out) == (7, b"")


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_rsyslogd_gets_each_line_once(sockcli: Sockcli, syslog_server: Syslog, protocol: str) -> None:
    lines = [b"<13>%s line %d" % (protocol.encode(), number) for number in range(200)]
    result = sockcli.run(protocol, "127.0.0.1", syslog_server.server.port, data=b"\n".join(lines) + b"\n")
    assert (result.code, result.out, result.err) == (0, b"", "")

    def arrived() -> list[bytes]:
        if not syslog_server.received.exists():
            return []
        marker = b"im%s " % protocol.encode()
        return [
            line[len(marker) :]
            for line in syslog_server.received.read_bytes().splitlines()
            if line.startswith(marker) and b" line " in line
        ]

    until(lambda: len(arrived()) >= len(lines), "the lines to be logged")
    assert arrived() == lines


def test_rsyslogd_gets_one_message_from_the_command_line(sockcli: Sockcli, syslog_server: Syslog) -> None:
    port = syslog_server.server.port
    assert sockcli.run("udp", "127.0.0.1", port, "<14>said on the command line").code == 0
    received = syslog_server.received
    until(lambda: received.exists() and b"said on the command" in received.read_bytes(), "the message to be logged")


LISTENERS = {
    "nc.openbsd": ["nc.openbsd", "-N", "-l", "127.0.0.1", "{}"],
    "socat": ["socat", "-t9", "-", "TCP-LISTEN:{},bind=127.0.0.1"],
}


@pytest.mark.parametrize("name", LISTENERS)
def test_a_netcat_that_listens(sockcli: Sockcli, background: Background, name: str) -> None:
    data = bytes_of_all_kinds(500_000)
    path = program(name)
    command = [path, *(word.format(servers.free_port()) for word in LISTENERS[name][1:])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        port = wait_for_port("tcp", other.pid)
        talking = background(other.communicate, data[::-1], 15)
        process = sockcli.start("tcp", "127.0.0.1", port)
        sending = background(process.send, data)
        # Our end comes after that: nc.openbsd leaves the rest of its input unsent once the other side has ended.
        assert process.read(len(data)) == data[::-1]
        sending.result()
        process.end_input()
        assert process.finish().code == 0
        assert talking.result()[0] == data


@pytest.mark.parametrize(
    "command", [["nc.openbsd", "-u", "-l", "127.0.0.1", "{}"], ["socat", "-", "UDP-LISTEN:{},bind=127.0.0.1"]]
)
def test_a_netcat_that_receives_and_answers(sockcli: Sockcli, command: list[str]) -> None:
    argv = [program(command[0]), *(word.format(servers.free_port()) for word in command[1:])]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        port = wait_for_port("udp", other.pid)
        process = sockcli.start("udp", "127.0.0.1", port)
        process.send(b"ping\n")
        assert os.read(other.stdout.fileno(), 100) == b"ping\n"
        other.stdin.write(b"pong\n")
        assert process.read_until(b"\n") == b"pong\n"
        process.end_input()
        assert process.finish().code == 0
        other.kill()


def test_socat_echo_in_both_directions(sockcli: Sockcli, tmp_path: Path) -> None:
    data = bytes_of_all_kinds(3_000_000)
    (tmp_path / "input").write_bytes(data)
    port = servers.free_port()
    command = [program("socat"), f"TCP-LISTEN:{port},bind=127.0.0.1", "EXEC:cat"]
    with subprocess.Popen(command) as other:
        wait_for_port("tcp", other.pid)
        with (tmp_path / "input").open("rb") as stdin:
            result = sockcli.run("tcp", "127.0.0.1", port, stdin=stdin)
    assert (result.code, result.out == data) == (0, True)
