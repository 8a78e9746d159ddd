"""Lines sent with a pause between them, each of them whole."""

from __future__ import annotations

from typing import Final

from sockcli.base.deadline import AT_ONCE, NEVER, Deadline

# What a pipe holds. A line that is longer goes out in pieces of this size: it could be endless.
LONGEST_LINE: Final = 65_536


class LinePacer:
    """`put` what was read, `take` what may be sent now; `due` is when there may be more."""

    __slots__ = ("_held", "_pause", "_searched", "_started", "ended")

    def __init__(self, pause: Deadline) -> None:
        """`pause` is counted anew from each line taken; the first line waits for nothing."""
        self._pause = pause
        self._started = False
        self._held = bytearray()
        self._searched = 0  # no newline stands before this
        self.ended = False

    @property
    def pending(self) -> int:
        return len(self._held)

    @property
    def hungry(self) -> bool:
        """Whether to read on: no line is complete."""
        return not self.ended and not self._line()

    @property
    def due(self) -> Deadline:
        if not self._line():
            return NEVER
        return self._pause if self._started else AT_ONCE

    def put(self, data: bytes) -> None:
        self._held += data

    def end(self) -> None:
        """What is left counts as a line, newline or not."""
        self.ended = True

    def take(self) -> bytes:
        """The next line; nothing while it is not complete, or not its time."""
        length = self._line()
        if not length or (self._started and not self._pause.expired):
            return b""
        line = bytes(self._held[:length])
        del self._held[:length]
        self._searched = 0
        self._started = True
        self._pause.restart()
        return line

    def _line(self) -> int:
        """The length of the first line; 0 while it is not complete."""
        newline = self._held.find(b"\n", self._searched)
        if newline >= 0:
            self._searched = newline
            return min(newline + 1, LONGEST_LINE)
        self._searched = len(self._held)
        if self.ended or len(self._held) >= LONGEST_LINE:
            return min(len(self._held), LONGEST_LINE)
        return 0
