"""When a session at a terminal speaks telnet: at port 23 at once, elsewhere as soon as the peer does, or as told."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Final

import pytest

from tests.e2e.peers import Listen, read_exactly
from tests.e2e.runner import Sockcli
from tests.e2e.stage import Stage
from tests.e2e.terminal import Terminal

WILL, DO, IAC = 251, 253, 255
ECHO, SGA, TTYPE, NAWS = 1, 3, 24, 31
FIRST_WORDS: Final = bytes([IAC, DO, SGA, IAC, WILL, TTYPE, IAC, WILL, NAWS])

Open = Callable[..., tuple[Terminal, socket.socket]]


@pytest.fixture
def at_telnet_port(stage: Stage, sockcli: Sockcli, tcp_peer: Listen) -> Open:
    def connect(*options: str) -> tuple[Terminal, socket.socket]:
        try:
            peer = tcp_peer("127.0.0.23", 23)
        except PermissionError:
            pytest.skip("only root may listen at port 23")
        command = [sys.executable, "-m", "sockcli", "--manifest", str(sockcli.manifest), "tcp", *options]
        return stage.terminal(*command, "127.0.0.23", "23"), peer.accept()

    return connect


@pytest.fixture
def elsewhere(stage: Stage, tcp_peer: Listen) -> Open:
    def connect(*options: str) -> tuple[Terminal, socket.socket]:
        peer = tcp_peer()
        return stage.ours(peer.port, *options), peer.accept()

    return connect


def says(terminal: Terminal, connection: socket.socket, data: bytes, shown: str) -> None:
    """The session is there, and has seen this of the peer's."""
    connection.sendall(data + b"\r\n")
    terminal.wait_for(shown)


class TestTelnetPort:
    def test_it_speaks_first(self, at_telnet_port: Open) -> None:
        terminal, connection = at_telnet_port()
        assert read_exactly(connection, len(FIRST_WORDS)) == FIRST_WORDS
        says(terminal, connection, b"hello", "hello")
        terminal.enter("joe")
        assert read_exactly(connection, 5) == b"joe\r\n"

    def test_not_with_no_telnet(self, at_telnet_port: Open) -> None:
        terminal, connection = at_telnet_port("--no-telnet")
        says(terminal, connection, bytes([IAC, DO, TTYPE]) + b"hello", "hello")
        terminal.enter("joe")
        assert read_exactly(connection, 4) == b"joe\n"


class TestElsewhere:
    def test_nothing_is_said_before_the_peer_speaks_telnet(self, elsewhere: Open) -> None:
        terminal, connection = elsewhere()
        says(terminal, connection, b"hello", "hello")
        terminal.enter("one")
        assert read_exactly(connection, 4) == b"one\n"
        says(terminal, connection, bytes([IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, TTYPE]) + b"shell", "shell")
        answer = bytes([IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, TTYPE])
        assert read_exactly(connection, len(answer)) == answer
        terminal.enter("x")
        assert read_exactly(connection, 3) == b"x\r\0"

    @pytest.mark.parametrize("data", [b"\xff", b"\xff\xff", b"\xffa", b"\xff\xf6", b"\xff\xfb\xff"])
    def test_a_0xff_that_starts_no_negotiation_is_data(self, elsewhere: Open, data: bytes) -> None:
        terminal, connection = elsewhere("--encoding", "latin-1")
        says(terminal, connection, data + b" hello", "\xff")
        terminal.wait_for(" hello")
        terminal.enter("\xff")
        assert read_exactly(connection, 2) == b"\xff\n"

    def test_not_with_no_telnet(self, elsewhere: Open) -> None:
        terminal, connection = elsewhere("--no-telnet")
        says(terminal, connection, bytes([IAC, WILL, ECHO, IAC, DO, TTYPE]) + b"hello", "hello")
        terminal.enter("one")
        assert read_exactly(connection, 4) == b"one\n"

    def test_from_the_start_when_told_to_but_the_peer_has_the_first_word(self, elsewhere: Open) -> None:
        terminal, connection = elsewhere("--telnet")
        says(terminal, connection, b"hello", "hello")
        terminal.enter("one")
        assert read_exactly(connection, 5) == b"one\r\n"
