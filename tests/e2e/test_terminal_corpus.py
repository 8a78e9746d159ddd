"""What a hostile server sends to a session on a terminal: the terminal answers nothing, and stays as it is.

Three ways to the terminal: the line, the keys of character mode, and the plain relay. All of the corpus is sent,
and then by hand a line, so that whatever the terminal had typed by itself would stand before it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.peers import Listen, Peer, is_open, read_exactly
from tests.e2e.stage import Stage
from tests.e2e.terminal import Terminal, is_given_back
from tests.terminal.corpus import DANGEROUS, variants
from tests.terminal.grammar import violations
from tests.waiting import until

WILL_ECHO_AND_SGA: Final = b"\xff\xfb\x01\xff\xfb\x03"
DO_ECHO_AND_SGA: Final = b"\xff\xfd\x01\xff\xfd\x03"
# Cancels what is under way, and what a string without an end has swallowed.
MARK: Final = b"\x18\r\n~ %d ~\r\n"
WHOLE: Final = [data for _, data in variants()]
# Each byte of each sequence on its own.
BYTES: Final = [bytes([byte]) for data in DANGEROUS.values() for byte in data + b"\x18"]


def attack(connection: socket.socket, terminal: Terminal) -> None:
    """Send everything, and wait until it was shown."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number, pieces in enumerate((WHOLE, BYTES)):
        for piece in pieces:
            connection.sendall(piece)
            terminal.read()  # nobody waits for a terminal that does not read
        connection.sendall(MARK % number)
        terminal.wait_for(f"~ {number} ~")


def is_untouched(terminal: Terminal) -> None:
    assert terminal.answered == []
    assert terminal.titles == []
    assert {mode for mode in terminal.screen.mode if mode != 2004 << 5} <= terminal.modes_before | SHOWN


# What a program may switch on for its own screen, in pyte's numbers: undone at the end.
SHOWN: Final = {mode << 5 for mode in (1, 6, 7, 12, 25, 1049)} | {4}


class TestLineMode:
    def test_nothing_is_answered(self, stage: Stage, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        terminal = stage.ours(peer.port)
        connection = peer.accept()
        terminal.wait_for("  line  ")
        attack(connection, terminal)
        is_untouched(terminal)
        assert is_open(connection), "nothing was sent"
        terminal.enter("x")
        assert read_exactly(connection, 2) == b"x\n"
        connection.close()
        terminal.wait_end()
        is_untouched(terminal)
        is_given_back(terminal)


class TestCharacterMode:
    @staticmethod
    def start(stage: Stage, peer: Peer, *options: str) -> tuple[Terminal, socket.socket]:
        terminal = stage.ours(peer.port, *options)
        connection = peer.accept()
        connection.sendall(WILL_ECHO_AND_SGA)
        assert read_exactly(connection, 6) == DO_ECHO_AND_SGA
        return terminal, connection

    def test_nothing_is_answered(self, stage: Stage, tcp_peer: Listen) -> None:
        terminal, connection = self.start(stage, tcp_peer())
        connection.sendall(b"~ start ~\r\n")
        terminal.wait_for("~ start ~")
        attack(connection, terminal)
        is_untouched(terminal)
        shown = bytes(terminal.written).partition(b"~ start ~")[2]
        assert violations(shown, "screen") == []
        assert is_open(connection), "nothing was sent"
        terminal.type("x")
        assert read_exactly(connection, 1) == b"x"
        connection.close()
        terminal.wait_end()
        is_untouched(terminal)
        is_given_back(terminal)

    def test_raw_is_what_it_says(self, stage: Stage, tcp_peer: Listen) -> None:
        """The same terminal does answer, where the user asks for it."""
        terminal, connection = self.start(stage, tcp_peer(), "--terminal", "raw")
        connection.sendall(DANGEROUS["device attributes"] + DANGEROUS["title"] + b"~ end ~")
        terminal.wait_for("~ end ~")
        assert terminal.answered
        assert terminal.titles
        assert read_exactly(connection, len(terminal.answered[0])) == terminal.answered[0]


class TestPlainRelay:
    def test_nothing_is_answered(self, stage: Stage, tcp_peer: Listen) -> None:
        """Its input is a pipe, so what a terminal answers would be left to the shell."""
        peer = tcp_peer()
        stdin = stage.directory / "stdin"
        os.mkfifo(stdin)
        with open(os.open(stdin, os.O_RDWR), "wb"):  # which never ends
            # A slow machine takes so long for it that a progress line would come between.
            command = shlex.join(stage.command(peer.port, "--no-progress"))
            terminal = stage.terminal("sh", "-c", f"exec {command} < {shlex.quote(str(stdin))}")
            connection = peer.accept()
            attack(connection, terminal)
            is_untouched(terminal)
            assert is_open(connection), "nothing was sent"
            connection.close()
            assert terminal.wait_end() == 0
        assert terminal.text.count("left out") > 0
        is_untouched(terminal)
        is_given_back(terminal)
        # The terminal's own line discipline puts a CR before each LF, also where there is one.
        assert violations(bytes(terminal.written).replace(b"\r\r\n", b"\r\n"), "safe") == []


class TestRealTerminal:
    """The same in tmux, which answers more than an emulator for tests, and has a clipboard."""

    @pytest.fixture
    def tmux(self, tmp_path: Path) -> Iterator[Callable[..., str]]:
        program = shutil.which("tmux")
        if program is None:
            pytest.skip("tmux is not installed (Debian: tmux)")
        command = [program, "-f", "/dev/null", "-S", str(tmp_path / "socket")]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "HOME": str(tmp_path)}

        def run(*arguments: str) -> str:
            return subprocess.run(
                [*command, *arguments], check=True, env=environment, capture_output=True
            ).stdout.decode()

        yield run
        subprocess.run([*command, "kill-server"], check=False, stderr=subprocess.DEVNULL)

    @pytest.mark.parametrize("character", [False, True], ids=["line mode", "character mode"])
    def test_nothing_is_answered(
        self, stage: Stage, tcp_peer: Listen, tmux: Callable[..., str], character: bool
    ) -> None:
        peer = tcp_peer()
        tmux("new-session", "-d", "-x", "80", "-y", "24", *stage.command(peer.port))
        tmux("set", "-s", "set-clipboard", "on")
        connection = peer.accept()
        if character:
            connection.sendall(WILL_ECHO_AND_SGA)
            assert read_exactly(connection, 6) == DO_ECHO_AND_SGA
        for piece in WHOLE:
            connection.sendall(piece)
        connection.sendall(MARK % 0)
        until(lambda: "~ 0 ~" in tmux("capture-pane", "-p"), "the end of it in tmux")
        assert "pwned" not in tmux("display-message", "-p", "#{pane_title}#{window_name}")
        assert tmux("list-buffers") == ""
        assert is_open(connection), "nothing was sent"
        tmux("send-keys", "x", "Enter")
        line = b"x\r\0" if character else b"x\n"
        assert read_exactly(connection, len(line)) == line
