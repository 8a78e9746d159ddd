"""Bytes that need not pass through this process, and having the kernel move them.

`choose` decides, and decides nothing but speed: whoever moves bytes by a KernelTransfer gets the same ones, the same
end and the same errors as by reading and writing.

| from | to | way | because |
| --- | --- | --- | --- |
| pipe | TCP | SPLICE | pages change hands, nothing is copied |
| TCP | pipe | SPLICE | the same |
| file | TCP | SENDFILE | splice(2) wants a pipe at one end; sendfile(2) is the same thing for a file |
| TCP | file | COPY | by way of a pipe it is no faster than with one large buffer, and an O_APPEND file refuses |
| empty file | TCP | COPY | files in /proc say that they are empty, and are not |
| terminal, socket, device | TCP | COPY | refused, or by way of a pipe no faster |
| TCP | terminal, socket, device | COPY | the same |
| anything | anything, and somebody looks at the bytes | COPY | a filter, a recording, a codec |

UDP never: splice(2) would make one datagram of two. TLS never: its bytes are not the user's.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias, runtime_checkable

from sockcli.base.deadline import AT_ONCE, Deadline
from sockcli.base.poller import READABLE, Poller, wait
from sockcli.errors import SockcliError
from sockcli.net.transport import NotReady

# As much as is asked for in one call: more than any pipe has at a time. Of a file the kernel takes what the peer keeps
# up with, and meanwhile nobody hears a signal. Sixteen times as much is no faster.
_MOST: Final = 4 << 20

# A pipe holds 64 KiB, which two processes hand each other in tiny turns: splice(2) is then slower than a copy loop.
# Measured on loopback, 1 MiB is three times as fast as 64 KiB and a third faster than 512. It is as much as a user
# gets without root, 64 pipes of them.
_WIDE: Final = 1 << 20
# The pipe is the user's, and others see its size. It is touched only for a bulk transfer, and it only grows.
_BULK: Final = 1 << 20

# Whoever fills the pipe needs some 100 us to do so again after it was emptied at one go, and is waited for on the spot:
# a turn of the relay's loop in between costs a third of the throughput. For this long, in seconds, and for so many
# turns, between which nobody looks at deadlines or tells of progress: 3 ms of full pipes, and 16 of slow ones at most.
_MOMENT: Final = 0.001
_TURNS: Final = 16

# Do not wait for the pipe. The socket is non-blocking anyway: a splice that waits for one holds the pipe's lock, and
# whoever reads from the pipe hangs with it.
_NOW: Final = os.SPLICE_F_NONBLOCK

# Refusals that follow each other though poll() had said that both ends are ready. Two are usual, one for each end.
_PATIENCE: Final = 4

# What a connection is lost by. Any other error is this way's, which the kernel or a sandbox does not have, or that of
# the user's end, which reading or writing will tell in its own words. Nothing was moved.
_LOST: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EPIPE,
        errno.ESHUTDOWN,
        errno.ETIMEDOUT,
    }
)

Move: TypeAlias = Callable[[int], int]


class Method(Enum):
    SPLICE = auto()
    SENDFILE = auto()
    COPY = auto()


class End(Enum):
    """What is at one end, as far as it matters here."""

    PIPE = auto()
    FILE = auto()  # a regular file that has something in it
    TCP = auto()
    OTHER = auto()


_WAYS: Final = {
    (End.PIPE, End.TCP): Method.SPLICE,
    (End.TCP, End.PIPE): Method.SPLICE,
    (End.FILE, End.TCP): Method.SENDFILE,
}


def choose(source: End, sink: End, *, inspected: bool) -> Method:
    """The fastest way from `source` to `sink`; `inspected` if somebody has to look at the bytes."""
    return Method.COPY if inspected else _WAYS.get((source, sink), Method.COPY)


def end_of(fd: int) -> End:
    """What a descriptor of the user's is."""
    status = os.fstat(fd)
    if stat.S_ISFIFO(status.st_mode):
        return End.PIPE
    return End.FILE if stat.S_ISREG(status.st_mode) and status.st_size else End.OTHER


class ZeroCopyRefused(Exception):
    """This way does not work here. Nothing was moved by the call; go on by copying, for good."""


@runtime_checkable
class SupportsZeroCopy(Protocol):
    """A transport whose descriptor carries the user's bytes as they are.

    `send_by` and `receive_by` are `send` and `receive` by means of `move`, which is given the descriptor.
    """

    def fileno(self) -> int: ...
    def receive_into(self, buffer: memoryview | bytearray) -> int | NotReady: ...
    def send_by(self, move: Move) -> int | NotReady: ...
    def receive_by(self, move: Move) -> int | NotReady: ...


