"""The user's input, whatever it is, and left as it was found."""

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
    """Bytes to send, usually from stdin. What is not read stays there, for the next reader or the next relay."""

    __slots__ = ("_fd", "ended", "name", "regular")

    def __init__(self, fd: int = STDIN, name: str = "stdin") -> None:
        self._fd = fd
        self.name = name
        self.ended = False
        # A regular file has all its bytes there already; reading it never waits.
        self.regular = stat.S_ISREG(os.fstat(fd).st_mode)

    def fileno(self) -> int:
        return self._fd

    def read(self, limit: int = CHUNK) -> bytes | NotReady:
        """At most `limit` bytes; call it when poll() says so. The end stays the end. Raises LocalFailure."""
        if self.ended:
            return NotReady.EOF
        try:
            data = os.read(self._fd, limit)
        except BlockingIOError:
            # Someone who shares it set O_NONBLOCK, and someone (else) was faster.
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise _failure(f"cannot read {self.name}", exc) from exc
        if data:
            return data
        self.ended = True
        return NotReady.EOF

    def readable(self) -> bool:
        """Whether a read would give something, be it the end."""
        return not self.ended and bool(wait([(self._fd, READABLE)], AT_ONCE))

    def remaining(self) -> int:
        """How many bytes are known to be there still: the rest of a file, or what a pipe holds."""
        if self.ended:
            return 0
        try:
            if self.regular:
                return max(0, os.fstat(self._fd).st_size - os.lseek(self._fd, 0, os.SEEK_CUR))
            return _bytes_waiting(self._fd)
        except OSError:
            return 0  # a device that does not say


def _bytes_waiting(fd: int) -> int:
    import fcntl  # for a message that few runs print
    import termios

    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)


def _failure(doing: str, exc: OSError) -> LocalFailure:
    return LocalFailure(f"{doing}: {system_reason(exc)}")
