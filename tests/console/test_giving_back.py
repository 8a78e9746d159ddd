"""Whatever ends or stops it, the terminal is the shell's again as it was."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable

import pytest

from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_C, CTRL_D, CTRL_Z, ESCAPE, SOCKCLI, Terminal
from tests.console.test_character_mode import AGREED, CHARACTER
from tests.console.test_prompt_commands import WILL_ECHO

# A shell with job control that edits no lines of its own, so that the terminal's mode is what it found.
SHELL = ("bash", "--norc", "--noediting", "-i")
COMMAND = " ".join(SOCKCLI)


def under_a_shell(start: Start, peer: Peer, command: str) -> tuple[Terminal, socket.socket]:
    terminal = start(program=SHELL, env={"PS1": "shell> "})
    terminal.prompts("shell> ")
    terminal.found = terminal.attributes()
    terminal.enter(f"{COMMAND} {command}")
    return terminal, peer.accept()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_in_line_mode(start: Start, peer: Peer, signum: signal.Signals) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    peer.accept().sendall(b"name: ")
    terminal.prompts("name: ")
    terminal.type("half")
    terminal.prompts("name: half")
    assert not terminal.is_as_found()
    terminal.process.send_signal(signum)
    assert terminal.finish() == -signum
    assert terminal.is_as_found()
    assert terminal.written.rfind(b"\x1b[?2004h") < terminal.written.rfind(b"\x1b[?2004l")


@pytest.mark.parametrize("env", [{}, {"TERM": "dumb"}])
def test_ctrl_backslash_in_line_mode(start: Start, peer: Peer, env: dict[str, str]) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, env=env)
    peer.accept().sendall(WILL_ECHO + b"password: ")
    terminal.prompts("password: ")
    assert not terminal.is_as_found()
    terminal.type("half\x1c")
    assert terminal.finish() == -signal.SIGQUIT
    assert terminal.is_as_found()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_repl(start: Start, signum: signal.Signals) -> None:
    terminal = start("repl")
    terminal.prompts("sockcli> ")
    terminal.process.send_signal(signum)
    assert terminal.finish() == -signum
    assert terminal.is_as_found()


def test_an_ignored_signal_stays_ignored(start: Start, peer: Peer) -> None:
    ignoring = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh", *SOCKCLI)
    terminal = start("tcp", "127.0.0.1", peer.port, program=ignoring)
    connection = peer.accept()
    connection.sendall(b"welcome\n")
    terminal.shows("welcome")
    terminal.process.send_signal(signal.SIGHUP)
    terminal.enter("still here")
    receive(connection, b"still here\n")


def test_the_terminal_is_closed(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"welcome\n")
    terminal.shows("welcome")
    terminal.hang_up()
    assert terminal.process.wait(10) == -signal.SIGHUP
    assert connection.recv(100) == b""


def test_ctrl_z_and_back_in_line_mode(start: Start, peer: Peer) -> None:
    terminal, connection = under_a_shell(start, peer, f"tcp 127.0.0.1 {peer.port}")
    connection.sendall(b"name: ")
    terminal.prompts("name: ")
    terminal.type("half")
    terminal.prompts("name: half")
    terminal.type(CTRL_Z)
    terminal.prompts("shell> ")
    assert terminal.is_as_found()
    assert terminal.written.rfind(b"\x1b[?2004h") < terminal.written.rfind(b"\x1b[?2004l")
    terminal.enter("fg")
    terminal.prompts("name: half")
    terminal.enter(" more")
    receive(connection, b"half more\n")


def test_what_comes_while_stopped_is_shown_afterwards(start: Start, peer: Peer) -> None:
    terminal, connection = under_a_shell(start, peer, f"tcp 127.0.0.1 {peer.port}")
    connection.sendall(b"name: ")
    terminal.prompts("name: ")
    terminal.type(CTRL_Z)
    terminal.prompts("shell> ")
    connection.sendall(b"\nmeanwhile\nname: ")
    terminal.enter("bg")  # it runs, but the terminal is not its own
    for number in range(5):  # and what is typed there neither reaches it nor stops it
        terminal.enter(f"echo li''ne {number}")
        terminal.shows(f"line {number}")
    terminal.enter("jobs")
    terminal.shows("[1]+  Running")
    assert "meanwhile" not in terminal.text
    terminal.enter("fg")
    terminal.shows("meanwhile\nname:")


@pytest.mark.parametrize("go_on", ["bg", "fg"])
def test_killed_after_a_stop(start: Start, peer: Peer, go_on: str) -> None:
    terminal, connection = under_a_shell(start, peer, f"tcp 127.0.0.1 {peer.port}")
    connection.sendall(b"name: ")
    terminal.prompts("name: ")
    terminal.type(CTRL_Z)
    terminal.prompts("shell> ")
    terminal.enter(go_on)
    if go_on == "fg":
        terminal.prompts("name: ")
        os.killpg(terminal.foreground(), signal.SIGTERM)
        terminal.prompts("shell> ")
    else:
        terminal.enter("kill %1; wait %1")
    terminal.enter("echo do''ne")
    terminal.shows("done")
    assert connection.recv(100) == b""
    assert terminal.is_as_found()
    assert "Terminated" in terminal.text
    assert "ignored" not in terminal.text


@pytest.mark.parametrize("command", ["tcp 127.0.0.1 PORT", "repl"])
def test_started_in_the_background_it_stops_before_it_draws(start: Start, peer: Peer, command: str) -> None:
    terminal = start(program=SHELL, env={"PS1": "shell> "})
    terminal.prompts("shell> ")
    terminal.found = terminal.attributes()
    before = len(terminal.written)
    terminal.enter(f"{COMMAND} {command.replace('PORT', peer.port)} &")
    terminal.prompts("shell> ")
    terminal.enter("wait %1; echo wai''ted")
    terminal.shows("waited")
    assert "Stopped" in terminal.text
    assert b"\x1b" not in terminal.written[before:]
    assert b"connected" not in terminal.written[before:]
    assert b"manifest" not in terminal.written[before:]
    assert terminal.is_as_found()
    terminal.enter("bg; wait %1; echo do''ne")
    terminal.shows("done")
    assert b"\x1b" not in terminal.written[before:]
    terminal.enter("fg")
    if command == "repl":
        terminal.prompts("sockcli> ")
    else:
        peer.accept().sendall(b"name: ")
        terminal.prompts("name: ")
    assert not terminal.is_as_found()


def test_the_command_suspend_in_character_mode(start: Start, peer: Peer) -> None:
    terminal, connection = under_a_shell(start, peer, f"tcp 127.0.0.1 {peer.port}")
    connection.sendall(CHARACTER)
    receive(connection, AGREED)
    connection.sendall(b"$ ")
    terminal.prompts("$ ")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("suspend")
    terminal.prompts("shell> ")
    assert terminal.is_as_found()
    terminal.enter("fg")
    terminal.prompts("$ ")
    terminal.until(lambda: terminal.foreground() != terminal.process.pid, "the foreground")
    terminal.type("x")
    receive(connection, b"x")


def test_stopped_from_outside_in_character_mode(start: Start, peer: Peer) -> None:
    """SIGTSTP of another's, and SIGCONT: modes are taken back and brought again."""
    terminal, connection = under_a_shell(start, peer, f"tcp 127.0.0.1 {peer.port}")
    connection.sendall(CHARACTER)
    receive(connection, AGREED)
    connection.sendall(b"\x1b[?1049h\x1b[?25lfull")
    terminal.until(lambda: b"full" in terminal.written, "the screen")
    os.killpg(terminal.foreground(), signal.SIGTSTP)
    terminal.until(lambda: b"Stopped" in terminal.written and terminal.is_as_found(), "the shell")
    off = bytes(terminal.written)
    assert off.rfind(b"\x1b[?1049l") > off.rfind(b"\x1b[?1049h")
    assert off.rfind(b"\x1b[?25h") > off.rfind(b"\x1b[?25l")
    terminal.enter("fg")
    terminal.until(lambda: bytes(terminal.written).rfind(b"\x1b[?1049h") > len(off), "the screen again")
    terminal.type("x")
    receive(connection, b"x")


