"""Raw: not a byte is changed, and what commonly outlives a program is turned off."""

from __future__ import annotations

import pytest

from sockcli.terminal import TerminalFilter
from tests.terminal.corpus import DANGEROUS
from tests.terminal.tools import split

EVERYTHING = bytes(range(256)) + b"".join(DANGEROUS.values())


def test_not_a_byte_is_changed() -> None:
    passage = TerminalFilter("raw")
    pieces = split(EVERYTHING, range(0, len(EVERYTHING), 7))
    assert b"".join(map(passage.feed, pieces)) == EVERYTHING


def test_plain_text_leaves_nothing_to_undo() -> None:
    passage = TerminalFilter("raw")
    passage.feed("plain text, 世界\r\n\a".encode())
    assert passage.finish() == b""


def test_the_common_modes_are_turned_off_once() -> None:
    passage = TerminalFilter("raw")
    passage.feed(b"text \x1b[?1003h")
    end = passage.finish()
    for undoing in (
        b"\x1b[?1003l",
        b"\x1b[?2004l",
        b"\x1b[?1004l",
        b"\x1b[0m",
        b"\x1b[?25h",
        b"\x1b(B",
        b"\x0f",
        b"\x1b>",
    ):
        assert undoing in end
    assert b"1049" not in end
    assert b"\x1b[?6l" not in end
    assert passage.finish() == b""


@pytest.mark.parametrize("place", range(1, 8))
@pytest.mark.parametrize(
    ("data", "alternate"),
    [
        (b"\x1b[?1049h", True),
        (b"\x1b[?47h.", True),
        (b"\x1b[?1047h", True),
        (b"\x1b[?25;1049h", True),
        (b"\xc2\x9b?1049h", True),
        (b"\x1b[?1049h\x1b[?1049l", False),
        (b"\x1b[?1049l\x1b[?1049h", True),
    ],
)
def test_the_alternate_screen_is_left_if_it_was_seen(data: bytes, alternate: bool, place: int) -> None:
    passage = TerminalFilter("raw")
    for piece in split(b"x" * 100 + data, [100 + place]):
        passage.feed(piece)
    assert (b"\x1b[?1049l" in passage.finish()) == alternate


def test_origin_mode_is_left_if_it_was_seen() -> None:
    passage = TerminalFilter("raw")
    passage.feed(b"\x1b[?6h")
    assert b"\x1b[?6l" in passage.finish()


def test_a_stopped_session_gives_the_terminal_back_and_takes_the_screen_again() -> None:
    passage = TerminalFilter("raw")
    passage.feed(b"\x1b[?1049h")
    assert b"\x1b[?1003l" in passage.suspend()
    assert passage.resume() == b"\x1b[?1049h"


def test_nothing_is_said() -> None:
    passage = TerminalFilter("raw")
    passage.feed(EVERYTHING)
    assert passage.notices() == []
