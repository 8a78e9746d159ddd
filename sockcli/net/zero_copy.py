"""Bytes that need not pass through this process: the kernel moves them from one descriptor to another.

This is an optimisation and nothing else. Whoever moves bytes by a KernelTransfer gets the same bytes, the same end and
the same errors as by reading and writing.

Theory of operation
-------------------
`to_peer` and `from_peer` say whether one direction can be moved by the kernel, and how, by what is at its two ends:

| from | to | method | because |
| --- | --- | --- | --- |
| pipe | TCP | SPLICE | splice(2) hands pages over and copies nothing |
| TCP | pipe | SPLICE | the same |
| file | TCP | SENDFILE | splice(2) wants a pipe at one end; sendfile(2) does the same for a file |
| TCP | file | COPY | through a pipe it is no faster than with one large buffer, and an O_APPEND file refuses |
| empty file | TCP | COPY | files in /proc say that they are empty, and are not |
| terminal, socket, device | TCP | COPY | refused, or no faster through a pipe |
| TCP | terminal, socket, device | COPY | the same |
| anything | anything, and somebody looks at the bytes | COPY | a filter, a recording or a codec has to see them |

UDP is always copied: splice(2) would make one datagram of two. So is TLS: its descriptor carries other bytes than the
user's. So is everything on a system without splice(2).

A KernelTransfer is in one of two states, which `awaits_input` tells: it waits until there is something to read, or
until there is room to write. Its driver polls that end and calls `move`. The answer is one of four:

- a number: that many bytes went, and it waits for the same end again;
- WOULD_BLOCK: nothing went. The kernel does not say which end was not ready. The one polled was, so the state changes
  and the other end is polled next. After more than `_MAX_REFUSALS` of these in a row both ends are ready and yet
  nothing can be moved, as in front of TCP's urgent byte: then ZeroCopyRefused. A file always has input, so that
  SENDFILE never changes its state: it waits for room;
- EOF: the source ended. There is nothing more to move;
- ZeroCopyRefused: the kernel does not do this here. Nothing was moved by the call, and nothing is held back between
  two calls: the driver drops the transfer and goes on by reading and writing, for good.

A lost connection is none of these. It is raised as by `send` and `receive`, by the transport, which remembers it.

The transfer owns nothing. The descriptor is the user's: only the size of a pipe is changed, and a file's position moves
as by reading. The socket is the transport's. Both are closed by their owners; the transfer just ends with the last
reference to it.
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

# Bytes asked for in one call: more than a pipe holds. From a file sendfile(2) goes on for as long as the peer keeps up,
# and no signal is handled meanwhile. Sixteen times as much was no faster.
_MAX_MOVE: Final = 4 << 20

# A pipe holds 64 KiB, which two processes hand each other in tiny turns: splice(2) is then slower than a copy loop.
# Measured on loopback, 1 MiB is three times as fast as 64 KiB and a third faster than 512. It is the most that a user
# gets without root (/proc/sys/fs/pipe-max-size), for 64 pipes.
_WIDE_PIPE: Final = 1 << 20
# The pipe is the user's, and others see its size. It is widened only after so many bytes, and it is never narrowed.
_BULK: Final = 1 << 20

# Whoever fills the pipe needs some 100 us to fill it again, and is waited for on the spot: a turn of the relay's loop
# in between costs a third of the throughput. Each wait has this limit, in seconds, and there are so many of them, 16 ms
# at most: nobody looks at deadlines or reports progress meanwhile.
_REFILL_WAIT: Final = 0.001
_REFILLS: Final = 16

# Do not wait for the pipe. A splice that waits holds the pipe's lock, and whoever reads from the pipe hangs with it.
# (The socket is non-blocking already.) Linux alone has it, as it has splice().
_NOW: Final = getattr(os, "SPLICE_F_NONBLOCK", 0)

# One WOULD_BLOCK for each end is usual even though poll() said that both are ready.
_MAX_REFUSALS: Final = 4

# The connection is lost with one of these. Any other error means that the kernel or a sandbox does not offer the call,
# or it is one of the user's descriptor, which reading or writing will report in its own words. Nothing was moved.
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


# Where there is no splice(), sendfile() is another call of that name.
_METHODS: Final = (
    {
        (End.PIPE, End.TCP): Method.SPLICE,
        (End.TCP, End.PIPE): Method.SPLICE,
        (End.FILE, End.TCP): Method.SENDFILE,
    }
    if hasattr(os, "splice")
    else {}
)


def choose(source: End, sink: End, *, inspected: bool) -> Method:
    """The fastest method from `source` to `sink`; `inspected` if somebody has to look at the bytes."""
    return Method.COPY if inspected else _METHODS.get((source, sink), Method.COPY)


def end_of(fd: int) -> End:
    """What a descriptor of the user's leads to."""
    status = os.fstat(fd)
    if stat.S_ISFIFO(status.st_mode):
        return End.PIPE
    return End.FILE if stat.S_ISREG(status.st_mode) and status.st_size else End.OTHER


class ZeroCopyRefused(Exception):
    """The kernel does not do this here. Nothing was moved by the call; go on by copying, for good."""


