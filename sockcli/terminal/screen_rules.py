"""The screen set: what full-screen programs at the far end need besides the safe set.

Cursor, erasing, inserting, scrolling, and the modes that `modes.py` can undo. Nothing here makes the terminal
answer (the answer would be typed into the user's shell), sets a title, prints, or reports mouse, focus or pastes.
What does not pass is left out: shown, it would spoil the screen.

Not here: RIS and tab stops. `reset` uses both, and without them leaves the terminal as it already is.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Final

from sockcli.base.deadline import Clock, Deadline
from sockcli.terminal.characters import ShownTable
from sockcli.terminal.modes import Mode, Modes
from sockcli.terminal.omissions import ATTRIBUTES, SEQUENCES, Omissions
from sockcli.terminal.rules import ModeChanges, RuleSet, Shown
from sockcli.terminal.sgr import MAX_PARAMETERS, allowed_colours

BELLS_PER_SECOND: Final = 5

# What has no effect beyond the screen's content and the cursor's place.
_DRAWS: Final = re.compile(
    r"\x1b(?:\[(?:[0-9]{0,5}(?:;[0-9]{0,5})?[Hf]|[0-9]{0,5}[@-GILMPSTXZ`ade]"
    r"|[012]?[JK]"  # 3 J erases the user's own scrollback
    r"|[0-9]{0,3}b"  # repeats a character: with five digits, eight bytes would write 99,999
    r"|[su])"  # save and restore; with parameters, or for T more than one, these are other functions
    r"|[78DEM])"
)
_ESCAPES: Final = {
    "\x1b=": Mode.KEYPAD,
    "\x1b>": Mode.KEYPAD,
    "\x1b(0": Mode.G0,
    "\x1b(B": Mode.G0,
    "\x1b)0": Mode.G1,  # how a VT100 draws lines: this once, then SO and SI
    "\x1b)B": Mode.G1,
}
_SHIFTS: Final = "\x0e\x0f"
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


# VT and FF move down a line on every terminal that is not paper. SO, SI and BEL are left to `controls`.
_TABLE: Final = ShownTable(
    dict.fromkeys((*range(0x20), 0x7F), "")
    | {ord(char): char for char in "\n\t\r\b\a\x0e\x0f"}
    | dict.fromkeys(b"\v\f", "\n")
)


class ScreenRules(RuleSet):
    """What does not pass is left out."""

    plain: ClassVar[str] = r" -~\n\t\r\b"
    waits_after_cr: ClassVar[bool] = False

    def __init__(self, omissions: Omissions, modes: Modes, clock: Clock | None) -> None:
        super().__init__(omissions, modes)
        self._clock = clock
        self._bells: deque[Deadline] = deque(maxlen=BELLS_PER_SECOND)

    def show(self, tokens: Sequence[str]) -> str:
        text = super().show(tokens)
        return self._ring(text) if "\a" in text else text

    def controls(self, run: str) -> Shown:
        text = run.translate(_TABLE)
        # Each of the two once, and the one that came last at the end.
        shifts = sorted(filter(text.__contains__, _SHIFTS), key=text.rfind)
        return Shown(text, modes=tuple((Mode.SHIFT, char) for char in shifts))

    def sequence(self, sequence: str) -> Shown:
        if _DRAWS.fullmatch(sequence):
            return Shown(sequence)
        if (colours := allowed_colours(sequence)) is not None:
            return Shown(colours, ((ATTRIBUTES, 1),) if colours != sequence else ())
        changes = _changes(sequence)
        if not changes and not _USUAL.fullmatch(sequence):
            return Shown("", ((SEQUENCES, 1),))
        return Shown("".join(change for _, change in changes), modes=changes)

    def _ring(self, text: str) -> str:
        """`text` with as many bells as may still ring within this second."""
        parts = text.split("\a")
        passed = [parts[0]]
        for part in parts[1:]:
            if len(self._bells) == BELLS_PER_SECOND and not self._bells[0].expired:
                break
            self._bells.append(Deadline(1.0) if self._clock is None else Deadline(1.0, clock=self._clock))
            passed.append(part)
        return "\a".join(passed) + "".join(parts[len(passed) :])


def _changes(sequence: str) -> ModeChanges:
    """The changes of allowed modes that `sequence` asks for, each in its plainest form."""
    if mode := _ESCAPES.get(sequence):
        return ((mode, sequence),)
    if _MARGINS.fullmatch(sequence):
        return ((Mode.MARGINS, sequence),)
    if match := _SHAPE.fullmatch(sequence):
        return ((Mode.SHAPE, f"\x1b[{match[1] or 0} q"),)
    if match := _SET_MODE.fullmatch(sequence):
        private, parameters, final = match.groups()
        table = _PRIVATE_MODES if private else _ANSI_MODES
        names = [name.lstrip("0") for name in parameters.split(";")]
        return tuple((table[name], f"\x1b[{private}{name}{final}") for name in names if name in table)
    return ()
