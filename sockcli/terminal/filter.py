"""The one gate between a peer's bytes and the user's terminal.

It is for a terminal only: a pipe or a file gets the bytes as they came. What comes out is valid UTF-8 in every mode
but raw, and depends on the bytes alone, not on how they were cut into reads.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final, Literal

from sockcli.base.deadline import Clock
from sockcli.terminal.marks import MarkLimit
from sockcli.terminal.modes import Mode, Modes
from sockcli.terminal.omissions import Omissions
from sockcli.terminal.parser import EscapeParser
from sockcli.terminal.passthrough import RawPassage
from sockcli.terminal.safe_rules import SafeRules

if TYPE_CHECKING:
    from sockcli.terminal.screen_rules import ScreenRules

FilterMode = Literal["safe", "screen", "raw"]

_Decoder: Final = codecs.getincrementaldecoder("utf-8")
_COLOURS: Final = re.compile(r"\x1b\[[0-9;:]*m")


class TerminalFilter:
    """Makes a peer's bytes fit for the user's terminal.

    `safe` shows text and colours; `screen` is for full-screen programs; `raw` changes nothing. See the modules of
    these names. `clock` is what bells are counted by.
    """

    def __init__(self, mode: FilterMode, *, clock: Clock | None = None) -> None:
        self._omissions = Omissions()
        self._modes = Modes()
        self._raw = RawPassage(self._modes) if mode == "raw" else None
        self._clock = clock
        self._safe = SafeRules(self._omissions, self._modes)
        self._screen: ScreenRules | None = None
        self._rules = self._rules_of(mode)
        self._parser = EscapeParser(self._rules)
        self._marks = MarkLimit(self._omissions)
        self._decoder = _Decoder("replace")
        self._given_back = False

    def feed(self, data: bytes) -> bytes:
        """What to write to the terminal now. A sequence or character that is not complete waits for its rest."""
        self._given_back = False
        if self._raw is not None:
            return self._raw.feed(data)
        if self._is_plain(data):
            self._parser.passed(data[-2:].decode())
            self._marks.passed()
            return data
        return self._pass_on(self._parser.feed(self._decoder.decode(data)))

    def switch(self, mode: Literal["safe", "screen"]) -> bytes:
        """Go on under other rules, as telnet does when the peer takes over the echo; what to write for it.

        Does nothing to a raw filter: raw is the user's own word.
        """
        rules = self._rules_of(mode)
        if self._raw is not None or rules is self._rules:
            return b""
        self._rules = self._parser.rules = rules
        return b"" if mode == "screen" else self._restore()

    def _rules_of(self, mode: FilterMode) -> SafeRules | ScreenRules:
        if mode != "screen":
            return self._safe
        if self._screen is None:
            from sockcli.terminal.screen_rules import (
                ScreenRules,  # its patterns take milliseconds, and few runs need them
            )

            self._screen = ScreenRules(self._omissions, self._modes, self._clock)
        return self._screen

    def suspend(self) -> bytes:
        """What gives the terminal back for a while; `resume` takes it again."""
        if self._given_back:
            return b""  # the shell has it, and may have put the cursor elsewhere
        self._given_back = True
        reports_off = self._raw.reports_off() if self._raw is not None else ""
        return (reports_off + self._modes.undo()).encode()

    def resume(self) -> bytes:
        """What brings the peer's modes back. What was on the screen is the peer's to draw again."""
        self._given_back = False
        return self._modes.redo().encode()

    def finish(self) -> bytes:
        """What to write at the end, whatever the reason: the part that waited, then the modes undone."""
        rest = b""
        if self._raw is None:
            text = self._parser.feed(self._decoder.decode(b"", final=True)) + self._parser.finish()
            rest = self._pass_on(text)
        return rest + self._restore()

    def notices(self) -> list[str]:
        """What was left out, a sentence for each kind. For after the end; each is said once."""
        lines = self._omissions.lines()
        self._omissions.clear()
        return lines

    def _is_plain(self, data: bytes) -> bool:
        """Whether `data` passes as it is. Asked of all bytes at once, which is quicker by far than parsing them."""
        return (
            bool(data)
            and not data.translate(None, self._rules.plain_bytes)
            and (not self._rules.waits_after_cr or data.count(b"\r") == data.count(b"\r\n"))
            and self._parser.idle
            and not self._decoder.getstate()[0]
        )

    def _pass_on(self, text: str) -> bytes:
        if "\x1b" in text:
            self._modes.suspect(Mode.COLOURS)
        return self._marks.limit(text).encode()

    def _restore(self) -> bytes:
        data = self.suspend()
        self._modes.forget()
        if self._raw is not None:
            self._raw.forget()
        self._given_back = False
        return data


def safe_text(data: bytes) -> str:
    """`data` of a peer's with nothing in it but visible characters, LF and TAB: not even colours.

    For where we write text of our own around it, or give it to a library that lets C1 controls through.
    """
    passage = TerminalFilter("safe")
    text = (passage.feed(data) + passage.finish()).decode()
    return _COLOURS.sub("", text).replace("\r\n", "\n")
