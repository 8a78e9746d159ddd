"""--json: one object a line, in the shapes that scripts rely on."""

from __future__ import annotations

import base64
import signal
import time
from typing import Any

import pytest

from tests.e2e.peers import Listen, connect, nobody, read_exactly, reset
from tests.e2e.runner import Result, Sockcli


def last_is_close(result: Result, **expected: Any) -> None:
    close = result.events()[-1]
    assert set(close) == {"event", "time", "reason", "sent", "received", "exit"}
    assert close["event"] == "close"
    assert {key: close[key] for key in expected} == expected


def received(result: Result) -> bytes:
    """The bytes of all `receive` events, whose lengths must agree."""
    data = b""
    for event in result.events():
        if event["event"] == "receive":
            piece = event["text"].encode() if "text" in event else base64.b64decode(event["base64"], validate=True)
            assert event["length"] == len(piece)
            data += piece
    return data


def test_a_tcp_run(sockcli: Sockcli, tcp_peer: Listen) -> None:
    before = time.time()
    sockcli.allow("udp-bind", "tcp-connect:localhost:*")
    peer = tcp_peer()
    process = sockcli.start("tcp", "--json", "localhost", peer.port)
    connection = peer.accept()
    process.send(b"0123456789")
    assert read_exactly(connection, 10) == b"0123456789"
    connection.sendall(b"hello")
    process.read_until(b"receive")
    connection.close()
    result = process.finish()
    assert (result.code, result.err) == (0, "")
    opened, receive, closed = result.events()
    stamps = [event.pop("time") for event in (opened, receive, closed)]
    assert before <= stamps[0] <= stamps[1] <= stamps[2] <= time.time()
    assert opened == {
        "event": "connect",
        "operation": "tcp-connect",
        "endpoint": f"localhost:{peer.port}",
        "address": f"127.0.0.1:{peer.port}",
        "rule": "tcp-connect:localhost:*",
    }
    assert receive == {"event": "receive", "length": 5, "text": "hello"}
    assert closed == {"event": "close", "reason": "peer", "sent": 10, "received": 5, "exit": 0}


