"""What we say ourselves: what commands show, errors, what became of sessions. Kept until a mode can write it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sockcli.base.escaping import printable
from sockcli.errors import SockcliError

# Lines that wait while a full-screen program has the terminal; the oldest are dropped.
MOST: Final = 500


class Messages:
    """`said()` is called each time that there is something new."""

    def __init__(self, said: Callable[[], None]) -> None:
        self._said = said
        self._lines: deque[str] = deque(maxlen=MOST)
        self.spoke = False  # something was said since somebody last set this to False

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
        text = "".join(f"{line}\r\n" for line in self._lines)
        self._lines.clear()
        return text.encode("utf-8", "backslashreplace")
