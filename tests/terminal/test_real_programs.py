"""What vi, less, top, tmux and curses draw looks the same through the screen set as without it.

The recordings are made by record.py. Compared are characters, colours and cursor, at many moments of each session.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import pyte
import pytest

from sockcli.terminal import TerminalFilter
from tests.terminal.emulator import COLUMNS, ROWS, Screen
from tests.terminal.grammar import violations

RECORDINGS: Final = sorted((Path(__file__).parent / "recordings").glob("*.bin"))
MOMENTS: Final = 40


class Look(NamedTuple):
    """All that can be seen of a screen."""

    cells: list[list[object]]
    cursor: tuple[int, int, bool]


class Emulator:
    """A terminal, and what it looks like."""

    def __init__(self, *, utf8: bool) -> None:
        self.screen = Screen()
        self.stream = pyte.ByteStream(self.screen)
        if not utf8:
            self.stream.select_other_charset("@")  # pyte draws lines of the graphics set in this mode only

    def feed(self, data: bytes) -> None:
        self.stream.feed(data)

    def look(self) -> Look:
        screen = self.screen
        cells: list[list[object]] = [[screen.buffer[y][x] for x in range(COLUMNS)] for y in range(ROWS)]
        return Look(cells, (screen.cursor.x, screen.cursor.y, screen.cursor.hidden))


def cuts(data: bytes) -> list[bytes]:
    size = len(data) // MOMENTS + 1
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 8


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_the_screen_is_the_same(path: Path) -> None:
    data = path.read_bytes()
    utf8 = not path.stem.startswith("boxes")
    passage = TerminalFilter("screen")
    direct, filtered = Emulator(utf8=utf8), Emulator(utf8=utf8)
    looks = set()
    for piece in cuts(data):
        direct.feed(piece)
        output = passage.feed(piece)
        assert violations(output, "screen") == []
        filtered.feed(output)
        look = direct.look()
        assert filtered.look() == look
        looks.add(str(look.cells))
    assert len(looks) > 5  # it was not the same empty screen all the time


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_wherever_it_stops_the_terminal_is_usable(path: Path) -> None:
    data = path.read_bytes()
    passage, so_far = TerminalFilter("screen"), Emulator(utf8=True)
    for piece in cuts(data):
        so_far.feed(passage.feed(piece))
        so_far.feed(passage.suspend())
        screen = so_far.screen
        assert not screen.cursor.hidden
        assert screen.margins in (None, (0, ROWS - 1))
        assert screen.cursor.attrs == screen.default_char
        assert screen.charset == 0
        assert pyte.modes.DECAWM in screen.mode
        assert pyte.modes.DECOM not in screen.mode
        assert pyte.modes.IRM not in screen.mode
        so_far.feed(passage.resume())


def test_full_screen_programs_are_readable_in_the_safe_set() -> None:
    # Not pretty, but every letter is there and nothing acts.
    for path in RECORDINGS:
        passage = TerminalFilter("safe")
        assert violations(passage.feed(path.read_bytes()) + passage.finish(), "safe") == []
