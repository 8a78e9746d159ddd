"""The marks that a terminal puts around a pasted block (bracketed paste)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BEGIN: Final = b"\x1b[200~"
END: Final = b"\x1b[201~"
# The marks are typed by the terminal in one go, but a read may end within one. Esc alone is a key that someone waits
# for, so only what is longer is held back, and not for longer than it takes to read the rest.
_HELD_AT_LEAST: Final = 2


class PasteMarks:
    """Takes the marks out of what is typed, and tells what was pasted from what was not."""

    def __init__(self) -> None:
        self._inside = False
        self._held = b""

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def feed(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """Pieces, in order: whether each was pasted, and what it is."""
        data = self._held + data
        self._held = b""
        while data:
            piece, mark, rest = data.partition(END if self._inside else BEGIN)
            if not mark:
                self._held = self._beginning_of_mark(data)
                piece = data[: len(data) - len(self._held)]
            if piece:
                yield self._inside, piece
            if not mark:
                return
            self._inside = not self._inside
            data = rest

    def release(self) -> bytes:
        """What was held back; it was no mark."""
        held, self._held = self._held, b""
        return held

    def _beginning_of_mark(self, data: bytes) -> bytes:
        mark = END if self._inside else BEGIN
        for length in range(len(mark) - 1, _HELD_AT_LEAST - 1, -1):
            if data.endswith(mark[:length]):
                return mark[:length]
        return b""
