"""What a session changed in the user's terminal, and the bytes that undo it.

Modes outlive the program that set them: a shell without a cursor, letters drawn as lines. Everything that was
ever set is undone, even if the peer reset it (ESC 8 and `?1049l` bring back more than the peer's own `l`
tells), because undoing twice does no harm. Only leaving the alternate screen does: it moves the cursor.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Mode(Enum):
    """One thing a session can change; in the order in which they are undone."""

    COLOURS = auto()
    SHIFT = auto()
    G0 = auto()
    G1 = auto()
    INSERT = auto()
    WRAP = auto()
    BLINK = auto()
    CURSOR_KEYS = auto()
    KEYPAD = auto()
    SHAPE = auto()
    ORIGIN = auto()
    ALTERNATE = auto()
    MARGINS = auto()  # after the alternate screen: reset on the one that stays
    CURSOR = auto()


# The state a terminal starts in.
RESTING: Final = {
    Mode.COLOURS: "\x1b[0m",
    Mode.SHIFT: "\x0f",
    Mode.G0: "\x1b(B",
    Mode.G1: "\x1b)B",
    Mode.INSERT: "\x1b[4l",
    Mode.WRAP: "\x1b[?7h",
    Mode.BLINK: "\x1b[?12l",
    Mode.CURSOR_KEYS: "\x1b[?1l",
    Mode.KEYPAD: "\x1b>",
    Mode.SHAPE: "\x1b[0 q",
    Mode.ORIGIN: "\x1b[?6l",
    Mode.ALTERNATE: "\x1b[?1049l",
    Mode.MARGINS: "\x1b[r",
    Mode.CURSOR: "\x1b[?25h",
}
# Resetting margins sends the cursor home, where the shell would overwrite what is there: it is saved and brought
# back. Origin mode would be brought back with it; after that one the cursor goes below everything instead.
_UNDO: Final = RESTING | {Mode.ORIGIN: "\x1b[?6l\x1b[r\x1b[9999;1H\n", Mode.MARGINS: "\x1b7\x1b[r\x1b8"}
# The screen before the margins in it; some terminals have a pair for each.
_REDO_ORDER: Final = (Mode.ALTERNATE, *(mode for mode in Mode if mode not in (Mode.ALTERNATE, Mode.COLOURS)))


class Modes:
    """Remembers, for each mode that was touched, the sequence that touched it last."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[Mode, str] = {}

    def note(self, mode: Mode, sequence: str) -> None:
        """`sequence`, which is passed on, changes `mode`."""
        if mode in self._last or sequence != RESTING[mode]:
            self._last[mode] = sequence

    def suspect(self, mode: Mode) -> None:
        """`mode` may have been changed, nobody looked: to be undone, not to be brought back."""
        self._last.setdefault(mode, RESTING[mode])

    def undo(self) -> str:
        """What brings the terminal back to how it was. Nothing is forgotten, so that `redo` can follow."""
        return "".join(_UNDO[mode] for mode in Mode if mode in self._last and not self._is_left(mode))

    def _is_left(self, mode: Mode) -> bool:
        return mode is Mode.ALTERNATE and self._last[mode] == RESTING[mode]

    def redo(self) -> str:
        """What brings the session's modes back after `undo`; colours are the peer's to set again."""
        changed = (mode for mode in _REDO_ORDER if self._last.get(mode, RESTING[mode]) != RESTING[mode])
        # Setting margins sends the cursor home as well: a shell's prompt is where the program before it left them.
        last = self._last
        return "".join(f"\x1b7{last[mode]}\x1b8" if mode is Mode.MARGINS else last[mode] for mode in changed)

    def forget(self) -> None:
        self._last.clear()
