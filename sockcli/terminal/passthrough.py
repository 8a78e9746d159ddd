"""Raw: the user asked for the peer's bytes as they are. Only what they leave behind is put right.

Nothing is parsed, so what was turned on is not known: if there was any control sequence, all that commonly outlives
a program is turned off. Two modes only if they were seen, since leaving them moves the cursor.
"""

from __future__ import annotations

import re
from typing import Final

from sockcli.terminal.modes import RESTING, Mode, Modes

# ESC, SO, and what an 8-bit control begins with in UTF-8: without one of them nothing was changed.
_ACTIVE: Final = b"\x1b\x0e\xc2"
_MODE: Final = re.compile(rb"(?:\x1b\[|\xc2\x9b)\?([0-9;]{1,60})([hl])")
_LONGEST: Final = 64  # of a sequence that is split between two reads, as many bytes are kept
_ALTERNATE: Final = frozenset({b"47", b"1047", b"1049"})
# The shape brings its own blinking back.
_SUSPECTS: Final = [mode for mode in Mode if mode not in (Mode.ORIGIN, Mode.ALTERNATE, Mode.BLINK)]
# Mouse in all its forms, focus, pastes: they type into the shell.
_REPORTS_OFF: Final = "".join(
    f"\x1b[?{number}l" for number in (9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 2004)
)


class RawPassage:
    """Passes everything, and watches for what has to be undone."""

    __slots__ = ("_active", "_modes", "_tail")

    def __init__(self, modes: Modes) -> None:
        self._modes = modes
        self._active = False
        self._tail = b""

    def feed(self, data: bytes) -> bytes:
        if self._tail or _is_active(data):
            self._watch(self._tail + data)
        return data

    def reports_off(self) -> str:
        return _REPORTS_OFF if self._active else ""

    def forget(self) -> None:
        self._active = False

    def _watch(self, seen: bytes) -> None:
        if not self._active:
            self._active = True
            for mode in _SUSPECTS:
                self._modes.suspect(mode)
        # What is in the tail again is seen twice, in its order, which changes nothing.
        for match in _MODE.finditer(seen):
            names = match[1].split(b";")
            if not _ALTERNATE.isdisjoint(names):
                entered = match[2] == b"h"
                self._modes.note(Mode.ALTERNATE, "\x1b[?1049h" if entered else RESTING[Mode.ALTERNATE])
            if b"6" in names:
                self._modes.suspect(Mode.ORIGIN)
        tail = seen[-_LONGEST:]
        self._tail = tail if _is_active(tail) else b""


def _is_active(data: bytes) -> bool:
    # By far the quickest way to ask for any of several bytes.
    return len(data.translate(None, _ACTIVE)) != len(data)
