"""`sockcli repl` with its commands on a pipe or in a file."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from sockcli.errors import ExitCode
from tests.e2e.peers import (
    Background,
    Listen,
    bytes_of_all_kinds,
    connect,
    deliver,
    digest_all,
    nobody,
    read_all,
    read_exactly,
    reset,
)
from tests.e2e.runner import Process, Result, Sockcli
from tests.e2e.test_startup import HEAVY, TIMED, loaded, offenders
from tests.waiting import PATIENCE, until

HOST = "127.0.0.1"
IAC_WILL_ECHO, IAC_DO_ECHO, IAC_DONT_ECHO = b"\xff\xfb\x01", b"\xff\xfd\x01", b"\xff\xfe\x01"


def script(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def answer(listener: socket.socket, *replies: bytes) -> bytes:
    """Accept, send these, read up to the end, and end it."""
    connection, _ = listener.accept()
    connection.settimeout(PATIENCE)
    with connection:
        for reply in replies:
            connection.sendall(reply)
        return read_all(connection)


def start(sockcli: Sockcli, *lines: str, arguments: Sequence[str | int] = ()) -> Process:
    """Give it these lines; its input stays open."""
    process = sockcli.start("repl", *arguments)
    process.send(script(*lines))
    return process


def test_what_peers_send_is_printed_and_nothing_else(
    sockcli: Sockcli, tcp_peer: Listen, background: Background
) -> None:
    peer = tcp_peer()
    data = bytes_of_all_kinds(100_000) + b"\x1b[2J\xff\xfb\x01\xff\xff\r\n\0"
    received = background(answer, peer.socket, data)
    lines = [f"tcp {HOST} {peer.port}", "status", "sessions", "rules", "set", "help", "help send", "history", "send hi"]
    result = sockcli.run("repl", data=script(*lines))
    assert (result.code, received.result(), result.out) == (ExitCode.OK, b"hi", data)
    for shown in ("allowed by  tcp-connect:*:*", "tcp-listen:*:*", "encoding    utf-8", "Send the text as it stands"):
        assert shown in result.err


def test_success_is_silent(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peer = tcp_peer()
    received = background(answer, peer.socket)
    result = sockcli.run("repl", data=script(f"tcp {HOST} {peer.port}", "send hi", "eof", "close"))
    assert (received.result(), result.code, result.out, result.err) == (b"hi", ExitCode.OK, b"", "")


def test_blank_lines_and_comments_do_nothing(sockcli: Sockcli) -> None:
    result = sockcli.run("repl", data=b"\n# a comment\n  \t\n   # quit 1 2 3\n\r\n#")
    assert (result.code, result.out, result.err) == (ExitCode.OK, b"", "")


@pytest.mark.parametrize("data", [b"status", b"status\n", b"status\r\n"])
def test_the_last_line_counts_however_it_ends(sockcli: Sockcli, data: bytes) -> None:
    result = sockcli.run("repl", data=data)
    assert result.code == ExitCode.USAGE
    assert "line 1: there is no session" in result.err


FAILING = {
    "nosuch": (ExitCode.USAGE, 'no such command: "nosuch"'),
    "tcp": (ExitCode.USAGE, "a target is missing"),
    "tcp a 1 b": (ExitCode.USAGE, 'unexpected argument "b"'),
    "tcp --nosuch a 1": (ExitCode.USAGE, "--nosuch"),
    "tcp --json a 1": (ExitCode.USAGE, "--json has no meaning"),
    "tcp --binary a 1": (ExitCode.USAGE, "--binary needs --telnet in a script"),
    "udp a 1 hello": (ExitCode.USAGE, 'unexpected argument "hello"'),
    "log 'x": (ExitCode.USAGE, "a ' is not closed"),
    "use": (ExitCode.USAGE, "use: the session's number is missing"),
    "use 1": (ExitCode.USAGE, "there is no session 1"),
    "use one": (ExitCode.USAGE, '"one" is not the number of a session'),
    "close": (ExitCode.USAGE, "there is no session"),
    "send x": (ExitCode.USAGE, "there is no session"),
    "set nosuch": (ExitCode.USAGE, 'no such setting: "nosuch"'),
    "set view nosuch": (ExitCode.USAGE, 'view "nosuch": text, hex or both'),
    "set view text hex": (ExitCode.USAGE, 'set: unexpected "hex"'),
    "history 3": (ExitCode.USAGE, 'history: unexpected "3"'),
    "wait soon": (ExitCode.USAGE, '"soon" is not a number of seconds'),
    "suspend": (ExitCode.USAGE, "a script has no terminal"),
    "check nosuch": (ExitCode.USAGE, '"nosuch" is no operation'),
    "help nosuch": (ExitCode.USAGE, 'no such command: "nosuch"'),
    "check tcp-connect 10.0.0.1 80": (ExitCode.DENIED, "tcp-connect to 10.0.0.1:80 denied"),
    "tcp 10.0.0.1 80": (ExitCode.DENIED, "tcp-connect to 10.0.0.1:80 denied"),
    "listen 10.0.0.1 80": (ExitCode.DENIED, "tcp-listen on 10.0.0.1:80 denied"),
    "tcp no.such.test 80": (ExitCode.UNRESOLVED, "no.such.test"),
    "\x1b[2K\u202e": (ExitCode.USAGE, r"\x1b[2K\u202e"),
}


@pytest.mark.parametrize("line", FAILING)
def test_the_first_that_fails_ends_it(sockcli: Sockcli, line: str) -> None:
    code, message = FAILING[line]
    sockcli.allow("tcp-connect:127.0.0.1", "tcp-listen:127.0.0.1", "tcp-connect:*.test", "udp-send-to")
    result = sockcli.run("repl", data=script("", line, "help quit"))
    assert (result.code, result.out) == (code, b""), result.err
    assert "sockcli: error: line 2: " in result.err
    assert message in result.err
    assert "Close every session" not in result.err
    assert result.err.replace("\n", "").isprintable()


def test_refused_is_its_own_code(sockcli: Sockcli) -> None:
    result = sockcli.run("repl", data=script(f"tcp {HOST} {nobody()}", "help"))
    assert result.code == ExitCode.UNREACHABLE
    assert "connection refused" in result.err
    assert "sessions" not in result.err


def test_a_denial_says_what_would_allow_it(sockcli: Sockcli) -> None:
    sockcli.allow()
    result = sockcli.run("repl", data=script("udp example.com 53"))
    assert result.code == ExitCode.DENIED
    assert 'hint: to allow it, add this rule to the manifest: "udp-send-to:example.com:53"' in result.err


def test_without_a_manifest_no_command_runs(sockcli: Sockcli) -> None:
    sockcli.manifest.unlink()
    assert sockcli.run("repl", data=script("help")).code == ExitCode.MANIFEST


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("send hello", b"hello"),
        ("send   two  blanks  ", b"two  blanks"),
        ('send " kept "', b" kept "),
        (r"send GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"),
        (r"send \x00\xff\0\t\\", b"\0\xff\0\t\\"),
        ("send caf\u00e9", "caf\u00e9".encode()),
        ("send \udcff\udcfe", b"\xff\xfe"),
        ("send --hex 00 ff:0A", b"\x00\xff\n"),
        ("send --line hello", b"hello\n"),
        ("send --line", b"\n"),
        ("send -- --hex 00", b"--hex 00"),
        ('send {"a": "b c"}', b'{"a": "b c"}'),
        ("send # no comment", b"# no comment"),
        ("sen 1", b""),
    ],
)
def test_send(sockcli: Sockcli, tcp_peer: Listen, background: Background, line: str, sent: bytes) -> None:
    peer = tcp_peer()
    received = background(answer, peer.socket)
    result = sockcli.run("repl", data=script(f"tcp {HOST} {peer.port}", line))
    assert received.result() == sent
    assert result.code == (ExitCode.OK if sent else ExitCode.USAGE)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("send", "there is nothing to send"),
        (r"send a\qb", r'"\q" at character 2 is no escape sequence'),
        ("send --hex 0", "half a byte"),
        ("send --hex xyz", "no hex digit"),
        ("send --nosuch x", 'no such option: "--nosuch"'),
        ("send --to a", "--to takes a host and a port"),
        ("send --line --hex 00", "--line goes with neither"),
        ('send "a" b', "begins the text"),
        (f"send --to {HOST} 1 x", "is not a bound UDP port"),
        ("sendfile", "the file is missing"),
        ("eof 2", "there is no session 2"),
        ("interrupt", "it does not speak telnet"),
        ("ayt", "it does not speak telnet"),
        ("break", "it does not speak telnet"),
        ("telnet do echo", "it does not speak telnet"),
        ("telnet maybe echo", "a verb and an option are missing"),
        ("log", "a file is missing, or off"),
        ("log -", "give a file"),
    ],
)
def test_what_cannot_be_done(
    sockcli: Sockcli, tcp_peer: Listen, background: Background, line: str, message: str
) -> None:
    peer = tcp_peer()
    received = background(answer, peer.socket)
    result = sockcli.run("repl", data=script(f"tcp {HOST} {peer.port}", line))
    assert result.code == ExitCode.USAGE
    assert "error: line 2: " in result.err
    assert message in result.err
    assert received.result() == b""


def test_settings_given_before_or_with_a_connection(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peer = tcp_peer()
    first = background(answer, peer.socket)
    lines = ["set eol crlf", "set encoding latin-1", f"tcp {HOST} {peer.port}", "send --line \u00e9", "eof", "wait 10"]
    second = f"tcp --eol cr --encoding utf-8 {HOST} {peer.port}"
    process = start(sockcli, *lines, second, "send --line \u00e9", "set eol lf", "send --line x")
    assert first.result() == b"\xe9\r\n"
    connection = peer.accept()
    assert read_exactly(connection, 5) == "\u00e9".encode() + b"\rx\n"
    connection.close()
    assert process.finish(b"").code == ExitCode.OK


def test_view_and_timestamps_change_what_is_printed(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peer = tcp_peer()
    background(answer, peer.socket, b"\x1b[2Jab")
    result = sockcli.run("repl", data=script("set view hex", f"tcp {HOST} {peer.port}"))
    assert result.out == b"00000000  1b 5b 32 4a 61 62                                |.[2Jab|\n"


def test_a_target_on_the_command_line_comes_first(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peer = tcp_peer()
    received = background(answer, peer.socket, b"welcome")
    result = sockcli.run("repl", f"{HOST}:{peer.port}", data=script("send hi"))
    assert (result.code, result.out, received.result()) == (ExitCode.OK, b"welcome", b"hi")
    assert sockcli.run("repl", HOST, nobody(), data=script("help")).code == ExitCode.UNREACHABLE


def test_output_comes_while_the_next_command_is_not_there_yet(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}")
    connection = peer.accept()
    for number in range(3):
        connection.sendall(b"question %d" % number)
        assert process.read(10) == b"question %d" % number
        process.send(script(f"send answer {number}"))
        assert read_exactly(connection, 8) == b"answer %d" % number
    connection.close()
    assert process.finish(b"").code == ExitCode.OK


def test_at_the_end_the_peer_may_finish(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}", "send ask")
    connection = peer.accept()
    process.end_input()
    assert read_all(connection) == b"ask"
    connection.sendall(b"late ")
    assert process.read(5) == b"late "
    connection.sendall(b"answer")
    connection.close()
    result = process.finish()
    assert (result.code, result.out) == (ExitCode.OK, b"late answer")


def test_quit_waits_for_nobody_but_sends_all(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}", "send ask", "quit", "nosuch")
    connection = peer.accept()
    result = process.finish()
    assert (result.code, result.err) == (ExitCode.OK, "")
    assert read_all(connection) == b"ask"


def test_commands_in_a_file_and_lines_longer_than_a_read(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
    """What was given to be sent goes before a close, although the peer reads nothing at first."""
    peer = tcp_peer()
    file = tmp_path / "commands"
    file.write_bytes(
        script(f"tcp {HOST} {peer.port}", *(f"send {letter * 400_000}" for letter in "abcdefghij"), "close")
    )
    with file.open("rb") as stdin:
        process = sockcli.start("repl", stdin=stdin)
        connection = peer.accept()
        until(lambda: stdin.tell() > 1_000_000, "some of it to be read")
        assert read_all(connection) == b"".join(letter * 400_000 for letter in (b"%c" % code for code in b"abcdefghij"))
        assert process.finish().code == ExitCode.OK


@pytest.mark.parametrize("last", ["nosuch", "quit", "close"])
def test_what_was_given_before_the_end_is_sent(sockcli: Sockcli, tcp_peer: Listen, last: str) -> None:
    """Also what telnet holds back, here until the peer has agreed to binary data."""
    peer = tcp_peer()
    process = start(sockcli, f"tcp --telnet --binary {HOST} {peer.port}", "send held back", last)
    connection = peer.accept()
    assert sorted(read_exactly(connection, 6)) == sorted(b"\xff\xfb\x00\xff\xfd\x00")
    until(lambda: process.has_read_all() and not process.moves(), "it to wait for the peer")
    connection.sendall(b"\xff\xfd\x00\xff\xfb\x00")
    assert read_all_after(process, connection) == b"held back"
    connection.close()
    assert process.finish().code == (ExitCode.USAGE if last == "nosuch" else ExitCode.OK)


def test_a_line_without_end_is_an_error(sockcli: Sockcli) -> None:
    process = sockcli.start("repl")
    with suppress(BrokenPipeError):
        process.send(b"x" * 2_000_000)
    result = process.finish()
    assert result.code == ExitCode.USAGE
    assert "line 1 has more than 524,288 bytes" in result.err


def test_dev_null_is_an_empty_script(sockcli: Sockcli) -> None:
    with open(os.devnull, "rb") as stdin:
        assert sockcli.run("repl", stdin=stdin).code == ExitCode.OK


# Waiting


def test_wait_ends_with_the_peer(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peer = tcp_peer()
    received = background(answer, peer.socket, b"bye")
    result = sockcli.run("repl", data=script(f"tcp {HOST} {peer.port}", "send x", "eof", "wait 10", "close", "wait"))
    assert received.result() == b"x"
    assert (result.code, result.out) == (ExitCode.USAGE, b"bye")
    assert "line 6: there is no session" in result.err


def test_wait_has_a_limit(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}", "wait 0.2")
    connection = peer.accept()
    deliver(connection, b"some")
    result = process.finish()
    assert (result.code, result.out) == (ExitCode.TIMEOUT, b"some")
    assert "line 2: session 1: the peer did not end it within 0.2 s" in result.err


def test_a_lost_connection_is_the_scripts_end_at_the_next_command_on_it(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}")
    connection = peer.accept()
    deliver(connection, b"some")
    assert process.read(4) == b"some"
    reset(connection)
    process.send(script("wait", "help"))
    result = process.finish()
    assert (result.code, result.out) == (ExitCode.UNREACHABLE, b"some")
    assert "line 2: connection with" in result.err
    assert "sessions" not in result.err


@pytest.mark.parametrize("last", ["help", "close 1"])
def test_a_lost_connection_is_an_error_at_the_end(sockcli: Sockcli, tcp_peer: Listen, last: str) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}")
    connection = peer.accept()
    connection.sendall(b"some")
    assert process.read(4) == b"some"
    reset(connection)
    process.send(script(f"tcp {HOST} {peer.port}"))
    peer.accept().close()
    result = process.finish(script("sessions", last))
    assert f" 1  tcp {HOST}:{peer.port}  lost" in result.err
    assert result.code == ExitCode.UNREACHABLE
    assert "connection reset by the peer" in result.err


def test_nothing_can_be_sent_once_the_peer_has_ended(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}")
    peer.accept().close()
    result = process.finish(script("wait", "send x"))
    assert result.code == ExitCode.UNREACHABLE
    assert "line 3: session 1" in result.err


def test_limits_of_a_session_hold(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp --linger 0.2 {HOST} {peer.port}")
    connection = peer.accept()
    result = process.finish(b"")
    assert read_all(connection) == b""
    assert result.code == ExitCode.TIMEOUT
    assert "the peer did not finish within 0.2 s" in result.err


# Several sessions


def test_all_sessions_are_printed_and_ended(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peers = [tcp_peer(), tcp_peer(), tcp_peer()]
    received = [background(answer, peer.socket, b"%d" % number) for number, peer in enumerate(peers)]
    opening = [f"tcp {HOST} {peer.port}" for peer in peers]
    result = sockcli.run("repl", data=script(*opening, "send c", "use 1", "send a", "use 2", "send b", "sessions"))
    assert (result.code, sorted(result.out)) == (ExitCode.OK, sorted(b"012"))
    assert [each.result() for each in received] == [b"a", b"b", b"c"]
    assert f"*2  tcp {HOST}:{peers[1].port}" in result.err
    assert f" 3  tcp {HOST}:{peers[2].port}" in result.err


def test_listening_and_waiting_for_a_peer(sockcli: Sockcli) -> None:
    process = start(sockcli, "listen 0", "wait 10", "send bye", "eof", "close 1")
    process.wait_for_error("listening on")
    with connect(process.port("tcp")) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert process.read(5) == b"hello"
        result = process.finish(b"")
    assert result.code == ExitCode.UNREACHABLE  # a peer that has ended takes nothing more
    assert "line 3: session 2" in result.err


def test_a_listeners_peers_are_sessions(sockcli: Sockcli) -> None:
    process = start(sockcli, "listen --eol crlf 0")
    port = process.port("tcp")
    with connect(port) as first, connect(port) as second:
        process.wait_for_error("session 3: 127.0.0.1")
        process.send(script("send --line to the first", "use 3", "send --line to the second", "status"))
        assert read_exactly(first, 14) == b"to the first\r\n"
        assert read_exactly(second, 15) == b"to the second\r\n"
        first.close()
        second.close()
        assert process.finish(b"").code == ExitCode.OK


def test_one_peer_after_the_other_however_early_they_come(sockcli: Sockcli) -> None:
    process = start(sockcli, "listen 0")
    port = process.port("tcp")
    with connect(port) as first, connect(port) as second:
        process.wait_for_error("session 3: 127.0.0.1")
        first.shutdown(socket.SHUT_WR)
        second.shutdown(socket.SHUT_WR)
        process.send(script("wait 10", "close", "wait 10", "close", "wait 10", "close", "sessions"))
        assert (read_all(first), read_all(second)) == (b"", b"")
        with connect(port) as third:
            third.shutdown(socket.SHUT_WR)
            assert read_all(third) == b""
        result = process.finish(b"")
    assert result.code == ExitCode.OK, result.err
    assert "*1  tcp-listen" not in result.err
    assert " 1  tcp-listen 127.0.0.1:0  open" in result.err


def test_nobody_connects(sockcli: Sockcli) -> None:
    result = sockcli.run("repl", data=script("listen tcp 0", "wait 0.1"))
    assert result.code == ExitCode.TIMEOUT
    assert "line 2: nobody connected within 0.1 s" in result.err


# Datagrams


def test_udp_prints_replies_while_it_waits(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = start(sockcli, f"udp {HOST} {peer.port}", "send ping", 'send ""', "wait 0.3")
    datagrams = [peer.receive_from() for _ in range(2)]
    assert [data for data, _ in datagrams] == [b"ping", b""]
    peer.socket.sendto(b"pong\xff", datagrams[0][1])
    result = process.finish(b"")
    assert (result.code, result.out) == (ExitCode.OK, b"pong\xff")


def test_udp_without_a_reply(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    result = sockcli.run("repl", data=script(f"udp {HOST} {peer.port}", "send ping", "wait 0.1"))
    assert (result.code, peer.receive()) == (ExitCode.TIMEOUT, b"ping")
    assert "line 3: session 1: no reply came within 0.1 s" in result.err


@pytest.mark.parametrize("line", ["send x", f"sendfile {__file__}"])
def test_udp_to_a_port_that_is_unreachable(sockcli: Sockcli, line: str) -> None:
    result = sockcli.run("repl", data=script(f"udp {HOST} {nobody()}", line))
    assert result.code == ExitCode.UNREACHABLE
    assert "port unreachable" in result.err


def test_udp_waits_only_for_so_long(sockcli: Sockcli, udp_peer: Listen) -> None:
    result = sockcli.run("repl", data=script(f"udp {HOST} {udp_peer().port}", "wait"))
    assert result.code == ExitCode.USAGE
    assert "datagrams have no end" in result.err


def test_a_bound_port_answers_whom_it_is_told_to(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = start(sockcli, "listen udp 0")
    port = process.port("udp")
    peer.socket.sendto(b"question", (HOST, port))
    assert process.read(8) == b"question"
    process.send(script(f"send --to {HOST} {peer.port} answer", "send to nobody"))
    assert peer.receive_from() == (b"answer", (HOST, port))
    result = process.finish()
    assert result.code == ExitCode.USAGE
    assert "say to whom: send --to HOST PORT TEXT" in result.err


def test_answering_needs_a_rule_of_its_own(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    sockcli.allow("udp-bind:127.0.0.1", "udp-send-to:127.0.0.1:9")
    result = sockcli.run("repl", data=script("listen udp 0", f"send --to {HOST} {peer.port} x"))
    assert result.code == ExitCode.DENIED
    assert f'"udp-send-to:{HOST}:{peer.port}"' in result.err
    assert peer.nothing_more()


# Files


def test_sendfile_is_as_fast_as_the_peer(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
    peer = tcp_peer()
    file = tmp_path / "a file"
    data = bytes_of_all_kinds(30_000_000)
    file.write_bytes(data)
    process = start(sockcli, f"tcp {HOST} {peer.port}", f"sendfile '{file}'", "sessions")
    connection = peer.accept()
    read_exactly(connection, 100_000)
    until(lambda: not process.moves(), "it to wait for the peer")
    assert process.peak_memory() < 60_000_000
    assert "30,000,000" not in process.errors()
    process.end_input()
    assert digest_all(connection) == hashlib.sha256(data[100_000:]).hexdigest()
    connection.close()
    assert process.finish().code == ExitCode.OK
    assert "30,000,000" in process.errors()


def test_sendfile_to_udp_is_one_datagram(sockcli: Sockcli, udp_peer: Listen, tmp_path: Path) -> None:
    peer = udp_peer()
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"two\nlines\n")
    large.write_bytes(bytes(65_508))
    result = sockcli.run("repl", data=script(f"udp {HOST} {peer.port}", f"sendfile {small}", f"sendfile {large}"))
    assert (peer.receive(), peer.nothing_more()) == (b"two\nlines\n", True)
    assert result.code == ExitCode.FAILURE
    assert "does not fit into one datagram" in result.err


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "no such file"), ("folder", "not a regular file"), ("fifo", "not a regular file"), ("\0", "null")],
)
def test_what_cannot_be_sent_as_a_file(sockcli: Sockcli, tcp_peer: Listen, name: str, reason: str) -> None:
    peer = tcp_peer()
    (sockcli.working_directory / "folder").mkdir()
    os.mkfifo(sockcli.working_directory / "fifo")
    result = sockcli.run("repl", data=script(f"tcp {HOST} {peer.port}", f"sendfile {name}"))
    assert result.code == ExitCode.FAILURE
    assert "line 2: cannot read" in result.err
    assert reason in result.err


def test_log_records_both_ways_until_it_is_off(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}", "log ~/session.log", "send one")
    connection = peer.accept()
    assert read_exactly(connection, 3) == b"one"
    connection.sendall(b"two")
    assert process.read(3) == b"two"
    process.send(script("log off", "send three"))
    assert read_all_after(process, connection) == b"three"
    connection.close()
    assert process.finish().code == ExitCode.OK
    assert (sockcli.home / "session.log").read_bytes() == b"onetwo"


def read_all_after(process: Process, connection: socket.socket) -> bytes:
    process.end_input()
    return read_all(connection)


# Telnet


@pytest.mark.parametrize(
    ("option", "printed", "sent"),
    [("", IAC_WILL_ECHO + b"hi\r\n", b"\xff"), (" --telnet", b"hi\r\n", IAC_DO_ECHO + b"\xff\xff")],
)
def test_telnet_is_spoken_only_where_it_is_asked_for(
    sockcli: Sockcli, tcp_peer: Listen, option: str, printed: bytes, sent: bytes
) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp{option} {HOST} {peer.port}")
    connection = peer.accept()
    connection.sendall(IAC_WILL_ECHO + b"hi\r\n")
    assert process.read(len(printed)) == printed
    process.finish_input(script("send \\xff"))
    assert read_all(connection) == sent
    connection.close()
    assert process.finish().code == ExitCode.OK


def test_telnet_commands(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp --telnet {HOST} {peer.port}")
    connection = peer.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    for line, sent in {
        "telnet do echo": IAC_DO_ECHO,
        "ayt": b"\xff\xf6",
        "break": b"\xff\xf3",
        "interrupt": b"\xff\xf4\xff\xf2",
        "send --line a\\xff": b"a\xff\xff\r\n",
    }.items():
        process.send(script(line))
        assert read_exactly(connection, len(sent)) == sent
    connection.sendall(IAC_WILL_ECHO + b"on")
    assert process.read(2) == b"on"
    process.send(script("status", "telnet dont ECHO"))
    assert read_exactly(connection, 3) == IAC_DONT_ECHO
    connection.close()
    result = process.finish(b"")
    assert (result.code, result.out) == (ExitCode.OK, b"on")
    assert "ECHO" in result.err


# The process


def test_a_signal_ends_it_with_what_was_received(sockcli: Sockcli, tcp_peer: Listen) -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        peer = tcp_peer()
        process = start(sockcli, f"tcp {HOST} {peer.port}", "wait")
        connection = peer.accept()
        connection.sendall(b"some")
        assert process.read(4) == b"some"
        process.kill(signum)
        result = process.finish()
        assert (result.code, result.err) == (-signum, "")
        assert read_all(connection) == b""


def test_a_signal_ends_the_wait_for_a_command(sockcli: Sockcli) -> None:
    process = start(sockcli, "help")
    process.wait_for_error("sessions")
    process.kill(signal.SIGINT)
    assert process.finish().code == -signal.SIGINT


def test_it_ends_when_nobody_reads_it_any_more(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = start(sockcli, f"tcp {HOST} {peer.port}", "wait")
    connection = peer.accept()
    process.close_output()
    result = process.finish()
    assert (result.code, result.err) == (ExitCode.SIGPIPE, "")
    assert read_all(connection) == b""


def test_a_full_disk_is_told(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peer = tcp_peer()
    background(answer, peer.socket, b"some")
    with open("/dev/full", "wb") as stdout:
        result = sockcli.start("repl", stdout=stdout).finish(script(f"tcp {HOST} {peer.port}"))
    assert result.code == ExitCode.FAILURE
    assert "no space left" in result.err


def test_a_slow_reader_slows_every_session_down(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    size = 40_000_000
    peers = [tcp_peer(), tcp_peer()]
    for peer in peers:
        background(answer, peer.socket, bytes(size))
    process = start(sockcli, *(f"tcp {HOST} {peer.port}" for peer in peers))
    process.end_input()
    assert process.read(100_000) == bytes(100_000)
    until(lambda: not process.moves(), "it to wait for its reader")
    assert process.peak_memory() < 60_000_000
    result: Result = process.finish()
    assert (result.code, len(result.out)) == (ExitCode.OK, 2 * size)


def test_the_escape_key_is_for_a_terminal(sockcli: Sockcli) -> None:
    result = sockcli.run("repl", "--escape", "^A", data=b"")
    assert result.code == ExitCode.USAGE
    assert "--escape is for a terminal" in result.err


def test_its_help_loads_nothing_of_it(sockcli: Sockcli) -> None:
    result = sockcli.run("repl", "--help", program=TIMED)
    assert result.code == ExitCode.OK
    assert (
        offenders(
            loaded(result.err),
            *HEAVY,
            "sockcli.sessions",
            "sockcli.commands",
            "sockcli.console",
            "sockcli.net",
            "sockcli.policy",
        )
        == set()
    )


def test_it_loads_nothing_of_a_terminals(sockcli: Sockcli) -> None:
    result = sockcli.run("repl", data=script("help", f"check tcp-connect {HOST} 80"), program=TIMED)
    assert result.code == ExitCode.OK
    modules = loaded(result.err)
    assert "sockcli.commands.script" in modules
    # asyncio brings some of those that no other run may load.
    brought = {"asyncio", "ssl", "logging", "concurrent", "subprocess"}
    unwanted = {
        *HEAVY,
        "sockcli.transfer.relay",
        "sockcli.datagram.exchange",
        "sockcli.console.app",
        "sockcli.console.completion",
    } - brought
    assert offenders(modules, *unwanted) == set()
