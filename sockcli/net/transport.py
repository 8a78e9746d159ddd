"""What a connected or listening endpoint is to everything above this package."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from sockcli.base.endpoint import Address
from sockcli.base.poller import READABLE, WRITABLE
from sockcli.policy import Grant

CHUNK: Final = 65_536  # bytes that one read takes: what a pipe holds


class NotReady(Enum):
    """What a read or write gives when it gives no bytes. EOF is not b"", which is a legal datagram."""

    WOULD_BLOCK = auto()
    EOF = auto()


# poll()'s, as in `sockcli.base.poller`. A plain int: an IntFlag takes half a microsecond for each `|`, every turn.
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

    def receive(self, limit: int = CHUNK) -> bytes | NotReady:
        """What is there, at most `limit` bytes; a datagram is always given whole."""
        ...

    def send(self, data: memoryview) -> int | NotReady:
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
