"""What we say ourselves: what commands show, errors, what became of sessions. Kept until a mode can write it.

The word that such a line begins with is bold, and in colour unless the user wants none. A line of a peer's that begins
with it has a gutter and no colours (see `lookalike`), so none can look the same.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from sockcli.base.escaping import printable
from sockcli.errors import SockcliError

# Lines that wait while a full-screen program has the terminal; the oldest are dropped.
MOST: Final = 500

_LEADS: Final = ("sockcli:", "hint:")
BOLD: Final = "\x1b[1m"
COLOUR: Final = "\x1b[1;35m"  # as the command prompt has it
_PLAIN: Final = "\x1b[0m"


def lead_style(*, dumb: bool) -> str:
    """What to write before the first word of ours: empty where a terminal can only print. $NO_COLOR is obeyed."""
    if dumb:
        return ""
    return BOLD if os.environ.get("NO_COLOR") else COLOUR


class MessageOutput(NamedTuple):
    """Where they go, and how they look."""

    style: str = ""  # see `lead_style`
    elsewhere: Callable[[str], None] | None = None  # takes each line; None: they are for the terminal


class Messages:
    """`said()` is called each time that there is something new."""

    def __init__(self, said: Callable[[], None], output: MessageOutput) -> None:
        self._said = said
        self._style, self._elsewhere = output
        self._lines: deque[str] = deque(maxlen=MOST)
        self.spoke = False  # something was said since somebody last set this to False

    def show(self, text: str) -> None:
        """Lines as they are. Controls in them are made visible."""
        self.spoke = True
        lines = text.split("\n")
        if self._elsewhere is not None:
            for line in lines:
                self._elsewhere(line)
            return
        self._lines += map(printable, lines)
        self._said()

    def notice(self, text: str) -> None:
        """A line about what happened."""
        self.show(f"sockcli: {text}")

    def report(self, error: SockcliError) -> None:
        for line in error.lines:
            self.show(f"sockcli: error: {line}")
        if error.hint:
            self.show(f"hint: {error.hint}")

    def take(self) -> bytes:
        """Lines for the terminal, each with its CR LF."""
        text = "".join(f"{self._styled(line)}\r\n" for line in self._lines)
        self._lines.clear()
        return text.encode("utf-8", "backslashreplace")

    def _styled(self, line: str) -> str:
        lead = next((each for each in _LEADS if self._style and line.startswith(each)), "")
        return f"{self._style}{lead}{_PLAIN}{line[len(lead) :]}" if lead else line
