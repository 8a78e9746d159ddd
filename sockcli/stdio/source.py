"""Reading stdin, which may be a pipe, a file, a terminal, a socket or a device.

It is read only after poll() said that there is something: other processes share the open file, so that O_NONBLOCK is
never set on it.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import Final

from sockcli.base.deadline import AT_ONCE
from sockcli.base.formatting import system_reason
from sockcli.base.poller import READABLE, wait
from sockcli.errors import LocalFailure
from sockcli.net.transport import CHUNK, NotReady
from sockcli.stdio.descriptors import STDIN

# How long, in seconds, an input with nothing to read may still be about to have something: a writer that waited for
# room in a pipe has to be scheduled. That takes a small part of this, and nobody notices a run that ends so much later.
INPUT_IDLE: Final = 0.05
# Unless a piece of it was as large as a program writes and no person types: on a busy machine a pipeline that is under
# way may stand still for longer than that, and what it still has would be lost. No event could tell: a pipe does not
# say that somebody waits for room in it, nor that its writer waits for a processor.
BULK_IDLE: Final = 0.5
BULK_CHUNK: Final = 4096  # bytes; the least that C programs write at once to what is no terminal


class Source:
    """Where the bytes to send come from, usually stdin. What is not read stays there for whoever reads it next."""

    __slots__ = ("_fd", "ended", "name", "regular")

    def __init__(self, fd: int = STDIN, name: str = "stdin") -> None:
        self._fd = fd
        self.name = name
        self.ended = False
        # Reading a regular file never waits: all its bytes are there.
        self.regular = stat.S_ISREG(os.fstat(fd).st_mode)

    def fileno(self) -> int:
        return self._fd

    def read(self, limit: int = CHUNK) -> bytes | NotReady:
        """At most `limit` bytes; call it once poll() reports some, or it waits. After EOF it is always EOF.

        Raises LocalFailure.
        """
        if self.ended:
            return NotReady.EOF
        try:
            data = os.read(self._fd, limit)
        except BlockingIOError:
            # Another process has set O_NONBLOCK on it, and another reader was faster.
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise LocalFailure(f"cannot read {self.name}: {system_reason(exc)}") from exc
        if data:
            return data
        self.ended = True
        return NotReady.EOF

    def readable(self) -> bool:
        """Whether a read would not wait: there are bytes, or the end that was not read yet."""
        return not self.ended and bool(wait([(self._fd, READABLE)], AT_ONCE))

    def remaining(self) -> int:
        """How many more bytes are known to be there: the rest of a file, or what is in a pipe now."""
        if self.ended:
            return 0
        try:
            if self.regular:
                return max(0, os.fstat(self._fd).st_size - os.lseek(self._fd, 0, os.SEEK_CUR))
            return _bytes_waiting(self._fd)
        except OSError:
            return 0  # a device, which cannot say


def _bytes_waiting(fd: int) -> int:
    import fcntl  # loaded here, since few runs print the message that needs this
    import termios

    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
