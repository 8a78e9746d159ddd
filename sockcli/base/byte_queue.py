"""The bytes between the two ends of one direction: a bounded queue.

Pure: it knows no descriptor. It never refuses bytes, because what was read must not be lost; `room` says when
to stop reading, and the bytes of one more read are all that it can hold beyond the mark.
"""

from __future__ import annotations

from collections import deque
from typing import Final

# Four pipes full: enough that one end never waits for the other to be scheduled, and no more, because what is held
# here is neither sent nor still the sender's.
HIGH_WATER: Final = 256 * 1024
# Reading starts again before the queue is empty, but not for every few bytes that leave it.
LOW_WATER: Final = HIGH_WATER // 2

# Pieces smaller than this are joined: a system call costs more than the copy, and so does an object for a few bytes.
_SMALL: Final = 4096

_NOTHING: Final = memoryview(b"")


class ByteQueue:
    """`put` at one end; `front` and `consume` at the other."""

    __slots__ = ("_filling", "_high", "_low", "_pieces", "_small", "pending")

    def __init__(self, high: int = HIGH_WATER, low: int = LOW_WATER) -> None:
        self._pieces: deque[memoryview] = deque()
        self._small = bytearray()  # behind the pieces
        self._high = high
        self._low = low
        self._filling = True
        self.pending = 0

    @property
    def room(self) -> bool:
        """Whether more should be read: not from the high mark on, until it is down to the low one."""
        return self._filling

    def put(self, data: bytes | memoryview) -> None:
        if not data:
            return
        if self._pieces and len(data) < _SMALL:
            self._small += data
        else:
            self._close_small()
            self._pieces.append(memoryview(data))
        self.pending += len(data)
        if self.pending >= self._high:
            self._filling = False

    def front(self) -> memoryview:
        """What to write next; empty only where nothing is pending."""
        if not self._pieces:
            self._close_small()
        return self._pieces[0] if self._pieces else _NOTHING

    def consume(self, count: int) -> None:
        """The first `count` bytes of `front` were written."""
        if count == 0:
            return
        pieces = self._pieces
        if count == len(pieces[0]):
            pieces.popleft()
        else:
            pieces[0] = pieces[0][count:]
        self.pending -= count
        if self.pending <= self._low:
            self._filling = True

    def _close_small(self) -> None:
        if self._small:
            self._pieces.append(memoryview(self._small))
            self._small = bytearray()
