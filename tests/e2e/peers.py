"""The other end, where a test wants it to do what no well-behaved program does."""

from __future__ import annotations

import fcntl
import hashlib
import socket
import struct
import termios
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from tests.waiting import PATIENCE, until


class Peer:
    """A bound or listening socket, and the connections it accepted; all are closed at the end of the test."""

    def __init__(self, kind: socket.SocketKind, host: str, stack: ExitStack, port: int = 0) -> None:
        self._stack = stack
        self.is_stream = kind == socket.SOCK_STREAM
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = stack.enter_context(socket.socket(family, kind))
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        if self.is_stream:
            self.socket.listen(16)

    @property
    def port(self) -> int:
        port: int = self.socket.getsockname()[1]
        return port

    def accept(self) -> socket.socket:
        connection, _ = self.socket.accept()
        connection.settimeout(PATIENCE)
        return self._stack.enter_context(connection)

    def receive(self) -> bytes:
        """One datagram."""
        return self.receive_from()[0]

    def receive_from(self) -> tuple[bytes, tuple[str, int]]:
        data, address = self.socket.recvfrom(70_000)
        return data, address

    def nothing_more(self) -> bool:
        """Whether no datagram is left. Loopback delivers within the sender's `send`: nothing can be on its way."""
        self.socket.settimeout(0)
        try:
            self.socket.recvfrom(70_000)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False


# What the fixtures `tcp_peer`, `udp_peer` and `background` give.
Listen = Callable[..., Peer]
Background = Callable[..., "Future[Any]"]


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), timeout=PATIENCE)


def read_all(connection: socket.socket) -> bytes:
    """All up to the end."""
    data = bytearray()
    while chunk := connection.recv(1 << 18):
        data += chunk
    return bytes(data)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        assert chunk, f"the connection ended after {bytes(data[-100:])!r}"
        data += chunk
    return bytes(data)


def digest_all(connection: socket.socket) -> str:
    """Of all up to the end, without keeping it."""
    digest = hashlib.sha256()
    while chunk := connection.recv(1 << 18):
        digest.update(chunk)
    return digest.hexdigest()


def reset(connection: socket.socket) -> None:
    """Break the connection instead of ending it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def deliver(connection: socket.socket, data: bytes) -> None:
    """Send, and wait until the other side's kernel has it all."""
    connection.sendall(data)
    until(lambda: _unacknowledged(connection) == 0, "the data to be delivered")


def _unacknowledged(connection: socket.socket) -> int:
    answer = fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4)
    (size,) = struct.unpack("i", answer)
    return int(size)


def is_open(connection: socket.socket) -> bool:
    """Whether the other end has neither sent anything nor ended its side."""
    connection.settimeout(0)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(PATIENCE)
    return False


def bytes_of_all_kinds(size: int) -> bytes:
    """Every byte value, in no short period, so that a piece lost, doubled or moved shows."""
    return hashlib.shake_128(b"sockcli").digest(size)


_BACKLOG_FILLERS: Final = 4


@contextmanager
def silence() -> Iterator[int]:
    """A port where connecting neither succeeds nor fails: its queue is full and nobody accepts."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(_BACKLOG_FILLERS):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def nobody() -> int:
    """A TCP and UDP port of 127.0.0.1 that refuses. Held for no one, so it is asked for just before its use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
