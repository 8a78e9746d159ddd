"""The seam between sockcli and the kernel: what a transport is, which system calls reach the network, and
the one translation of their errors.

Everything above this package sees `Transport`, `Listener` and `Signal`; a test replaces `Net`.
"""

from __future__ import annotations

import errno
import os
import socket
from enum import Enum, auto
from typing import Final, Protocol

from sockcli.endpoint import Address
from sockcli.errors import LocalFailure, SockcliError, TimedOut, Unreachable
from sockcli.policy import Grant
from sockcli.wait import READABLE, WRITABLE

DEFAULT_CHUNK: Final = 65_536


class Signal(Enum):
    """What a read or write gives when it gives no bytes. EOF is not b"", which is a legal datagram."""

    WOULD_BLOCK = auto()
    EOF = auto()


class Interest(int):
    """poll() events that a transport waits for, as in `sockcli.wait`."""


WANT_READ: Final = Interest(READABLE)
WANT_WRITE: Final = Interest(WRITABLE)


class Transport(Protocol):
    """A connected endpoint: non-blocking, and knowing no loop, so that poll() and asyncio both can drive it.

    `receive`, `send` and `send_eof` raise Unreachable when the connection is lost. A send error sticks:
    the kernel reports it once, and a later `recv` would look like a clean end.
    """

    @property
    def grant(self) -> Grant: ...
    @property
    def peer(self) -> Address: ...
    @property
    def local(self) -> Address: ...
    def fileno(self) -> int: ...
    def receive(self, limit: int = DEFAULT_CHUNK) -> bytes | Signal: ...
    def send(self, data: memoryview) -> int | Signal: ...
    def pending(self) -> bool: ...
    def interest(self, want: Interest) -> Interest: ...
    def send_eof(self) -> None: ...
    def close(self) -> None: ...


class Listener(Protocol):
    """A bound, listening TCP endpoint."""

    @property
    def grant(self) -> Grant: ...
    @property
    def local(self) -> Address: ...
    def fileno(self) -> int: ...
    def accept(self) -> Transport | Signal: ...
    def close(self) -> None: ...


class Net:
    """The system calls that reach the network, in one object, so that a test can count or fake them."""

    def getaddrinfo(self, name: str, family: int, kind: int) -> list[tuple[int, tuple[str | int, ...]]]:
        """(family, sockaddr) pairs for `name`, in the order of RFC 6724. Blocks. Raises socket.gaierror."""
        # No service and port 0: getaddrinfo takes "65559" as port 23.
        answers = socket.getaddrinfo(name, None, family, kind)
        return [(family, sockaddr) for family, _, _, _, sockaddr in answers]

    def socket(self, family: int, kind: int) -> socket.socket:
        """A new non-blocking socket."""
        return socket.socket(family, kind | socket.SOCK_NONBLOCK)


SYSTEM_NET: Final = Net()

_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_LOCAL = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT})


def translate(exc: OSError, doing: str) -> SockcliError:
    """The one translation of a socket's OSError. `doing` is what failed, as `connect to 127.0.0.1:80`.

    The caller raises the result `from exc`.
    """
    reason = os.strerror(exc.errno) if exc.errno else str(exc)
    sentence = f"{doing}: {reason[:1].lower()}{reason[1:]}"
    if exc.errno in _NO_DESCRIPTORS:
        return LocalFailure(sentence, hint="close other programs or raise the limit (ulimit -n)")
    if exc.errno in _LOCAL:
        return LocalFailure(sentence)
    if exc.errno == errno.ETIMEDOUT:
        # The kernel gave up on the peer. None of the user's limits passed, but to a script it is a time-out all the same.
        return TimedOut(sentence)
    return Unreachable(sentence)