def test_each_event_is_written_at_once(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--json", "127.0.0.1", peer.port)
    connection = peer.accept()
    assert b'"connect"' in process.read_until(b"\n")
    connection.sendall(b"prompt: ")
    assert b"prompt: " in process.read_until(b"\n")


def test_bytes_that_are_no_text_are_base64(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--json", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"\xff\x00\xfe")
    connection.close()
    result = process.finish()
    assert received(result) == b"\xff\x00\xfe"
    assert any(event.get("base64") for event in result.events())


def test_a_character_that_is_split_between_two_reads_waits_for_its_rest(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--json", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall("a€".encode()[:2])
    assert b'"a"' in process.read_until(b'"a"')
    connection.sendall("€".encode()[1:])
    process.read_until(b"receive")
    process.read_until(b"\n")
    connection.close()
    result = process.finish()
    assert received(result) == "a€".encode()
    assert not any("base64" in event for event in result.events())


def test_a_character_that_never_gets_its_rest_is_not_lost(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--json", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"a\xe2\x82")
    connection.close()
    result = process.finish()
    assert received(result) == b"a\xe2\x82"
    last_is_close(result, received=3)


def test_what_could_drive_a_terminal_is_escaped(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--json", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall("\x1b]0;x\x07\u009b\n".encode())
    connection.close()
    result = process.finish()
    assert received(result) == "\x1b]0;x\x07\u009b\n".encode()
    assert all(line.isprintable() for line in result.out.decode().splitlines())


@pytest.mark.parametrize(
    ("how", "reason", "code"),
    [("input", "input", 0), ("peer", "peer", 0), ("reset", "error", 6), ("idle", "timeout", 7)],
)
def test_the_reason_of_the_end(sockcli: Sockcli, tcp_peer: Listen, how: str, reason: str, code: int) -> None:
    peer = tcp_peer()
    options = {"idle": ["--idle-timeout", "0.3"], "input": ["--send-only"]}.get(how, [])
    process = sockcli.start("tcp", "--json", *options, "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"abc") if how != "input" else process.finish_input(b"xy")
    if how == "peer":
        connection.close()
    elif how == "reset":
        process.read_until(b"abc")
        reset(connection)
    result = process.finish()
    assert result.code == code
    last_is_close(result, reason=reason, exit=code, sent=2 if how == "input" else 0)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_a_reason_too(sockcli: Sockcli, tcp_peer: Listen, signum: signal.Signals, code: int) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--json", "127.0.0.1", peer.port)
    peer.accept()
    process.read_until(b"connect")
    process.kill(signum)
    result = process.finish()
    assert result.code == -signum
    last_is_close(result, reason="signal", exit=code)


@pytest.mark.parametrize(
    ("rules", "arguments", "kind", "code"),
    [
        ([], ["tcp", "localhost", "{}"], "denied", 3),
        ([], ["udp", "localhost", "{}", "x"], "denied", 3),
        (["tcp-connect"], ["tcp", "127.0.0.1", "{}"], "unreachable", 6),
        (["nonsense"], ["tcp", "127.0.0.1", "{}"], "manifest", 4),
    ],
)
def test_a_failure_before_that(sockcli: Sockcli, rules: list[str], arguments: list[str], kind: str, code: int) -> None:
    sockcli.allow(*rules)
    command, *rest = (word.format(nobody()) for word in arguments)
    result = sockcli.run(command, "--json", *rest)
    assert result.code == code
    (event,) = result.events()
    event.pop("time", None)
    message = event.pop("message")
    assert event == {"event": "error", "kind": kind, "exit": code}
    assert message
    # People are told on stderr as ever.
    assert "sockcli: error:" in result.err


def test_a_udp_run(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    sockcli.allow("udp-send-to:127.0.0.1:*")
    process = sockcli.start("udp", "--json", "-n", "2", "-w", "10", "127.0.0.1", peer.port, "ping")
    _, address = peer.receive_from()
    peer.socket.sendto(b"pong", address)
    peer.socket.sendto(b"\xff", address)
    result = process.finish()
    assert result.code == 0
    opened, first, second, closed = result.events()
    assert opened["operation"] == "udp-send-to"
    assert opened["rule"] == "udp-send-to:127.0.0.1:*"
    assert (first["text"], first["length"], first["from"]) == ("pong", 4, f"127.0.0.1:{peer.port}")
    assert (second["base64"], second["length"]) == ("/w==", 1)
    assert (closed["sent"], closed["received"], closed["exit"]) == (4, 5, 0)


def test_a_udp_datagram_is_an_event_also_when_it_is_empty(sockcli: Sockcli, udp_peer: Listen) -> None:
    process = sockcli.start("udp", "-l", "--json", "--count", "2", 0)
    sender = udp_peer()
    address = ("127.0.0.1", process.port("udp"))
    sender.socket.sendto(b"", address)
    sender.socket.sendto("€".encode()[:1], address)  # its rest will not come: a datagram is whole
    result = process.finish()
    first, second = (event for event in result.events() if event["event"] == "receive")
    assert (first["length"], first["text"], first["from"]) == (0, "", f"127.0.0.1:{sender.port}")
    assert second["base64"] == base64.b64encode("€".encode()[:1]).decode()


def test_a_tcp_listener(sockcli: Sockcli) -> None:
    process = sockcli.start("tcp", "-l", "--json", 0)
    with connect(process.port("tcp")) as peer:
        peer.sendall(b"hi")
        process.read_until(b'"hi"')
        local = "{}:{}".format(*peer.getsockname())
    result = process.finish()
    opened = next(event for event in result.events() if event["event"] == "connect")
    assert opened["operation"] == "tcp-listen"
    assert opened["address"] == local
    last_is_close(result, reason="peer", received=2, exit=0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["tcp", "--json", "--nosuch", "a", "1"],
        ["tcp", "--eol", "x", "--json", "a", "1"],
        ["udp", "a", "1", "--json", "-x"],
        ["--nosuch", "tcp", "--json", "a", "1"],
        ["tcp", "--json"],
    ],
)
def test_a_command_line_that_cannot_be_read_is_a_failure_before_that_too(
    sockcli: Sockcli, arguments: list[str]
) -> None:
    result = sockcli.run(*arguments)
    assert result.code == 2
    (event,) = result.events()
    message = event.pop("message")
    assert event == {"event": "error", "kind": "usage", "exit": 2}
    assert f"sockcli: error: {message}\n" in result.err


@pytest.mark.parametrize("arguments", [["udp", "a", "1", "-x"], ["udp", "--nosuch", "a", "1", "--", "--json"]])
def test_without_json_it_is_none(sockcli: Sockcli, arguments: list[str]) -> None:
    result = sockcli.run(*arguments)
    assert (result.code, result.out) == (2, b"")
