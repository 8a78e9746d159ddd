"""What a peer sent and nobody has seen yet: kept in order, with its time and sender, up to a limit.

The current session is read only while its inbox has room. Every other one is always read, so that its peer is not held
up by where the user looks; then the oldest is dropped, and counted, so that the user can be told. All inboxes together
have a limit as well (InboxBudget): many peers may fill one each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from sockcli.base.endpoint import Address

# Of the current session: a few reads, so that the next piece is there when the terminal has taken the last one. No
# more, because only what stays in the kernel's buffers slows the peer down.
CURRENT_LIMIT: Final = 256 * 1024
# Of any other: some thousand lines of a log, which is more than anyone reads back.
BACKGROUND_LIMIT: Final = 1024 * 1024
# Of all sessions together: 32 that nobody looks at, each with as much as one may have.
TOTAL_LIMIT: Final = 32 * 1024 * 1024
# Of a stream that becomes the current one at a terminal, and is then shown: some screens, in bytes.
LOOK_BACK: Final = 100_000
# Memory, in bytes, that a chunk takes besides its data. It counts, or a flood of empty datagrams would have no limit.
_OVERHEAD: Final = 256


class Chunk(NamedTuple):
    """One read of a stream, or one datagram."""

    data: bytes
    time: float
    sender: Address | None = None
    datagram: bool = False
    character: bool = False  # it came in character mode


class Inbox:
    """`put` at one end, `take` at the other."""

    __slots__ = ("_chunks", "budget", "dropped", "size", "unread")

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self.budget: InboxBudget | None = None  # what it shares with others
        self.size = 0  # bytes of memory
        self.unread = 0  # bytes of the peer's data
        self.dropped = 0  # bytes that `trim` dropped since somebody last set this to 0

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def __iter__(self) -> Iterator[Chunk]:
        """What is in it, the oldest first; nothing is taken."""
        return iter(self._chunks)

    @property
    def first(self) -> Chunk | None:
        """The chunk that `take` gives next, whole or in part."""
        return self._chunks[0] if self._chunks else None

    @property
    def full(self) -> bool:
        """The current session is not to be read from until something was taken."""
        return self.size >= CURRENT_LIMIT

    def put(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._resize(1, len(chunk.data))
        if self.budget is not None:
            self.budget.enforce()

    def trim(self, limit: int = BACKGROUND_LIMIT) -> None:
        """Drop the oldest chunks until `size` is at most `limit` bytes; the newest always stays."""
        while self.size > limit and self.drop_oldest():
            pass

    def drop_oldest(self) -> bool:
        """Drop the oldest chunk; False: there is none but the newest, which stays."""
        if len(self._chunks) < 2:
            return False
        self.dropped += len(self._pop().data)
        return True

    def take(self, limit: int) -> Chunk | None:
        """The oldest chunk, or of a stream at most `limit` bytes of it."""
        if not self._chunks:
            return None
        chunk = self._pop()
        if chunk.datagram or len(chunk.data) <= limit:
            return chunk
        rest = chunk._replace(data=chunk.data[limit:])
        self._chunks.appendleft(rest)
        self._resize(1, len(rest.data))
        return chunk._replace(data=chunk.data[:limit])

    def _pop(self) -> Chunk:
        chunk = self._chunks.popleft()
        self._resize(-1, -len(chunk.data))
        return chunk

    def _resize(self, chunks: int, data: int) -> None:
        size = chunks * _OVERHEAD + data
        self.size += size
        self.unread += data
        if self.budget is not None:
            self.budget.size += size


class InboxBudget:
    """What all inboxes may take together; beyond it the oldest chunk of the largest is dropped, and counted there."""

    def __init__(self, exceeded: Callable[[], None], limit: int = TOTAL_LIMIT) -> None:
        """`exceeded` is called the first time that something is dropped. `limit`: in bytes of memory."""
        self.size = 0
        self._exceeded = exceeded
        self._limit = limit
        self._told = False
        self._inboxes: set[Inbox] = set()

    def add(self, inbox: Inbox) -> None:
        inbox.budget = self
        self._inboxes.add(inbox)
        self.size += inbox.size
        self.enforce()

    def remove(self, inbox: Inbox) -> None:
        """Its session is closed. Again is harmless."""
        if inbox in self._inboxes:
            inbox.budget = None
            self._inboxes.discard(inbox)
            self.size -= inbox.size

    def enforce(self) -> None:
        while self.size > self._limit and max(self._inboxes, key=lambda inbox: inbox.size).drop_oldest():
            if not self._told:
                self._told = True
                self._exceeded()