@runtime_checkable
class SupportsZeroCopy(Protocol):
    """A transport whose descriptor carries the user's bytes as they are.

    `send_by` and `receive_by` do as `send` and `receive`, and have `move` do the work: it is given the descriptor and
    returns how many bytes it moved.
    """

    def fileno(self) -> int: ...
    def receive_into(self, buffer: memoryview | bytearray) -> int | NotReady: ...
    def send_by(self, move: Move) -> int | NotReady: ...
    def receive_by(self, move: Move) -> int | NotReady: ...


class KernelTransfer:
    """One direction that the kernel moves. Poll the end that `awaits_input` names, call `move`, until it ends."""

    __slots__ = ("_attempt", "_moved", "_pipe", "_refilled", "_refusals", "_sends_file", "awaits_input")

    def __init__(
        self, attempt: Callable[[], int | NotReady], method: Method, fd: int, refilled: Callable[[], bool] | None = None
    ) -> None:
        """`attempt` makes one call that moves bytes. `fd` is the user's descriptor.

        `refilled` waits a moment for more input; False if none came, or if there is something else to do as well.
        """
        self._attempt = attempt
        self._refilled = refilled
        self._sends_file = method is Method.SENDFILE
        self._pipe = -1 if self._sends_file else fd  # -1 from when it has been widened
        self._moved = 0
        self._refusals = 0  # one after the other
        self.awaits_input = not self._sends_file

    def move(self) -> int | NotReady:
        """How many bytes went; WOULD_BLOCK; or EOF. Raises ZeroCopyRefused, and what the transport raises."""
        moved = self._attempt()
        if moved is NotReady.WOULD_BLOCK:
            self._refuse()
        elif isinstance(moved, int):
            self._refusals = 0
            self._widen(moved)
            if moved >= _WIDE_PIPE and self._refilled is not None:
                moved += self._move_refills(self._refilled)
        return moved

    def _move_refills(self, refilled: Callable[[], bool]) -> int:
        """Move one pipeful after the other while they come. An error or the end is met again by the next `move`."""
        total = 0
        self.awaits_input = True
        for _ in range(_REFILLS):
            if not refilled():
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
        """The kernel does not say which end was not ready. It was not the one that was polled, so poll the other."""
        if self._sends_file:
            return
        self._refusals += 1
        if self._refusals > _MAX_REFUSALS:
            # Both are ready, as in front of TCP's urgent byte, which splice(2) never passes.
            raise ZeroCopyRefused
        self.awaits_input = not self.awaits_input

    def _widen(self, moved: int) -> None:
        if self._pipe < 0:
            return
        self._moved += moved
        if self._moved < _BULK:
            return
        fd, self._pipe = self._pipe, -1
        try:
            if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < _WIDE_PIPE:
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _WIDE_PIPE)
        except OSError:
            return  # the user has too many wide pipes: this one stays as it is


def to_peer(fd: int, transport: object, *, inspected: bool = False) -> KernelTransfer | None:
    """From the user's `fd` to the connection; None where the bytes are to be copied."""
    if not isinstance(transport, SupportsZeroCopy):
        return None
    method = choose(end_of(fd), End.TCP, inspected=inspected)
    if method is Method.COPY:
        return None

    def move(sock: int) -> int:
        if method is Method.SPLICE:
            return _call(os.splice, fd, sock, _MAX_MOVE, None, None, _NOW)
        # No offset: the file's own position moves on, as by reading, for whoever shares it.
        return _call(os.sendfile, sock, fd, None, _MAX_MOVE)

    if method is Method.SENDFILE:
        return KernelTransfer(lambda: transport.send_by(move), method, fd)
    both = Poller()
    both.watch(((fd, READABLE), (transport.fileno(), READABLE)))

    def refilled() -> bool:
        # What the peer sends meanwhile has to be received: that is something else to do.
        return list(both.wait(Deadline(_REFILL_WAIT))) == [fd]

    return KernelTransfer(lambda: transport.send_by(move), method, fd, refilled)


def from_peer(transport: object, fd: int, *, inspected: bool = False) -> KernelTransfer | None:
    """From the connection to the user's `fd`; None where the bytes are to be copied."""
    if not isinstance(transport, SupportsZeroCopy) or choose(End.TCP, end_of(fd), inspected=inspected) is Method.COPY:
        return None

    def move(sock: int) -> int:
        try:
            return _call(os.splice, sock, fd, _MAX_MOVE, None, None, _NOW)
        except BrokenPipeError as exc:
            # Either the connection is lost or the pipe's reader went away. The latter is for write() to report.
            if wait([(fd, 0)], AT_ONCE):
                raise ZeroCopyRefused from exc
            raise

    return KernelTransfer(lambda: transport.receive_by(move), Method.SPLICE, fd)


def _call(function: Callable[..., int], *arguments: int | None) -> int:
    """Make the system call. Raises ZeroCopyRefused for an error that is neither "not now" nor the connection's."""
    try:
        return function(*arguments)
    except BlockingIOError:
        raise
    except OSError as exc:
        if exc.errno in _LOST:
            raise
        raise ZeroCopyRefused from exc
