"""All that a peer sent on a session, in order, with a cursor: what an `expect` searches, and consumes as it finds.

It stands beside the inbox and takes nothing from it: what is shown or printed does not depend on what is looked for.
A session has one only from the moment that somebody asks for it (`Session.transcript`), so it costs nothing elsewhere.

Positions count bytes from the beginning of the transcript and never change: a position stays the same place whatever
is consumed, or dropped because it was too old. A reader who searches only what is new remembers where it stopped.
"""

from __future__ import annotations

from typing import Final

# Bytes that are kept at most; the oldest go first. A dialogue of a script is a few kilobytes, and a megabyte is a long
# log in which nobody waited for anything.
KEPT: Final = 1024 * 1024


class Transcript:
    """`add` at one end; at the other look at what is `unread`, and `consume` what is done with."""

    __slots__ = ("_data", "dropped", "position")

    def __init__(self) -> None:
        self._data = bytearray()  # what is unread
        self.position = 0  # the cursor: all before it was consumed or dropped
        self.dropped = 0  # bytes that were too old before anybody consumed them

    @property
    def end(self) -> int:
        """The position behind the last byte that came."""
        return self.position + len(self._data)

    def add(self, data: bytes) -> None:
        """Data that came, as the peer meant it: on telnet without its negotiations."""
        self._data += data
        too_old = len(self._data) - KEPT
        if too_old > 0:
            self._forget(too_old)
            self.dropped += too_old

    def unread(self, start: int = 0) -> bytes:
        """What came from the position `start` on; at most all that is unread."""
        return bytes(self._data[max(0, start - self.position) :])

    def consume(self, position: int) -> bytes:
        """Move the cursor to `position`, and return what it passed. ValueError for one outside of what is unread."""
        if not self.position <= position <= self.end:
            raise ValueError(f"{position} is not within {self.position} and {self.end}")
        passed = bytes(self._data[: position - self.position])
        self._forget(len(passed))
        return passed

    def _forget(self, count: int) -> None:
        del self._data[:count]  # of a bytearray's beginning this moves nothing
        self.position += count
