"""Pairs of connected descriptors of each kind, and a reader for one end."""

from __future__ import annotations

import os
import pty
import socket
import termios
import tty
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest


class Descriptors:
    """Pairs of descriptors, closed at the end of the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def keep(self, fd: int) -> int:
        self._stack.callback(self._close, fd)
        return fd

    def _close(self, fd: int) -> None:
        with suppress(OSError):  # the test itself closed it
            os.close(fd)

    def pipe(self) -> tuple[int, int]:
        read, write = os.pipe()
        return self.keep(read), self.keep(write)

    def socket_pair(self) -> tuple[int, int]:
        ours, theirs = socket.socketpair()
        return self.keep(theirs.detach()), self.keep(ours.detach())

    def terminal(self) -> tuple[int, int]:
        master, slave = pty.openpty()
        tty.setraw(slave, termios.TCSANOW)
        return self.keep(master), self.keep(slave)


@pytest.fixture
def descriptors() -> Iterator[Descriptors]:
    with ExitStack() as stack:
        yield Descriptors(stack)


@pytest.fixture
def reading() -> Iterator[Callable[[int], Callable[[], bytes]]]:
    def read_all(fd: int) -> bytes:
        data = bytearray()
        while chunk := os.read(fd, 65_536):
            data += chunk
        return bytes(data)

    with ThreadPoolExecutor(1) as pool:
        yield lambda fd: pool.submit(read_all, fd).result