@pytest.mark.parametrize("leave", ["quit", "close 1", "tcp 127.0.0.1 PORT"])
def test_what_the_user_let_through_in_line_mode_is_undone(start: Start, peer: Peer, leave: str) -> None:
    """Also where the session is not over, but another takes its place."""
    terminal = start("repl", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"welcome\r\n")
    terminal.shows("welcome")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("set terminal raw")
    terminal.prompts("")
    connection.sendall(b"\x1b[?1000h\x1b[?1mode\r\n")
    terminal.until(lambda: b"?1000h" in terminal.written, "the mode")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter(leave.replace("PORT", peer.port))
    terminal.until(lambda: terminal.written.rfind(b"?1000h") < terminal.written.rfind(b"?1000l"), "its end")


CRASHING = """
import sys
from sockcli.sessions.view import TerminalView

def crash(self, chunk):
    raise RuntimeError("a fault of ours")

TerminalView.show = crash
from sockcli.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("beginning", [b"", CHARACTER])
def test_a_fault_of_ours(start: Start, peer: Peer, beginning: bytes) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, program=(sys.executable, "-c", CRASHING))
    connection = peer.accept()
    connection.sendall(beginning)
    if beginning:
        receive(connection, AGREED)
    connection.sendall(b"hello\r\n")
    assert terminal.finish() == 1
    assert terminal.is_as_found()
    assert "RuntimeError: a fault of ours" in terminal.text
    assert terminal.written.rfind(b"\x1b[?2004h") < terminal.written.rfind(b"\x1b[?2004l")


FAULTY_COMMAND = """
import sys
from sockcli.commands import runner

async def run(self, line):
    raise RuntimeError("a fault of ours")

runner.Runner.run = run
from sockcli.__main__ import main
sys.exit(main())
"""


def test_a_fault_in_a_command_does_not_end_the_repl(start: Start) -> None:
    terminal = start("repl", program=(sys.executable, "-c", FAULTY_COMMAND))
    terminal.prompts("sockcli> ")
    terminal.enter("status")
    terminal.shows("internal error: RuntimeError: a fault of ours")
    terminal.prompts("sockcli> ")
    terminal.type(CTRL_D)
    assert terminal.finish() == 0


Leave = Callable[[Terminal], None]


@pytest.mark.parametrize("leave", [lambda t: t.type(CTRL_D), lambda t: t.enter("quit")])
def test_leaving_the_repl(start: Start, leave: Leave) -> None:
    terminal = start("repl")
    terminal.prompts("sockcli> ")
    leave(terminal)
    assert terminal.finish() == 0
    assert terminal.is_as_found()


def test_ctrl_c_does_not_end_the_repl(start: Start) -> None:
    terminal = start("repl")
    terminal.prompts("sockcli> ")
    terminal.type("wrong" + CTRL_C + CTRL_C)
    terminal.process.send_signal(signal.SIGINT)
    terminal.prompts("sockcli> ")
    terminal.enter("help")
    terminal.shows("sendfile")
