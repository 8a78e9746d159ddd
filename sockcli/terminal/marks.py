"""At most eight combining marks on one character.

A terminal keeps all marks in the cell of the character before them. Thousands of them make it slow, or draw over the
lines above; no language writes more than a few. Sequences between the marks change nothing: they are on one character
all the same.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sockcli.terminal.omissions import MARKS, Omissions

MOST_MARKS: Final = 8

# Hangul's vowels and final consonants are letters, and join the one before them.
_HANGUL: Final = r"\u1160-\u11ff\ud7b0-\ud7ff"
# What may be a mark, for a quick search. Python's patterns do not know Unicode's categories; but no mark is a letter,
# and there is none in some long ranges of signs.
_NO_MARKS: Final = (
    r"\x00-\u02ff\u2000-\u20cf\u2100-\u2cee\u2e00-\u3029\u3030-\u3098\u309b-\ua66e\ufe30-\uffff\U0001f000-\U0001fbff"
)
_SIGN: Final = rf"[^\w{_NO_MARKS}]"
_SEQUENCE: Final = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/]*[0-~])"
# All of these are compiled when they are first used: most sessions have no such character.
_FIRST: Final = rf"{_SIGN}|[{_HANGUL}]"
_RUN: Final = rf"(?:{_SIGN}|[{_HANGUL}]|{_SEQUENCE})"
# The runs that matter: those that may have too many, and the last one, which more may follow.
_LONG_OR_LAST: Final = rf"{_RUN}{{{MOST_MARKS + 1},}}|{_RUN}+\Z"
_PARTS: Final = rf"(?s){_SEQUENCE}|."


@lru_cache(4_096)
def is_mark(char: str) -> bool:
    """Whether a terminal may put `char` into the cell of the character before it."""
    import unicodedata  # here, because few sessions need it

    return unicodedata.category(char)[0] == "M" or re.match(rf"[{_HANGUL}]", char) is not None


class MarkLimit:
    """Passes text that is on its way to the terminal, without the marks that are too many."""

    __slots__ = ("_marks", "_omissions")

    def __init__(self, omissions: Omissions) -> None:
        self._omissions = omissions
        self._marks = 0  # on the last character

    def passed(self) -> None:
        """Text that ends in no mark went by."""
        self._marks = 0

    def limit(self, text: str) -> str:
        """`text` without the marks that are too many; they are counted as left out."""
        if not self._marks and (text.isascii() or not re.search(_FIRST, text)):
            return text
        pieces: list[str] = []
        at = 0
        if self._marks and (run := re.match(_RUN + "+", text)):
            pieces.append(self._limited(run[0]))
            at = run.end()
        for run in re.compile(_LONG_OR_LAST).finditer(text, at):
            self._marks = 0  # another character stands before it
            pieces += text[at : run.start()], self._limited(run[0])
            at = run.end()
        if at < len(text):
            self._marks = 0
            pieces.append(text[at:])
        return "".join(pieces)

    def _limited(self, run: str) -> str:
        if all(map(is_mark, run)):  # a flood is, and it is quicker in one piece
            room = max(0, MOST_MARKS - self._marks)
            self._marks += len(run)
            if left := len(run[room:]):
                self._omissions.count(MARKS, left)
            return run[:room]
        kept = []
        parts = re.findall(_PARTS, run)
        for part in parts:
            if part[0] != "\x1b":
                self._marks = self._marks + 1 if is_mark(part) else 0
                if self._marks > MOST_MARKS:
                    continue
            kept.append(part)
        if len(kept) < len(parts):
            self._omissions.count(MARKS, len(parts) - len(kept))
        return "".join(kept)
