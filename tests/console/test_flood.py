"""While a peer sends without end: keys show in their order, none is lost, the program can be left, memory stays flat.

How soon a key shows is not judged here, since other tests run on the same machine: `python -m benchmarks --only keys`
measures it.
"""

from __future__ import annotations

import re
import signal
import socket
import string
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import pytest

from sockcli.telnet.constants import DM, DONT, IAC, IP
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_C, ESCAPE, Terminal
from tests.console.test_character_mode import AGREED, CHARACTER
from tests.waiting import PATIENCE

FLOODS: Final = {
    "text": b"The quick brown fox jumps over the lazy dog, and so on.\r\n" * 1_000,
    "endless line": b"x" * 65_536,
    "colours and rubbish": "\x1b[31mred\x1b[0m \x1b]0;title\x07 café \x07\x9b \r\n".encode() * 1_000,
}
MEMORY: Final = 80 << 20
# More than any of these tests shows before it is over. The flood never ends, so that a time limit alone would not do.
TOO_MUCH: Final = 200 << 20
SEQUENCES: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@contextmanager
def flooding(connection: socket.socket, data: bytes) -> Iterator[None]:
    """Send it again and again, as fast as it is taken."""
    over = threading.Event()

    def send() -> None:
        with suppress(OSError):
            while not over.is_set():
                connection.sendall(data)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


def until_written(terminal: Terminal, wanted: bytes) -> None:
    """Read until this was written. Between its characters may stand sequences that move the cursor."""
    seen = b""
    while wanted not in SEQUENCES.sub(b"", seen):
        before = terminal.total
        assert terminal.read(PATIENCE), f"no {wanted!r}, and nothing more is written"
        seen = (seen + bytes(terminal.written[before - terminal.total :]))[-20_000:]
        assert terminal.total < TOO_MUCH, f"no {wanted!r}"


def drain(terminal: Terminal, size: int) -> None:
    end = terminal.total + size
    while terminal.total < end:
        assert terminal.read(PATIENCE)


@pytest.mark.parametrize("kind", FLOODS)
def test_keys_show_and_memory_stays(start: Start, peer: Peer, kind: str) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, draw=False)
    connection = peer.accept()
    with flooding(connection, FLOODS[kind]):
        drain(terminal, 4 << 20)
        memory = terminal.memory()
        typed = ""
        for key in string.ascii_uppercase[:15]:
            typed += key
            terminal.type(key)
            until_written(terminal, typed.encode())
        terminal.enter("")
        reading(terminal, lambda: receive(connection, typed.encode() + b"\n"))
        drain(terminal, 4 << 20)
        assert terminal.memory() < memory + (8 << 20)
        assert terminal.memory() < MEMORY


def test_keys_show_while_options_are_said(start: Start, peer: Peer) -> None:
    """The dearest bytes there are: three of them are a negotiation, with nothing to answer and nothing to show."""
    terminal = start("tcp", "--telnet", "127.0.0.1", peer.port)
    with flooding(peer.accept(), bytes([IAC, DONT, 0x80]) * 20_000):
        terminal.until(lambda: re.search(r" in \d{3}k, out ", terminal.text), "some hundred kilobytes of them")
        for key in "QWZYJVK":
            terminal.type(key)
            until_written(terminal, key.encode())


def test_the_escape_key_and_leaving(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, draw=False)
    with flooding(peer.accept(), FLOODS["text"]):
        drain(terminal, 1 << 20)
        terminal.type(ESCAPE)
        until_written(terminal, b"sockcli> ")
        terminal.enter("quit")
        assert terminal.finish() == 0
        assert terminal.is_as_found()


def test_ctrl_c_ends_a_plain_session(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, draw=False)
    with flooding(peer.accept(), FLOODS["text"]):
        drain(terminal, 1 << 20)
        terminal.type(CTRL_C)
        assert terminal.finish() == -signal.SIGINT
        assert terminal.is_as_found()


def test_ctrl_c_reaches_a_telnet_peer_in_line_mode(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "--telnet", "127.0.0.1", peer.port, draw=False)
    connection = peer.accept()
    with flooding(connection, FLOODS["text"]):
        drain(terminal, 1 << 20)
        terminal.type(CTRL_C)
        reading(terminal, lambda: receive(connection, bytes([IAC, IP, IAC, DM])))


def test_keys_reach_the_peer_in_character_mode(start: Start, peer: Peer) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port, draw=False)
    connection = peer.accept()
    connection.sendall(CHARACTER)
    receive(connection, AGREED)
    with flooding(connection, FLOODS["text"]):
        drain(terminal, 4 << 20)
        terminal.type(CTRL_C + "q")
        reading(terminal, lambda: receive(connection, b"\x03q"))
        terminal.type(ESCAPE)
        until_written(terminal, b"sockcli> ")
        terminal.enter("quit")
        assert terminal.finish() == 0
        assert terminal.is_as_found()


def test_a_terminal_that_stands_still_does_not_stop_the_keys(start: Start, peer: Peer) -> None:
    """Nothing is read of what it writes; still it reads what is typed, and ends when it is told to."""
    terminal = start("tcp", "127.0.0.1", peer.port, draw=False)
    connection = peer.accept()
    with flooding(connection, FLOODS["text"]):
        drain(terminal, 1 << 20)
        terminal.enter("hello")
        receive(connection, b"hello\n")
        assert terminal.memory() < MEMORY
        terminal.type(CTRL_C)
        assert terminal.process.wait(PATIENCE) == -signal.SIGINT
        assert terminal.is_as_found()


def reading(terminal: Terminal, wait: Callable[[], None]) -> None:
    """Wait for the peer while the terminal is read, as one is."""
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            wait()
        except BaseException as exc:  # noqa: BLE001 - for the test to see
            outcome.append(exc)
        else:
            outcome.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while not outcome:
        terminal.read(0.05)
    if outcome[0] is not None:
        raise outcome[0]
