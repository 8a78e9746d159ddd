"""Writing to stdout without ever waiting, and without changing it for those who share it.

stdout may be a pipe, a file, a terminal, a socket or a device. Other processes (the shell, the rest of a pipeline)
share the open file, and with it O_NONBLOCK, so that this flag is never set on it. But a plain write() may wait even
after poll() said that there is room, because room for one byte counts as room. So each kind of descriptor is written
to in its own way (`_writer`):

    pipe, terminal   opened once more through /proc, which gives an open file of our own; O_NONBLOCK is set on that
    socket           pwritev2 with RWF_NOWAIT
    regular file     write: it waits for the disk only, and poll() says nothing about files
    anything else    poll, then at most 4 KiB
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Final, Protocol

from sockcli.base.byte_queue import ByteQueue
from sockcli.base.deadline import AT_ONCE, NEVER, Deadline
from sockcli.base.formatting import system_reason
from sockcli.base.poller import BROKEN, NO_INTERRUPT, WRITABLE, Interrupt, wait
from sockcli.errors import LocalFailure, OutputGone
from sockcli.stdio.descriptors import STDOUT

# PIPE_BUF: a pipe takes so many bytes at once as soon as poll() says that it is writable. A terminal promises one byte
# only: if it cannot be opened again (it belongs to another user) and is stopped by Ctrl-S, a write waits, as any
# program's does.
_SURE: Final = 4096

# Nobody reads any more.
_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET})

# /dev/ptmx: opening it again would make a new pty.
_PTY_MASTER: Final = os.makedev(5, 2)

Write = Callable[[int, memoryview], int]


class OutputFilter(Protocol):
    """Changes the peer's bytes on their way to a sink: makes them safe for a terminal, or turns them into events."""

    def feed(self, data: bytes) -> bytes:
        """What to write now for these bytes."""
        ...

    def finish(self) -> bytes:
        """What to write at the end: bytes that were held back, and sequences that reset the terminal."""
        ...


class Sink:
    """Where a run's output goes, usually stdout. It takes all that it is given, and queues what cannot be written yet.

    Only `drain` waits. The queue is limited by its callers: they read no more from the peer while there is no `room`.
    Every call may raise OutputGone where nobody reads any more, and LocalFailure for any other error, such as a full
    disk. What was written before the error stays written.
    """

    __slots__ = ("_fd", "_given", "_owned", "_queue", "_write", "filter", "name")

    def __init__(
        self, fd: int = STDOUT, name: str = "stdout", *, output_filter: OutputFilter | None = None, owned: bool = False
    ) -> None:
        """`name` is what messages call it. `owned`: `close` closes `fd`."""
        self.name = name
        self.filter = output_filter
        self._given = fd
        self._owned = owned
        self._fd, self._write = _writer(fd)
        self._queue = ByteQueue()

    def fileno(self) -> int:
        """What to poll: for writing while something is pending, and always for errors, which say that nobody reads."""
        return self._fd

    @property
    def changes_bytes(self) -> bool:
        """What is written is not what was received: there is a filter."""
        return self.filter is not None

    @property
    def pending(self) -> int:
        return self._queue.pending

    @property
    def room(self) -> bool:
        return self._queue.room

    def write(self, data: bytes) -> None:
        """Write the peer's bytes, through the filter if there is one."""
        self.write_raw(data if self.filter is None else self.filter.feed(data))

    def finish(self) -> None:
        """The peer's bytes have ended: write what the filter has left. Those of another peer may follow."""
        if self.filter is not None:
            self.write_raw(self.filter.finish())

    def write_raw(self, data: bytes | memoryview) -> None:
        """Write bytes without the filter. A memoryview's buffer may be used again afterwards: what waits is copied."""
        taken = 0 if self._queue.pending else self._try(memoryview(data))
        if taken < len(data):
            rest = memoryview(data)[taken:]
            self._queue.put(rest if isinstance(data, bytes) else bytes(rest))

    def ready(self, events: int) -> None:
        """Act on what poll() reported: go on writing, or raise OutputGone."""
        if events & BROKEN:
            raise self._gone()
        self.flush()

    def flush(self) -> None:
        """Write as much of what is pending as is taken without waiting."""
        queue = self._queue
        while queue.pending and (taken := self._try(queue.front())):
            queue.consume(taken)

    def drain(self, deadline: Deadline = NEVER, interrupt: Interrupt = NO_INTERRUPT) -> bool:
        """Wait until all that is pending is written; False if the deadline passed first. Raises Interrupted as well."""
        self.flush()
        while self._queue.pending:
            if not wait([(self._fd, WRITABLE)], deadline, interrupt):
                return False
            self.flush()
        return True

    def close(self) -> None:
        """Close what is ours. Raises LocalFailure where the close reports an error, as NFS does for some writes."""
        # Closing a duplicate reports it too. stdout itself stays open, or the next file would get its number.
        try:
            last = self._given if self._owned else os.dup(self._given)
            if self._fd != self._given:
                os.close(self._fd)
            os.close(last)
        except OSError as exc:
            raise self._failure(exc) from exc

    def _try(self, data: memoryview) -> int:
        if not data:
            return 0
        try:
            return self._write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            if exc.errno == errno.EOPNOTSUPP and self._write is _write_now:
                self._write = _write_sure
                return self._try(data)
            if exc.errno in _GONE:
                raise self._gone() from exc
            raise self._failure(exc) from exc

    def _failure(self, exc: OSError) -> LocalFailure:
        return LocalFailure(f"cannot write to {self.name}: {system_reason(exc)}")

    def _gone(self) -> OutputGone:
        return OutputGone(f"{self.name}: nobody reads it any more")


def _writer(fd: int) -> tuple[int, Write]:
    """The descriptor to write to in place of `fd`, and the call that writes there without waiting."""
    status = os.fstat(fd)
    if stat.S_ISSOCK(status.st_mode):
        return fd, _write_now if hasattr(os, "RWF_NOWAIT") else _write_sure  # Linux alone has it
    terminal = os.isatty(fd) and status.st_rdev != _PTY_MASTER
    if stat.S_ISFIFO(status.st_mode) or terminal:
        try:
            # The same pipe or terminal, but an open file of our own: nobody shares its O_NONBLOCK.
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), os.write
        except OSError:
            return fd, _write_sure  # it belongs to another user (su, sudo), or there is no /proc
    return fd, _write_sure if os.isatty(fd) else os.write


def _write_now(fd: int, data: memoryview) -> int:
    # With the offset -1 it writes as write() does, at the current position. To a socket RWF_NOWAIT means MSG_DONTWAIT.
    return os.pwritev(fd, [data], -1, os.RWF_NOWAIT)


def _write_sure(fd: int, data: memoryview) -> int:
    if not wait([(fd, WRITABLE)], AT_ONCE):
        raise BlockingIOError
    return os.write(fd, data[:_SURE])
