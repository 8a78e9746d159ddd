"""Terminals that can do less: TERM=dumb, which only prints, and NO_COLOR."""

from __future__ import annotations

import re
import signal

import pytest

from sockcli.telnet.constants import DO, DONT, ECHO, IAC, SGA, WILL, WONT
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_C, CTRL_D, ESCAPE

DUMB = {"TERM": "dumb"}
COLOUR = re.compile(rb"\x1b\[[0-9;]*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;]*m")


def test_a_terminal_that_only_prints(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, env=DUMB)
    connection = peer.accept()
    connection.sendall(b"name: ")
    terminal.prompts("name: ")
    terminal.enter("joe")
    receive(connection, b"joe\n")
    connection.sendall(b"\x1b[32mhello\x1b[0m joe\r\n")
    terminal.shows("name: joe\nhello joe")
    terminal.type(ESCAPE + "\r")
    terminal.prompts("sockcli> ")
    terminal.enter("status")
    terminal.shows("allowed by")
    terminal.enter("again")
    receive(connection, b"again\n")
    terminal.type(CTRL_D)
    assert connection.recv(10) == b""
    connection.close()
    assert terminal.finish() == 0
    assert b"\x1b" not in terminal.written
    assert terminal.is_as_found()


def test_a_command_behind_the_escape_key_there(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, env=DUMB)
    connection = peer.accept()
    connection.sendall(b"welcome\r\n")
    terminal.shows("welcome")
    terminal.enter(f"{ESCAPE}rules listen")
    terminal.shows("allow  tcp-listen")
    terminal.type(ESCAPE + "\r")
    terminal.prompts("sockcli> ")
    terminal.enter(f"{ESCAPE}status")
    terminal.shows("allowed by")
    terminal.enter("hello")
    receive(connection, b"hello\n")


def test_a_password_there(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, env=DUMB)
    connection = peer.accept()
    connection.sendall(bytes([IAC, WILL, ECHO]) + b"password: ")
    receive(connection, bytes([IAC, DO, ECHO]))
    terminal.prompts("password: ")
    terminal.enter("secret")
    receive(connection, b"secret\r\n")
    connection.sendall(bytes([IAC, WONT, ECHO]) + b"\r\nname: ")
    terminal.prompts("name: ")
    terminal.enter("joe")
    terminal.shows("name: joe")
    assert b"secret" not in terminal.written


CHARACTER = bytes([IAC, WILL, ECHO, IAC, WILL, SGA])
LINES = bytes([IAC, WONT, ECHO, IAC, WONT, SGA])


def test_character_mode_and_back_there_twice(start: Start, peer: Peer) -> None:
    """Each time the line mode begins anew, it reads lines and shows what comes."""
    terminal = start("tcp", "127.0.0.1", peer.port, env=DUMB)
    connection = peer.accept()
    answers = bytes([IAC, DO, ECHO, IAC, DO, SGA])
    for number in ("1", "2"):
        connection.sendall(CHARACTER + f"key {number}? ".encode())
        receive(connection, answers)
        terminal.prompts(f"key {number}?")
        terminal.type("k")
        receive(connection, b"k")
        connection.sendall(LINES + f"\r\nline {number}? ".encode())
        receive(connection, bytes([IAC, DONT, ECHO, IAC, DONT, SGA]))
        terminal.prompts(f"line {number}?")
        terminal.enter(f"joe {number}")
        receive(connection, f"joe {number}\r\n".encode())
        connection.sendall(f"hello {number}\r\n".encode())
        terminal.shows(f"line {number}? joe {number}\nhello {number}")
    assert terminal.text.count("key 1?") == 1
    assert b"\x1b" not in terminal.written
    connection.close()
    assert terminal.finish() == 0
    assert terminal.is_as_found()


