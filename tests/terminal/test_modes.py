"""On leaving, the terminal is as it was found: compared on an emulator, and byte for byte."""

from __future__ import annotations

import pytest

from sockcli.terminal import TerminalFilter
from tests.terminal.tools import SAFE_MODES, SafeMode

MAIN_SCREEN_MODES = {
    b"\x1b[31m": b"\x1b[0m",
    b"\x1b[?25l": b"\x1b[?25h",
    b"\x1b[?7l": b"\x1b[?7h",
    b"\x1b[?1h": b"\x1b[?1l",
    b"\x1b[?12h": b"\x1b[?12l",
    b"\x1b[?6h": b"\x1b[?6l\x1b[r\x1b[9999;1H\n",
    b"\x1b[4h": b"\x1b[4l",
    b"\x1b[4 q": b"\x1b[0 q",
    b"\x1b[5;20r": b"\x1b7\x1b[r\x1b8",
    b"\x1b=": b"\x1b>",
    b"\x1b(0": b"\x1b(B",
    b"\x1b)0": b"\x1b)B",
    b"\x0e": b"\x0f",
}


@pytest.mark.parametrize(("change", "undoing"), MAIN_SCREEN_MODES.items())
def test_what_was_changed_is_undone(change: bytes, undoing: bytes) -> None:
    passage = TerminalFilter("screen")
    assert passage.feed(change) == change
    end = passage.finish()
    assert end.removeprefix(b"\x1b[0m") == undoing.removeprefix(b"\x1b[0m")
    assert passage.finish() == b""


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_nothing_is_undone_where_nothing_was_changed(mode: SafeMode) -> None:
    passage = TerminalFilter(mode)
    passage.feed(b"text\r\n")
    assert passage.finish() == b""


def test_normal_states_are_nothing_to_undo_but_colours() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b[?25h\x1b[?7h\x1b(B\x0f\x1b[r\x1b[?1049l\x1b[ q\x1b[?6l")
    assert passage.finish() == b"\x1b[0m"


def test_the_alternate_screen_is_left_only_if_it_is_on() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b[?1049h\x1b[?1049l")
    assert b"1049" not in passage.finish()
    passage.feed(b"\x1b[?1049h")
    assert b"\x1b[?1049l" in passage.finish()


def test_margins_are_reset_on_the_screen_that_stays() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b[?1049h\x1b[2;5r")
    assert passage.finish() == b"\x1b[0m\x1b[?1049l\x1b7\x1b[r\x1b8"


def test_a_mode_that_a_restored_cursor_may_bring_back_is_undone() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b(0\x1b7\x1b(B\x1b8")
    assert b"\x1b(B" in passage.finish()


def test_a_stopped_session_gives_the_terminal_back_and_takes_it_again() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b[?1049h\x1b[2;5r\x1b[?25l\x1b=\x1b(0\x1b(B\x1b[1m")
    assert passage.suspend() == b"\x1b[0m\x1b(B\x1b>\x1b[?1049l\x1b7\x1b[r\x1b8\x1b[?25h"
    assert passage.resume() == b"\x1b[?1049h\x1b=\x1b7\x1b[2;5r\x1b8\x1b[?25l"
    assert passage.finish() == passage_end(b"\x1b[?1049h\x1b[2;5r\x1b[?25l\x1b=\x1b(0\x1b[1m")


def test_a_stopped_session_that_ends_leaves_the_terminal_to_the_shell() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b[?1049h\x1b[31m")
    assert passage.suspend() != b""
    assert passage.suspend() == b""
    assert passage.finish() == b""


def test_what_is_written_while_the_shell_has_the_terminal_is_undone_again() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b[31m")
    passage.suspend()
    passage.feed(b"\x1b[?25l")
    assert passage.finish() == b"\x1b[0m\x1b[?25h"


def passage_end(data: bytes) -> bytes:
    passage = TerminalFilter("screen")
    passage.feed(data)
    return passage.finish()


@pytest.mark.parametrize("changes", [b"\x0e\x0f", b"\x0ex\x0f", b"\x0e\x0f\x0e\x0f", b"\x1b[?25l\x1b[?25h" * 2])
def test_a_mode_that_was_left_again_is_undone_all_the_same(changes: bytes) -> None:
    passage = TerminalFilter("screen")
    passage.feed(changes)
    assert passage.finish().removeprefix(b"\x1b[0m") in (b"\x0f", b"\x1b[?25h")


def test_switching_to_screen_and_back() -> None:
    passage = TerminalFilter("safe")
    assert passage.feed(b"\x1b[H\r") == b"^[[H"
    assert passage.switch("screen") == b""
    assert passage.feed(b"\x1b[H\x1b[?25l") == b"\r\x1b[H\x1b[?25l"
    assert passage.switch("screen") == b""
    assert passage.switch("safe") == b"\x1b[0m\x1b[?25h"
    assert passage.feed(b"\x1b[H") == b"^[[H"
    assert passage.finish() == b""


def test_switching_leaves_raw_as_the_user_wanted_it() -> None:
    passage = TerminalFilter("raw")
    assert passage.switch("safe") == b""
    assert passage.feed(b"\x1b[H") == b"\x1b[H"
