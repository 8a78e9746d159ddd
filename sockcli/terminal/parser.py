"""Turns a peer's text into the text that may be shown, however it is cut into pieces.

A piece is cut into tokens, and the rules say what becomes of each. Held back is only what cannot be decided yet: a
sequence or control string without its end, and a CR at the end of the text. That is bounded (see tokens.py).
"""

from __future__ import annotations

from sockcli.terminal.characters import JOINERS
from sockcli.terminal.rules import RuleSet
from sockcli.terminal.tokens import INCOMPLETE

_JOINERS = tuple(JOINERS)


class EscapeParser:
    """`feed` text, and `finish` when no more comes. `rules` may be changed at any time."""

    __slots__ = ("_before", "_held", "rules")

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._held = ""
        self._before = ""  # the clean characters before what comes next: whether a joiner passes depends on them

    @property
    def idle(self) -> bool:
        """Whether the next character is read without regard to earlier ones, if it is no joiner."""
        return not self._held

    def passed(self, last: str) -> None:
        """Clean text that ends in `last` was shown without this parser."""
        self._before = _context(last)

    def feed(self, text: str) -> str:
        """What may be shown now."""
        if not text:
            return ""
        text = self._held + text
        # Cut into tokens once more: they are clean, so they are shown as they are.
        before = self._before if text.startswith(_JOINERS) else ""
        tokens = self.rules.tokens.findall(before + text)
        self._held = tokens.pop() if self._waits(tokens[-1]) else ""
        if not tokens:
            return ""
        shown = self.rules.show(tokens)
        self._before = _context(tokens[-1]) if shown.endswith(tokens[-1]) else ""
        return shown[len(before) :]

    def finish(self) -> str:
        """What becomes of the part that waited for more."""
        held, self._held = self._held, ""
        return self.rules.show([held]) if held else ""

    def _waits(self, token: str) -> bool:
        if token[0] == "\x1b":
            return INCOMPLETE.fullmatch(token) is not None
        return token == "\r" and self.rules.waits_after_cr


def _context(last: str) -> str:
    """The end of a token that passed as it is, as far as a joiner behind it depends on it (see characters.JOINER).

    Behind a sequence or a control there is nothing to join.
    """
    if last[0] == "\x1b" or last[-1] < " ":
        return ""
    if last.endswith("\ufe0f"):
        return last[-2:]
    return "" if last.endswith(_JOINERS) else last[-1]
