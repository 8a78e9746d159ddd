"""What the REPL says of its sessions: that they are open, in front, closed; and where one is."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

import pytest

from sockcli import __version__
from tests.console.conftest import Peer, Start
from tests.console.terminal import ESCAPE, Terminal


def connect(terminal: Terminal, peer: Peer, greeting: bytes) -> socket.socket:
    """A session with a peer that speaks first, before anyone could look."""
    greeter = Thread(target=lambda: peer.accept().sendall(greeting))
    greeter.start()
    terminal.enter(f"tcp 127.0.0.1 {peer.port}")
    greeter.join()
    terminal.prompts(greeting.decode().rpartition("\n")[2])
    return peer.accepted[-1]


def command(terminal: Terminal, line: str) -> None:
    """From within a session."""
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter(line)


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_a_session_is_announced_before_it_speaks(start: Start, peer: Peer, kind: str) -> None:
    terminal = start("repl", env={"TERM": kind})
    terminal.prompts("sockcli> ")
    connect(terminal, peer, b"peer ready\r\nname: ")
    at = f"127.0.0.1:{peer.port}"
    terminal.shows(f"sockcli: session 1: tcp {at}, connected with {at}\npeer ready\nname:")


def test_a_first_session_is_announced_too(start: Start, peer: Peer) -> None:
    terminal = start("repl", "127.0.0.1", peer.port)
    terminal.shows(f"sockcli: session 1: tcp 127.0.0.1:{peer.port}, connected with 127.0.0.1:{peer.port}")


@pytest.mark.parametrize(("options", "way_back"), [([], "; ^] in a session comes back"), (["--escape", "none"], "")])
def test_a_start_says_where_one_is(start: Start, tmp_path: Path, options: list[str], way_back: str) -> None:
    terminal = start("repl", *options, columns=200)
    terminal.prompts("sockcli> ")
    assert f"sockcli: {__version__}, manifest {tmp_path}/rules.json" in terminal.text
    assert f"sockcli: help lists the commands{way_back}" in terminal.text


def test_use_says_where_one_is_and_shows_the_prompt_again(start: Start, peer: Peer) -> None:
    terminal = start("repl", columns=120)
    terminal.prompts("sockcli> ")
    connect(terminal, peer, b"one> ")
    command(terminal, "")
    terminal.type(ESCAPE)
    connect(terminal, peer, b"two> ")
    peer.accepted[0].sendall(b"news\r\none again> ")
    terminal.shows("17 bytes unread")
    command(terminal, "use 1")
    terminal.prompts("one again> ")
    terminal.shows(f"sockcli> use 1\nsockcli: session 1: tcp 127.0.0.1:{peer.port}\none> news\none again>")


def test_use_draws_the_line_of_a_session_in_character_mode_again(start: Start, peer: Peer) -> None:
    terminal = start("repl")
    terminal.prompts("sockcli> ")
    connect(terminal, peer, b"one> ")
    command(terminal, f"tcp 127.0.0.1 {peer.port}")
    other = peer.accept()
    other.sendall(b"\xff\xfb\x01\xff\xfb\x03two$ ")
    terminal.prompts("two$ ")
    command(terminal, "use 1")
    terminal.prompts("one> ")
    command(terminal, "use 2")
    terminal.prompts("two$ ")
    terminal.shows(f"sockcli> use 2\nsockcli: session 2: tcp 127.0.0.1:{peer.port}\ntwo$")


def test_use_goes_from_a_full_screen_to_another_session_at_once(start: Start, peer: Peer) -> None:
    terminal = start("repl")
    terminal.prompts("sockcli> ")
    for text in ("one$ ", "\x1b[?1049h\x1b[2J\x1b[H~"):
        terminal.enter(f"tcp 127.0.0.1 {peer.port}")
        peer.accept().sendall(b"\xff\xfb\x01\xff\xfb\x03" + text.encode())
        terminal.prompts(text[-1] if "~" in text else text)
        terminal.type(ESCAPE)
        terminal.prompts("sockcli> ")
    terminal.enter("use 1")
    terminal.shows("session 1: tcp")
    terminal.type("x")
    while not peer.accepted[0].recv(100).endswith(b"x"):
        pass
    peer.accepted[0].sendall(b"x")
    terminal.prompts("one$ x")


def test_a_close_is_told_and_what_is_left(start: Start, peer: Peer) -> None:
    terminal = start("repl", columns=120)
    terminal.prompts("sockcli> ")
    for number, left in enumerate(["", "; use 2 puts session 2 in front", "; use N picks one of 2"], 1):
        connect(terminal, peer, b"in> ")
        command(terminal, "close")
        terminal.shows(f"sockcli: session {number * 2 - 1} closed{left}\nsockcli>")
        terminal.enter(f"tcp 127.0.0.1 {peer.port}")
        peer.accept()
        terminal.shows(f"sockcli: session {number * 2}: tcp")
        terminal.prompts("")
        terminal.type(ESCAPE)
        terminal.prompts("sockcli> ")
