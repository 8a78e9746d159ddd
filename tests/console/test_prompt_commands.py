"""Every command, given at a terminal."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from sockcli.errors import ExitCode
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_C, ESCAPE, UP, Terminal

TAB = "\t"
WILL_ECHO = b"\xff\xfb\x01"


def give(terminal: Terminal, line: str) -> None:
    """A command, from a session or from the command prompt."""
    if not terminal.cursor_line.startswith("sockcli>"):
        terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter(line)


def begin(start: Start, peer: Peer, *options: str) -> tuple[Terminal, socket.socket]:
    terminal = start("repl", rows=40, columns=120)
    terminal.prompts("sockcli> ")
    terminal.enter(" ".join(["tcp", *options, "127.0.0.1", peer.port]))
    connection = peer.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    terminal.shows(f"session 1: tcp 127.0.0.1:{peer.port}")
    terminal.prompts("")
    return terminal, connection


def test_a_round_of_commands(start: Start, peer: Peer, tmp_path: Path) -> None:
    terminal, connection = begin(start, peer)
    log = tmp_path / "a log"
    for line, shown in {
        "sessions": f"*1  tcp 127.0.0.1:{peer.port}  open",
        "status": "allowed by  tcp-connect:127.0.0.1:* (permissions[0].socket[0])",
        "rules listen": "allow  tcp-listen:127.0.0.1:*  permissions[0].socket[1]",
        "check tcp-connect 127.0.0.1 80": "by       tcp-connect:127.0.0.1:*",
        "check tcp-connect 10.0.0.1 80": 'add      "tcp-connect:10.0.0.1:80"  to allow it',
        "udp 10.0.0.1 53": "error: udp-send-to to 10.0.0.1:53 denied: no rule allows it",
        "set": "encoding    utf-8  utf-8|latin-1",
        "set view nosuch": 'error: view "nosuch": text, hex or both',
        "stauts": "hint: did you mean status?",
        "ayt": "it does not speak telnet",
        "sendfile /nosuch": 'cannot read "/nosuch": no such file or directory',
        "help send": "send [--line|--hex] [--to HOST PORT] TEXT",
        "history": "   1  tcp 127.0.0.1",
        "wait 0.1": "the peer did not end it within 0.1 s",
    }.items():
        give(terminal, line)
        terminal.shows(shown)
        terminal.prompts("")
    give(terminal, f"log '{log}'")
    terminal.prompts("")
    give(terminal, r"send a\r\n")
    receive(connection, b"a\r\n")
    terminal.prompts("")
    give(terminal, "set eol crlf")
    terminal.prompts("")
    terminal.enter("typed")
    receive(connection, b"typed\r\n")
    give(terminal, "set view hex")
    terminal.prompts("")
    connection.sendall(b"\x1b[2J")
    terminal.shows("00000000  1b 5b 32 4a")
    terminal.prompts("")
    give(terminal, "eof")
    assert connection.recv(10) == b""
    assert log.read_bytes() == b"a\r\ntyped\r\n\x1b[2J"
    terminal.prompts("")
    give(terminal, "close")
    terminal.prompts("sockcli> ")
    terminal.enter("sessions")
    terminal.shows("no sessions")
    give(terminal, "quit")
    assert terminal.finish() == ExitCode.OK
    assert terminal.is_as_found()


def test_telnets_commands(start: Start, peer: Peer) -> None:
    terminal, connection = begin(start, peer, "--telnet")
    for line, sent in {
        "ayt": b"\xff\xf6",
        "break": b"\xff\xf3",
        "telnet do echo": b"\xff\xfd\x01",
        "interrupt": b"\xff\xf4\xff\xf2",
    }.items():
        give(terminal, line)
        receive(connection, sent)
        terminal.prompts("")
    connection.sendall(WILL_ECHO)
    give(terminal, "status")
    terminal.shows("ECHO")
    give(terminal, "telnet do nosuch")
    terminal.shows("no such telnet option")


def test_quit_closes_every_session(start: Start, peer: Peer) -> None:
    terminal, connection = begin(start, peer)
    give(terminal, f"tcp 127.0.0.1 {peer.port}")
    other = peer.accept()
    terminal.shows("session 2: tcp")
    give(terminal, "quit")
    assert terminal.finish() == ExitCode.OK
    assert connection.recv(10) == other.recv(10) == b""
    assert terminal.is_as_found()


def test_ctrl_c_ends_a_command_that_waits(start: Start, peer: Peer) -> None:
    terminal, connection = begin(start, peer)
    give(terminal, "wait")
    connection.sendall(b"meanwhile\r\n")
    terminal.shows("meanwhile")
    terminal.type(CTRL_C)
    terminal.shows("sockcli: cancelled")
    terminal.prompts("")
    terminal.enter("still there")
    receive(connection, b"still there\n")


def test_ctrl_c_ends_a_file_on_its_way(start: Start, peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(100_000_000))
    terminal, connection = begin(start, peer)
    give(terminal, "sendfile large")
    terminal.until(lambda: re.search(r"[1-9][0-9.]* MB of 100.0 MB sent", terminal.text), "what the kernel took")
    connection.sendall(b"too much\r\n")
    terminal.shows("too much")
    terminal.type(CTRL_C)
    terminal.shows("sockcli: cancelled")
    terminal.prompts("")
    give(terminal, "close")  # which waits for the peer
    terminal.type(CTRL_C)
    terminal.prompts("sockcli> ")


def test_tab_completes_from_the_manifest(start: Start, environ: dict[str, str]) -> None:
    rules = ["tcp-connect:only.example:8443", "udp-send-to:other.example:53"]
    Path(environ["SOCKCLI_MANIFEST"]).write_text(json.dumps({"permissions": [{"socket": rules}]}))
    terminal = start("repl")
    terminal.prompts("sockcli> ")
    terminal.type(f"sess{TAB}")
    terminal.prompts("sockcli> sessions")
    terminal.type(CTRL_C)
    terminal.prompts("sockcli> ")
    terminal.type(f"tcp {TAB}")
    terminal.prompts("sockcli> tcp only.example")
    terminal.type(f" {TAB}")
    terminal.prompts("sockcli> tcp only.example 8443")


def test_a_peers_words_are_never_offered(start: Start, peer: Peer) -> None:
    terminal, connection = begin(start, peer)
    connection.sendall(b"tcp evil.example 80\r\nsessions\r\n")
    terminal.shows("evil.example")
    terminal.type(f"tcp e{TAB}")
    terminal.prompts("tcp e^I")  # a character like any other
    terminal.enter("")
    receive(connection, b"tcp e\t\n")


@pytest.mark.parametrize("line", ["# a comment", "   ", "#"])
def test_nothing_to_do_is_no_error(start: Start, line: str) -> None:
    terminal = start("repl")
    terminal.prompts("sockcli> ")
    terminal.enter(line)
    terminal.prompts("sockcli> ")
    terminal.enter("quit")
    assert terminal.finish() == ExitCode.OK
    assert "sockcli: error" not in terminal.text


def test_what_send_has_for_a_password_prompt_is_not_remembered(start: Start, peer: Peer, tmp_path: Path) -> None:
    terminal, connection = begin(start, peer)
    give(terminal, "send --line ann")
    receive(connection, b"ann\n")
    connection.sendall(WILL_ECHO + b"Password: ")
    receive(connection, b"\xff\xfd\x01")
    terminal.prompts("Password: ")
    for line, sent in {"send --line secret": b"secret\r\n", "sned secret": b"", "log off": b""}.items():
        give(terminal, line)
        receive(connection, sent)
        terminal.prompts("Password: ")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.type(UP)
    terminal.prompts("sockcli> log off")
    terminal.type(UP)
    terminal.prompts("sockcli> send --line ann")
    assert "secret" not in (tmp_path / ".local/state/sockcli/history").read_text()


def test_a_command_that_failed_is_not_suggested(start: Start, peer: Peer) -> None:
    terminal, _ = begin(start, peer)
    for line in ("status", "stauts"):
        give(terminal, line)
        terminal.prompts("")
    terminal.type(f"{ESCAPE}sta")
    terminal.prompts("sockcli> sta")
    terminal.until(lambda: terminal.text.count("sockcli> status") == 2, "the command that did not fail")