def test_what_was_typed_before_character_mode_goes_to_the_peer_there(start: Start, peer: Peer) -> None:
    """The terminal has it, and gives it as keys once it edits no lines; behind it comes what is typed then."""
    terminal = start("tcp", "127.0.0.1", peer.port, env=DUMB)
    connection = peer.accept()
    connection.sendall(b"name: ")
    terminal.prompts("name:")
    terminal.type("ab")
    terminal.prompts("name: ab")
    connection.sendall(CHARACTER)
    receive(connection, bytes([IAC, DO, ECHO, IAC, DO, SGA]) + b"ab")
    terminal.type("c")
    receive(connection, b"c")
    connection.sendall(b"ok" + LINES + b"\r\nmore: ")
    receive(connection, bytes([IAC, DONT, ECHO, IAC, DONT, SGA]))
    terminal.prompts("more:")
    terminal.enter("joe")
    receive(connection, b"joe\r\n")


def test_the_command_prompt_there_twice_and_after_text(start: Start, peer: Peer) -> None:
    """It begins on a line of its own where the peer's line is unfinished, and each time that it is asked for."""
    terminal = start("tcp", "127.0.0.1", peer.port, env=DUMB)
    connection = peer.accept()
    connection.sendall(b"name: ")
    terminal.prompts("name:")
    for _ in range(2):
        terminal.type(ESCAPE + "\r")
        terminal.prompts("sockcli>")
        terminal.enter("")
        terminal.enter("x")
        receive(connection, b"x\n")
        connection.sendall(b"again: ")
        terminal.prompts("again:")
    assert terminal.text.count("\nsockcli>") == 2


def test_the_repl_there(start: Start, peer: Peer) -> None:
    terminal = start("repl", env=DUMB)
    terminal.prompts("sockcli> ")
    terminal.enter(f"tcp 127.0.0.1 {peer.port}")
    connection = peer.accept()
    connection.sendall(b"name: ")
    terminal.prompts("name: ")
    connection.close()
    terminal.prompts("sockcli> ")
    assert f"name:\nsockcli: session 1: connection closed by 127.0.0.1:{peer.port}\nsockcli>" in terminal.text
    terminal.type(CTRL_D)
    assert terminal.finish() == 0
    assert b"\x1b" not in terminal.written


@pytest.mark.parametrize("prompt", ["", "name: "])
def test_a_line_whose_session_ends_is_no_command_there(start: Start, peer: Peer, prompt: str) -> None:
    terminal = start("repl", "127.0.0.1", peer.port, env=DUMB)
    connection = peer.accept()
    connection.sendall(f"welcome\r\n{prompt}".encode())
    terminal.shows("welcome")
    terminal.type("qu")
    terminal.prompts(f"{prompt}qu")
    connection.close()
    terminal.prompts("(session 1 is over; Enter goes on)")
    ended = f"sockcli: session 1: connection closed by 127.0.0.1:{peer.port}"
    assert f"welcome\n{prompt}qu\n{ended}\n(session 1" in terminal.text
    terminal.enter("it")
    terminal.shows("error: session 1 is over; this was not sent")
    terminal.prompts("sockcli> ")
    terminal.enter("sessions")
    terminal.shows("no sessions")


def test_ctrl_c_there(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, env=DUMB)
    peer.accept().sendall(b"name: ")
    terminal.prompts("name: ")
    terminal.type(CTRL_C)
    assert terminal.finish() == -signal.SIGINT
    assert terminal.is_as_found()


@pytest.mark.parametrize(("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color(start: Start, env: dict[str, str], coloured: bool) -> None:
    terminal = start("repl", env=env)
    terminal.prompts("sockcli> ")
    terminal.enter("help")
    terminal.shows("sendfile")
    assert bool(COLOUR.search(terminal.written)) is coloured


def test_without_colours_a_suggestion_does_not_look_typed(start: Start) -> None:
    terminal = start("repl", env={"NO_COLOR": "1"})
    terminal.prompts("sockcli> ")
    terminal.enter("sessions")
    terminal.shows("no sessions")
    terminal.prompts("sockcli> ")
    terminal.type("se")
    terminal.until(lambda: terminal.text.count("sockcli> sessions") == 2, "a suggestion")
    row = terminal.screen.buffer[terminal.screen.cursor.y]
    typed = len("sockcli> se")
    assert (row[typed - 1].underscore, row[typed].underscore) == (False, True)