class KernelTransfer:
    """One direction that the kernel moves. Wait for the end that `hungry` says, `move`, and so on until the end."""

    __slots__ = ("_attempt", "_awaits_more", "_moved", "_pipe", "_refused", "_sends_file", "hungry")

    def __init__(
        self, attempt: Callable[[], int | NotReady], way: Method, fd: int, awaits_more: Callable[[], bool] | None = None
    ) -> None:
        """`awaits_more` waits a moment for more input, and says whether there is that, and nothing else to do."""
        self._attempt = attempt
        self._awaits_more = awaits_more
        self._sends_file = way is Method.SENDFILE
        self._pipe = -1 if self._sends_file else fd  # as long as it is to be widened
        self._moved = 0
        self._refused = 0
        # Wait for the input; else for the output. A file always has input.
        self.hungry = not self._sends_file

    def move(self) -> int | NotReady:
        """How many bytes went; WOULD_BLOCK; or EOF. Raises ZeroCopyRefused, and what the transport raises."""
        moved = self._attempt()
        if moved is NotReady.WOULD_BLOCK:
            self._refuse()
        elif isinstance(moved, int):
            self._refused = 0
            self._widen(moved)
            if moved >= _WIDE and self._awaits_more is not None:
                moved += self._stream(self._awaits_more)
        return moved

    def _stream(self, awaits_more: Callable[[], bool]) -> int:
        """Move one pipeful after the other while they come. What stops it is met again by the next `move`."""
        total = 0
        self.hungry = True
        for _ in range(_TURNS):
            if not awaits_more():
                break
            try:
                moved = self._attempt()
            except (SockcliError, ZeroCopyRefused):
                break
            if not isinstance(moved, int):
                break
            total += moved
        return total

    def _refuse(self) -> None:
        """It does not say which end was not ready. It was not the one that was waited for, so wait for the other."""
        if self._sends_file:
            return
        self._refused += 1
        if self._refused > _PATIENCE:
            # Both are, as in front of TCP's urgent byte, which splice(2) never passes.
            raise ZeroCopyRefused
        self.hungry = not self.hungry

    def _widen(self, moved: int) -> None:
        if self._pipe < 0:
            return
        self._moved += moved
        if self._moved < _BULK:
            return
        fd, self._pipe = self._pipe, -1
        try:
            if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < _WIDE:
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _WIDE)
        except OSError:
            return  # the user has too many wide pipes; it goes on as it was


def to_peer(fd: int, transport: object, *, inspected: bool = False) -> KernelTransfer | None:
    """From the user's `fd` to the connection; None where the bytes are to be copied."""
    if not isinstance(transport, SupportsZeroCopy):
        return None
    way = choose(end_of(fd), End.TCP, inspected=inspected)
    if way is Method.COPY:
        return None

    def move(sock: int) -> int:
        if way is Method.SPLICE:
            return _call(os.splice, fd, sock, _MOST, None, None, _NOW)
        # No offset: the file's own position moves on, as by reading, for whoever shares it.
        return _call(os.sendfile, sock, fd, None, _MOST)

    if way is Method.SENDFILE:
        return KernelTransfer(lambda: transport.send_by(move), way, fd)
    both = Poller()
    both.watch(((fd, READABLE), (transport.fileno(), READABLE)))
    return KernelTransfer(lambda: transport.send_by(move), way, fd, lambda: list(both.wait(Deadline(_MOMENT))) == [fd])


def from_peer(transport: object, fd: int, *, inspected: bool = False) -> KernelTransfer | None:
    """From the connection to the user's `fd`; None where the bytes are to be copied."""
    if not isinstance(transport, SupportsZeroCopy) or choose(End.TCP, end_of(fd), inspected=inspected) is Method.COPY:
        return None

    def move(sock: int) -> int:
        try:
            return _call(os.splice, sock, fd, _MOST, None, None, _NOW)
        except BrokenPipeError as exc:
            # A connection can be lost with this error too. If it is the pipe's reader who left, writing will say so.
            if wait([(fd, 0)], AT_ONCE):
                raise ZeroCopyRefused from exc
            raise

    return KernelTransfer(lambda: transport.receive_by(move), Method.SPLICE, fd)


def _call(function: Callable[..., int], *arguments: int | None) -> int:
    try:
        return function(*arguments)
    except BlockingIOError:
        raise
    except OSError as exc:
        if exc.errno in _LOST:
            raise
        raise ZeroCopyRefused from exc
