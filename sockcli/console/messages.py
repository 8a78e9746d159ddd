"""What we say ourselves: what commands show, errors, what became of sessions. Kept until there is a place for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sockcli.base.escaping import printable
from sockcli.errors import SockcliError

# Lines that wait while a full-screen program has the terminal. The last ones are the ones to read.
MOST: Final = 500


class Messages:
    """`said` is told that there are more."""

    def __init__(self, said: Callable[[], None]) -> None:
        self._said = said
        self._lines: deque[str] = deque(maxlen=MOST)
        self.spoke = False  # since somebody last set this to False

    def show(self, text: str) -> None:
        """Lines as they are. Controls in them are made visible."""
        self.spoke = True
        self._lines += [printable(line) for line in text.split("\n")]
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
        words = "".join(f"{line}\r\n" for line in self._lines)
        self._lines.clear()
        return words.encode("utf-8", "backslashreplace")
