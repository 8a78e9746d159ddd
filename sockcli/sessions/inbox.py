"""What a peer sent and nobody has seen yet: kept in order, with its time and sender, up to a limit.

A session in front is read only while there is room. One in the background is always read, so that its peer is not
held up by where the user looks; then the oldest is dropped, which is counted, so that it can be said.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from sockcli.base.endpoint import Address

# Of a session in front: a few reads, so that the next piece is there when the terminal has taken the last one, and no
# more, because the kernel's buffers behind it are what slows the peer down.
FRONT_LIMIT: Final = 256 * 1024
# Of one in the background: some thousand lines of a log, which is more than anyone reads back.
BACK_LIMIT: Final = 1024 * 1024
# Of a stream that comes to the front of a terminal: some screens, and not all that the terminal scrolls back.
LOOK_BACK: Final = 100_000
# A chunk costs about this much besides its bytes. It counts, or a flood of empty datagrams would have no limit.
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

    __slots__ = ("_chunks", "dropped", "size", "unread")

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self.size = 0
        self.unread = 0  # bytes of the peer's
        self.dropped = 0  # of those, since it was last looked at

    def __bool__(self) -> bool:
        return bool(self._chunks)

    @property
    def front(self) -> Chunk | None:
        """What `take` gives next."""
        return self._chunks[0] if self._chunks else None

    @property
    def full(self) -> bool:
        return self.size >= FRONT_LIMIT

    def put(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self.size += len(chunk.data) + _OVERHEAD
        self.unread += len(chunk.data)

    def trim(self, limit: int = BACK_LIMIT) -> None:
        """Drop what is too much for the background, or for `limit`, the oldest first."""
        while self.size > limit and len(self._chunks) > 1:
            chunk = self._pop()
            self.dropped += len(chunk.data)

    def take(self, limit: int) -> Chunk | None:
        """The oldest chunk, or of a stream at most `limit` bytes of it."""
        if not self._chunks:
            return None
        chunk = self._pop()
        if chunk.datagram or len(chunk.data) <= limit:
            return chunk
        self._chunks.appendleft(chunk._replace(data=chunk.data[limit:]))
        self.size += len(chunk.data) - limit + _OVERHEAD
        self.unread += len(chunk.data) - limit
        return chunk._replace(data=chunk.data[:limit])

    def _pop(self) -> Chunk:
        chunk = self._chunks.popleft()
        self.size -= len(chunk.data) + _OVERHEAD
        self.unread -= len(chunk.data)
        return chunk
