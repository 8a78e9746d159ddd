"""The seam between sockcli and the kernel: what a transport is, which system calls reach the network, and
the one translation of their errors.

Everything above this package sees `Transport`, `Listener` and `Signal`; a test replaces `Net`.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias, cast

from sockcli.clock import Deadline
from sockcli.endpoint import Address
from sockcli.errors import LocalFailure, SockcliError, TimedOut, Unreachable
from sockcli.policy import Grant
from sockcli.text import uncapitalized
from sockcli.wait import READABLE, WRITABLE, Interrupt, wait

CHUNK: Final = 65_536  # bytes that one read takes: what a pipe holds

# What the kernel takes and gives as an address: (host, port), and for IPv6 also flow label and interface.
SockAddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


class Signal(Enum):
    """What a read or write gives when it gives no bytes. EOF is not b"", which is a legal datagram."""

    WOULD_BLOCK = auto()
    EOF = auto()


# poll()'s, as in `sockcli.wait`. A plain int: an IntFlag takes half a microsecond for each `|`, every turn.
Events: TypeAlias = int
WANT_READ: Final[Events] = READABLE
WANT_WRITE: Final[Events] = WRITABLE


class Transport(Protocol):
    """A connected endpoint: non-blocking, and knowing no loop, so that poll() and asyncio both can drive it.

    `receive`, `send` and `send_eof` raise Unreachable (TimedOut where the kernel gave up) when the connection is
    lost. That error sticks, and `receive` gives all that has come in before it raises it.
    """

    @property
    def grant(self) -> Grant: ...
    @property
    def peer(self) -> Address: ...
    @property
    def local(self) -> Address: ...
    def fileno(self) -> int:
        """-1 once closed."""
        ...

    def receive(self, limit: int = CHUNK) -> bytes | Signal:
        """What is there, at most `limit` bytes; a datagram is always given whole."""
        ...

    def send(self, data: memoryview) -> int | Signal:
        """How much was taken, or WOULD_BLOCK."""
        ...

    def pending(self) -> bool:
        """There is something to receive that poll() cannot see: do not wait for it."""
        ...

    def interest(self, want: Events) -> Events:
        """What to wait for in order to do `want`."""
        ...

    def send_eof(self) -> None:
        """Half-close; again is harmless."""
        ...

    def close(self) -> None:
        """Again is harmless."""
        ...


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
    """The system calls that reach the network, and the waits between them, in one object.

    A test counts or fakes them; with a clock of its own it needs no real time.
    """

    def clock(self) -> float:
        return time.monotonic()

    def getaddrinfo(self, name: str, family: int, kind: int) -> list[tuple[int, SockAddr]]:
        """(family, address) pairs for `name`, in the order of RFC 6724. Blocks. Raises socket.gaierror."""
        # No service and port 0: getaddrinfo takes "65559" as port 23. Bytes: a str would pass through Python's IDNA
        # codec, which makes other names out of what it is given.
        answers = socket.getaddrinfo(name.encode("ascii"), None, family, kind)
        # The third form, which typeshed knows, is that of a Python built without IPv6.
        return [(family, cast(SockAddr, sockaddr)) for family, _, _, _, sockaddr in answers]

    def socket(self, family: int, kind: int) -> socket.socket:
        """A new socket, non-blocking and closed on exec."""
        return socket.socket(family, kind | socket.SOCK_NONBLOCK)

    def wait(self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt) -> dict[int, int]:
        return wait(interest, deadline, interrupt)


SYSTEM_NET: Final = Net()


class NoDescriptors(LocalFailure):
    """This process or the machine has no descriptors or memory left. It may have some again in a moment."""


RAISE_LIMIT: Final = "close other programs or raise the limit (ulimit -n)"

_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_LOCAL = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT})
_PLAIN = {
    errno.ECONNRESET: "connection reset by the peer",
    errno.EPIPE: "the peer closed the connection and takes no more",
    errno.ETIMEDOUT: "the peer no longer answers",
}


def reason(exc: OSError) -> str:
    """What the kernel said, in plain words that can stand in the middle of a sentence."""
    if exc.errno is None:
        return str(exc)
    return uncapitalized(_PLAIN.get(exc.errno) or os.strerror(exc.errno))


def lacks_descriptors(exc: OSError) -> bool:
    return exc.errno in _NO_DESCRIPTORS


def translate(exc: OSError, doing: str) -> SockcliError:
    """The one translation of a socket's OSError. `doing` is what failed, as `connection with 127.0.0.1:80`.

    The caller raises the result `from exc`.
    """
    sentence = f"{doing}: {reason(exc)}"
    if lacks_descriptors(exc):
        return NoDescriptors(sentence, hint=RAISE_LIMIT)
    if exc.errno in _LOCAL:
        return LocalFailure(sentence)
    if exc.errno == errno.ETIMEDOUT:
        # The kernel gave up on the peer. None of the user's limits passed, but to a script it is a time-out as well.
        return TimedOut(sentence)
    return Unreachable(sentence)
