"""The user's end of a run: stdin to read, stdout to write, whatever they are, and left as they were found.

They may be a pipe, a file, a terminal, a socket or a device, and are shared with other processes: the shell, the
rest of the pipeline. So O_NONBLOCK, which sits on what is shared, is never set on them. Reading happens after poll()
said that there is something. Writing could block all the same, because room for one byte counts as room; each kind
of descriptor has its own way around that (`_writer`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Final, Protocol

from sockcli.base.byte_queue import ByteQueue
from sockcli.base.deadline import AT_ONCE, NEVER, Deadline
from sockcli.base.poller import BROKEN, NO_INTERRUPT, WRITABLE, Interrupt, wait
from sockcli.errors import OutputGone
from sockcli.stdio.descriptors import STDOUT
from sockcli.stdio.source import _failure

# PIPE_BUF: what a pipe takes whole once poll() says that it takes anything. A terminal promises only one byte; one
# that cannot be opened again (another user's) may keep us waiting while it is stopped, as it does any program.
_SURE: Final = 4096


_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET})


_PTY_MASTER: Final = os.makedev(5, 2)


Write = Callable[[int, memoryview], int]


class OutputFilter(Protocol):
    """What stands between the peer's bytes and a sink: a terminal's safety, or another form of output."""

    def feed(self, data: bytes) -> bytes:
        """What to write now for these bytes."""
        ...

    def finish(self) -> bytes:
        """What to write at the end: what was held back, and what restores the terminal."""
        ...


class Sink:
    """Bytes to show, usually on stdout. It takes all it is given at once and queues what cannot be written yet.

    So it never waits, except in `drain`. Whoever feeds it stops while it has no `room`. Raises OutputGone when
    the reader went away, and LocalFailure for all else, as a full disk; what was written before stays written.
    """

    __slots__ = ("_fd", "_given", "_owned", "_queue", "_write", "filter", "name")

    def __init__(
        self, fd: int = STDOUT, name: str = "stdout", *, output_filter: OutputFilter | None = None, owned: bool = False
    ) -> None:
        """`owned` if the descriptor is to be closed by `close`."""
        self.name = name
        self.filter = output_filter
        self._given = fd
        self._owned = owned
        self._fd, self._write = _writer(fd)
        self._queue = ByteQueue()

    def fileno(self) -> int:
        """What to poll: for writing while something is pending, and always for the end of its reader."""
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
        """The peer's bytes: through the filter, if there is one, and on."""
        self.write_raw(data if self.filter is None else self.filter.feed(data))

    def finish(self) -> None:
        """The peer's bytes ended. Another peer's may follow."""
        if self.filter is not None:
            self.write_raw(self.filter.finish())

    def write_raw(self, data: bytes | memoryview) -> None:
        """Bytes as they are, past the filter. What lies under a view may change afterwards."""
        taken = 0 if self._queue.pending else self._try(memoryview(data))
        if taken < len(data):
            rest = memoryview(data)[taken:]
            self._queue.put(rest if isinstance(data, bytes) else bytes(rest))

    def ready(self, events: int) -> None:
        """poll() reported this: go on writing, or learn that nobody reads any more."""
        if events & BROKEN:
            raise self._gone()
        self.flush()

    def flush(self) -> None:
        """Write what is pending, as far as that goes without waiting."""
        queue = self._queue
        while queue.pending and (taken := self._try(queue.front())):
            queue.consume(taken)

    def drain(self, deadline: Deadline = NEVER, interrupt: Interrupt = NO_INTERRUPT) -> bool:
        """Write all that is pending; False if the deadline passed before that."""
        self.flush()
        while self._queue.pending:
            if not wait([(self._fd, WRITABLE)], deadline, interrupt):
                return False
            self.flush()
        return True

    def close(self) -> None:
        """Close what is ours, and learn whether all that was written is safe: on NFS some errors come only now."""
        # Closing any duplicate reports them, and stdout stays open: its number must not become another file's.
        try:
            last = self._given if self._owned else os.dup(self._given)
            if self._fd != self._given:
                os.close(self._fd)
            os.close(last)
        except OSError as exc:
            raise _failure(f"cannot write to {self.name}", exc) from exc

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
            raise _failure(f"cannot write to {self.name}", exc) from exc

    def _gone(self) -> OutputGone:
        return OutputGone(f"{self.name}: nobody reads it any more")


def _writer(fd: int) -> tuple[int, Write]:
    """The descriptor to write to instead of `fd`, and how, so that a write takes what it can and never waits."""
    status = os.fstat(fd)
    if stat.S_ISSOCK(status.st_mode):
        return fd, _write_now if hasattr(os, "RWF_NOWAIT") else _write_sure  # Linux alone has it
    # Opening a pty's master again would make a new pty.
    terminal = os.isatty(fd) and status.st_rdev != _PTY_MASTER
    if stat.S_ISFIFO(status.st_mode) or terminal:
        try:
            # The same pipe or terminal, but a description of our own, so O_NONBLOCK is nobody else's.
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), os.write
        except OSError:
            return fd, _write_sure  # another user's (su, sudo), or no /proc
    # A file or a device. Writing waits for the disk, and poll() could not tell when not to.
    return fd, _write_sure if os.isatty(fd) else os.write


def _write_now(fd: int, data: memoryview) -> int:
    # The offset -1 is the stream's own place. For a socket this is MSG_DONTWAIT.
    return os.pwritev(fd, [data], -1, os.RWF_NOWAIT)


def _write_sure(fd: int, data: memoryview) -> int:
    if not wait([(fd, WRITABLE)], AT_ONCE):
        raise BlockingIOError
    return os.write(fd, data[:_SURE])
