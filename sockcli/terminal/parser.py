"""An incremental parser of a terminal's input: it finds where text ends and where a sequence begins and ends.

It follows the state machine of the VT500 (vt100.net/emu/dec_ansi_parser): a control inside a sequence takes effect
at once, CAN and SUB end the sequence, ESC ends it and begins the next. What may pass is not known here: `Rules`
decide. However the input is cut into pieces, the result is the same, and what is held back is bounded.

Regular expressions do the work; a loop over characters would be slower by far.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from sockcli.terminal.characters import C1, CONTEXT, INVISIBLE, JOINERS

# The longest sequence that real programs send, two 24-bit colours with attributes, has about 60 characters.
MAX_SEQUENCE: Final = 256
MAX_INTERMEDIATES: Final = 16
# A control string (title, clipboard, image) that does not end would hide the rest of the session. Nothing of it is
# stored; after so many characters, or at the end of the line, what follows is taken as text again. Showing rubbish
# after a long image is the smaller evil.
MAX_STRING: Final = 4096

# OSC, DCS, PM, APC, SOS, and the title sequence of screen and tmux, which ends as they do.
STRINGS: Final = {"]": "OSC", "P": "DCS", "^": "PM", "_": "APC", "X": "SOS", "k": "title"}
# The Linux console's own OSC P and R, for its palette, have no terminator: their length, the letter included.
_PALETTE: Final = {"P": 8, "R": 1}

_INSIDE: Final = r"\x00-\x17\x19\x1c-\x1f\x7f"  # the controls that may stand in a sequence without ending it
_SEQUENCE: Final = re.compile(
    rf"\x1b(?:[{_INSIDE}]{{0,{MAX_INTERMEDIATES}}}\[[{_INSIDE}\x20-\x3f]{{0,{MAX_SEQUENCE}}}(?P<csi>[@-~])?"
    rf"|[{_INSIDE}\x20-\x2f]{{0,{MAX_INTERMEDIATES}}}(?P<esc>[0-~])?)"
)
_JOINERS: Final = tuple(JOINERS)
_NOT_INSIDE: Final = re.compile(rf"[^{_INSIDE}]+")
_CONTROLS_INSIDE: Final = re.compile(rf"[{_INSIDE}]+")
# ESC and CR need a look at what follows; a joiner one at what came before.
_CONTROLS: Final = re.compile(rf"[{JOINERS}\r]|[\x00-\x0c\x0e-\x1a\x1c-\x1f\x7f{C1}{INVISIBLE}]+")
_STRING_END: Final = re.compile(r"[\x07\x18\x1a\x1b\n\x9c]")


class Rules(Protocol):
    """What passes, and in which form."""

    @property
    def clean(self) -> re.Pattern[str]:
        """The longest run that passes as it is, perhaps empty. A short cut: the methods below must agree with it."""
        ...

    @property
    def waits_after_cr(self) -> bool:
        """Whether what becomes of a CR depends on what follows it."""
        ...

    def controls(self, run: str) -> str:
        """Controls, C1 and invisible characters, none of which is ESC."""
        ...

    def sequence(self, sequence: str) -> str:
        """ESC and what belongs to it, complete or broken off; without the controls that stood inside."""
        ...

    def string(self, kind: str) -> None:
        """The beginning of a control string, all of which is swallowed."""
        ...


class EscapeParser:
    """Turns text into the text that may be shown."""

    __slots__ = ("_apart", "_before", "_held", "_string", "_string_left", "rules")

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._held = ""
        self._before = ""  # the characters before what is held or comes next: joiners depend on them
        self._apart = False  # a sequence was last, whose characters are none to join to
        self._string = ""
        self._string_left = 0

    @property
    def idle(self) -> bool:
        """Whether the next character is read without regard to earlier ones."""
        return not self._held and not self._string

    def passed(self, last: str) -> None:
        """Clean text that ends in `last` went by this parser."""
        self._apart = False
        self._remember(last)

    def feed(self, text: str) -> str:
        pieces: list[str] = []
        before = ""
        if self._held or text.startswith(_JOINERS):
            before, self._before = self._before, ""
            text = f"{before}{self._held}{text}"
        stop = self._parse(text, len(before), pieces)
        self._held = text[stop:]
        self._remember(text[max(0, stop - CONTEXT) : stop])
        return "".join(pieces)

    def finish(self) -> str:
        """What becomes of the part that waited for more."""
        held, self._held = self._held, ""
        if self._string:
            self._string = ""
            return ""
        if not held.startswith("\x1b"):
            return self.rules.controls(held)
        return self._sequence(held)

    def _remember(self, last: str) -> None:
        self._before = (self._before + last)[-CONTEXT:]

    def _parse(self, text: str, at: int, pieces: list[str]) -> int:
        """Parse from `at`; the index of the first character that has to wait for what follows it."""
        while at < len(text):
            stop = self._swallow(text, at) if self._string else self._token(text, at, pieces)
            if stop is None:
                return at
            at = stop
        return at

    def _token(self, text: str, at: int, pieces: list[str]) -> int | None:
        """Take one thing; where it ends, or None if that is not to be seen yet."""
        apart, self._apart = self._apart, False
        if apart and text[at] in JOINERS:
            pieces.append(self.rules.controls(text[at]))
            return at + 1
        match = self.rules.clean.match(text, at)
        if match is not None and match.end() > at:
            pieces.append(match[0])
            return match.end()
        if match := _SEQUENCE.match(text, at):
            if match.end() == len(text) and match.lastgroup is None:
                return None
            self._apart = True
            pieces.append(self._sequence(match[0]))
            return match.end()
        if text[at] == "\r" and at + 1 == len(text) and self.rules.waits_after_cr:
            return None
        match = _CONTROLS.match(text, at)
        assert match is not None  # every other character is clean
        pieces.append(self.rules.controls(match[0]))
        return match.end()

    def _sequence(self, sequence: str) -> str:
        controls = ""
        if _CONTROLS_INSIDE.search(sequence, 1):
            controls = self.rules.controls(_NOT_INSIDE.sub("", sequence))
            sequence = _CONTROLS_INSIDE.sub("", sequence)
        if sequence == "\x1b\\":
            return controls  # the end of a string that was over already
        if len(sequence) == 2 and sequence[1] in STRINGS:
            self._string, self._string_left = sequence[1], MAX_STRING
            self.rules.string(STRINGS[sequence[1]])
            return controls
        return controls + self.rules.sequence(sequence)

    def _swallow(self, text: str, at: int) -> int | None:
        """Where the control string ends, or where its part in `text` does; None as in `_token`."""
        self._apart = True
        if self._string == "]" and self._string_left == MAX_STRING:
            self._string_left = _PALETTE.get(text[at], MAX_STRING)
        limit = min(len(text), at + self._string_left)
        match = _STRING_END.search(text, at, limit)
        stop = match.start() if match else limit
        self._string_left -= stop - at
        if match is None:
            if not self._string_left:
                self._string = ""
            return stop
        if match[0] == "\x1b" and stop + 1 == len(text):
            return None if stop == at else stop
        self._string = ""
        if match[0] == "\x1b":
            return stop + 2 if text[stop + 1] == "\\" else stop
        # A line feed is not lost with the string: no real string has one, and it is what brings a lost reader back.
        return stop if match[0] == "\n" else stop + 1
