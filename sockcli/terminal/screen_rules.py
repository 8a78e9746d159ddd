"""The screen set: what full-screen programs at the far end need besides the safe set.

Cursor, erasing, inserting, scrolling, and the modes that `modes.py` can undo. Nothing here makes the terminal
answer (the answer would be typed into the user's shell), sets a title, prints, or reports mouse, focus or pastes.
What does not pass is left out: shown, it would spoil the screen.

Not here: RIS and tab stops. `reset` uses both, and without them leaves the terminal as it already is.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from sockcli.base.deadline import Clock, Deadline
from sockcli.terminal.characters import VISIBLE, ShownTable
from sockcli.terminal.modes import Mode, Modes
from sockcli.terminal.omissions import Omissions
from sockcli.terminal.sgr import MAX_PARAMETERS, SGR, allowed_colours

BELLS_PER_SECOND: Final = 5

# What has no effect beyond the screen's content and the cursor's place.
_DRAWING: Final = (
    r"\x1b(?:\[(?:[0-9]{0,5}(?:;[0-9]{0,5})?[Hf]|[0-9]{0,5}[@-GILMPSTXZ`ade]"
    r"|[012]?[JK]"  # 3 J erases the user's own scrollback
    r"|[0-9]{0,3}b"  # repeats a character: with five digits, eight bytes would write 99,999
    r"|[su])"  # save and restore; with parameters, or for T more than one, these are other functions
    r"|[78DEM])"
)
_DRAWS: Final = re.compile(_DRAWING)
_ESCAPES: Final = {
    "\x1b=": Mode.KEYPAD,
    "\x1b>": Mode.KEYPAD,
    "\x1b(0": Mode.G0,
    "\x1b(B": Mode.G0,
    "\x1b)0": Mode.G1,  # how a VT100 draws lines: this once, then SO and SI
    "\x1b)B": Mode.G1,
}
_SHIFTS: Final = frozenset("\x0e\x0f")
_PRIVATE_MODES: Final = {
    "1": Mode.CURSOR_KEYS,  # vi asks for it, and then knows the arrow keys only in that form
    "6": Mode.ORIGIN,
    "7": Mode.WRAP,
    "12": Mode.BLINK,
    "25": Mode.CURSOR,
    "1049": Mode.ALTERNATE,
}
_ANSI_MODES: Final = {"4": Mode.INSERT}
_SET_MODE: Final = re.compile(rf"\x1b\[(\??)((?:[0-9]{{0,5}};){{0,{MAX_PARAMETERS - 1}}}[0-9]{{0,5}})([hl])")
# Left out, and not worth a word: every shell marks pastes (2004), and older ones set eight-bit keys for Meta (1034).
_USUAL: Final = re.compile(r"\x1b\[\?(?:2004|1034)[hl]")
_MARGINS: Final = re.compile(r"\x1b\[[0-9]{0,5}(?:;[0-9]{0,5})?r")
_SHAPE: Final = re.compile(r"\x1b\[([0-6]?) q")


class ScreenRules:
    """The screen set, as the parser asks for it."""

    # Not possessive: up to Python 3.11.4 such a group keeps what it took of an alternative that then failed.
    clean: Final = re.compile(rf"(?:[ -~\n\t\r\b]++|{_DRAWING}|{SGR}|{VISIBLE})*")
    plain: Final = bytes((*range(0x20, 0x7F), *b"\n\t\r\b"))
    waits_after_cr: Final = False
    # VT and FF move down a line on every terminal that is not paper.
    _shown: Final = ShownTable(
        dict.fromkeys((*range(0x20), 0x7F), "")
        | {ord(char): char for char in "\n\t\r\b"}
        | dict.fromkeys(b"\v\f", "\n")
    )

    def __init__(self, omissions: Omissions, modes: Modes, clock: Clock | None) -> None:
        self._omissions = omissions
        self._modes = modes
        self._clock = clock
        self._bells: deque[Deadline] = deque(maxlen=BELLS_PER_SECOND)

    def controls(self, run: str) -> str:
        if "\x07" in run or not _SHIFTS.isdisjoint(run):
            return "".join(map(self._control, run))
        return run.translate(self._shown)

    def sequence(self, sequence: str) -> str:
        if _DRAWS.fullmatch(sequence):
            return sequence
        if (colours := allowed_colours(sequence)) is not None:
            self._omissions.attributes += colours != sequence
            return colours
        passed = self._mode(sequence)
        self._omissions.sequences += not passed and not _USUAL.fullmatch(sequence)
        return passed

    def string(self, kind: str) -> None:
        self._omissions.string(kind)

    def _control(self, char: str) -> str:
        if char == "\x07":
            return self._bell()
        return self._modes.note(Mode.SHIFT, char) if char in _SHIFTS else char.translate(self._shown)

    def _bell(self) -> str:
        """A bell, if not as many rang within the last second."""
        if len(self._bells) == BELLS_PER_SECOND and not self._bells[0].expired:
            return ""
        self._bells.append(Deadline(1.0) if self._clock is None else Deadline(1.0, clock=self._clock))
        return "\x07"

    def _mode(self, sequence: str) -> str:
        """The part of `sequence` that changes an allowed mode, in its plainest form; empty if there is none."""
        if mode := _ESCAPES.get(sequence):
            return self._modes.note(mode, sequence)
        if _MARGINS.fullmatch(sequence):
            return self._modes.note(Mode.MARGINS, sequence)
        if match := _SHAPE.fullmatch(sequence):
            return self._modes.note(Mode.SHAPE, f"\x1b[{match[1] or 0} q")
        if match := _SET_MODE.fullmatch(sequence):
            private, parameters, final = match.groups()
            table = _PRIVATE_MODES if private else _ANSI_MODES
            names = [name.lstrip("0") for name in parameters.split(";")]
            return "".join(
                self._modes.note(table[name], f"\x1b[{private}{name}{final}") for name in names if name in table
            )
        return ""
