"""Full-screen programs through GNU telnetd: sockcli shows what GNU telnet shows, cell by cell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Final

import pytest

from tests.e2e.stage import TEXT, Stage
from tests.e2e.terminal import Terminal
from tests.servers import program

LAST_LINE: Final = b"\x1b[24;1H\x1b[K"


class Both:
    """The same program twice, once through GNU telnet and once through sockcli."""

    def __init__(self, gnu: Terminal, ours: Terminal) -> None:
        self.gnu = gnu
        self.ours = ours

    def show(self, condition: Callable[[str], bool], what: str) -> None:
        """Once the program has shown this on both, the screens are the same."""
        for terminal in (self.gnu, self.ours):
            terminal.until(lambda terminal=terminal: condition(terminal.text), what)  # type: ignore[misc]
        self.ours.until(self._are_the_same, self._difference)

    def _are_the_same(self) -> bool:
        self.gnu.read()
        return self.ours.look() == self.gnu.look()

    def _difference(self) -> str:
        ours, theirs = self.ours.look(), self.gnu.look()
        rows = [row for row, cells in enumerate(ours.cells) if cells != theirs.cells[row]]
        shown = "\n".join(f"{row}: {self.gnu.screen.display[row]}" for row in rows)
        return f"what GNU telnet shows, with the cursor at {theirs.cursor}, not {ours.cursor}, and\n{shown}\n"

    def wait_for(self, text: str) -> None:
        for terminal in (self.gnu, self.ours):
            terminal.wait_for(text)

    def type(self, keys: str, shown: str, without: str = "\0") -> None:
        """Type on both; then they show this, and are the same."""
        for terminal in (self.gnu, self.ours):
            terminal.type(keys)
        self.show(lambda text: shown in text and without not in text, f"{shown!r} and no {without!r}")

    def press(self, key: str, end: bytes) -> None:
        """Press a key, after which everything is drawn twice, to this end: more than one at a time are not taken."""
        for terminal in (self.gnu, self.ours):
            ends = terminal.written.count(end) + 2
            terminal.type(key)
            terminal.until(lambda: terminal.written.count(end) >= ends, "it to be drawn again")  # noqa: B023

    def resize(self, columns: int, rows: int, last: str) -> None:
        """Then all is drawn again, and the last line is this."""
        for terminal in (self.gnu, self.ours):
            seen = len(terminal.written)
            terminal.resize(columns, rows)
            terminal.until(lambda: len(terminal.written) > seen, "it to be drawn again")  # noqa: B023
        self.show(lambda text: last in text.split("\n")[rows - 1], f"{last!r} in line {rows}")

    def leave(self, keys: str) -> None:
        for terminal in (self.gnu, self.ours):
            terminal.type(keys)
            assert terminal.wait_end() == 0


Show = Callable[[str], Both]


@pytest.fixture
def both_with(stage: Stage) -> Show:
    """Starts a program: the command is what a login runs."""

    def connect(login: str) -> Both:
        port = stage.server(f"exec {login}\n")
        return Both(stage.gnu(port), stage.ours(port))

    return connect


def test_vi(stage: Stage, both_with: Show) -> None:
    both = both_with(f"{program('vim.tiny')} -u NONE -N -c 'set ruler showcmd nowrap' text")
    both.wait_for("1,1")
    # Whether its first message is there still depends on when it was told the size.
    both.type("\x0c", "1,1", without="98L")
    both.type("\x1bOB\x1bOC", "2,2")
    both.type("ihello \x1b", "2,8")
    both.type("dd", "2,1")
    both.type("5p", "3,1")
    both.type("\x04", "14,1")
    both.type("GA tail\x1b", " tail")
    both.type("/fox\r", "fox")
    both.resize(100, 30, "1,25")
    both.type(":set number\r:1\r", "   1 line 1")
    both.resize(60, 12, "1,1")
    both.type(":%s/fox/ƒøẍ/\r:1\r", "ƒøẍ")
    both.leave(":wq\r")
    saved = [path.read_text() for path in stage.directory.glob("login.*/text")]
    assert len(saved) == 2
    assert saved[0] == saved[1] != TEXT


def test_less(both_with: Show) -> None:
    both = both_with(f"{program('less')} -M text")
    both.type("", "text lines 1-")
    both.type(" ", "text lines 24-")
    both.type("b", "text lines 1-")
    both.type("/line 3\r", "text lines 3-")
    both.type("n", "text lines 30-")
    both.type("G", "(END)")
    both.resize(132, 20, "text lines 76-")
    both.type("1G", "text lines 1-")
    both.leave("q")


def test_top(both_with: Show) -> None:
    """Of one process, which sleeps, and without the header: so it stands still and can be compared."""
    with subprocess.Popen(["sleep", "1000"]) as sleeper:
        try:
            both = both_with(f"{program('top')} -d 900 -p {sleeper.pid}")
            both.wait_for("load average")
            both.wait_for("sleep")
            for key in "ltttmmm":
                both.press(key, LAST_LINE)
            headers = ("load average", "Cpu", "Mem")
            both.show(lambda text: "sleep" in text and not any(map(text.__contains__, headers)), "no header")
            both.press("z", LAST_LINE)
            both.show(lambda text: "sleep" in text, "colours")
            both.press("x", LAST_LINE)
            both.show(lambda text: "sleep" in text, "a column that stands out")
            both.resize(60, 10, "")
            both.leave("q")
        finally:
            sleeper.kill()
