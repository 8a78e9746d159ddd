"""Control strings: swallowed, counted, and never the end of the session."""

from __future__ import annotations

import pytest

from sockcli.terminal import TerminalFilter
from sockcli.terminal.tokens import MAX_STRING
from tests.terminal.tools import SAFE_MODES, SafeMode, bytewise, passed, whole

INTRODUCERS = [b"\x1b]", b"\x1bP", b"\x1b^", b"\x1b_", b"\x1bX", b"\x1bk"]


@pytest.mark.parametrize("mode", SAFE_MODES)
@pytest.mark.parametrize("introducer", INTRODUCERS)
@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\", b"\xc2\x9c", b"\x18", b"\x1a"])
def test_is_swallowed(mode: SafeMode, introducer: bytes, end: bytes) -> None:
    data = b"before" + introducer + b"0;some \r\t\x01 title \xe4\xb8\x96 \xff" + end + b"after"
    assert whole(mode, [data]) == whole(mode, bytewise(data)) == b"beforeafter"


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_escape_ends_a_string_and_begins_the_next_sequence(mode: SafeMode) -> None:
    assert passed(mode, b"\x1b]0;title\x1b[31mred") == b"\x1b[31mred"
    assert passed(mode, b"\x1b]0;title\x1b]52;c;x\x07red") == b"red"


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_a_line_feed_ends_a_string_that_forgot_to(mode: SafeMode) -> None:
    assert passed(mode, b"\x1b]0;title\nnext line\n") == b"\nnext line\n"


@pytest.mark.parametrize("mode", SAFE_MODES)
@pytest.mark.parametrize("introducer", INTRODUCERS)
def test_an_endless_string_hides_four_kilobytes_and_no_more(mode: SafeMode, introducer: bytes) -> None:
    data = introducer + b"x" * MAX_STRING + b"visible again"
    assert MAX_STRING == 4096
    assert whole(mode, [data]) == whole(mode, bytewise(data)) == b"visible again"


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_the_end_of_a_string_that_was_over_is_not_shown(mode: SafeMode) -> None:
    assert passed(mode, b"\x1b]0;title\n\x1b\\text") == b"\ntext"


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_the_palette_of_the_linux_console_has_its_own_length(mode: SafeMode) -> None:
    for data in (b"\x1b]R", b"\x1b]P0ffffff"):
        assert passed(mode, data + b"text") == b"text"
        assert whole(mode, bytewise(data + b"text")) == b"text"


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_strings_are_counted_and_said_once(mode: SafeMode) -> None:
    passage = TerminalFilter(mode)
    passage.feed(b"\x1b]0;a\x07\x1b]52;c;b\x07\x1bP1\x1b\\" + b"\x1b]never ends")
    passage.finish()
    [line] = passage.notices()
    assert line.endswith("3 OSC, 1 DCS")
    assert passage.notices() == []


def test_nothing_to_say_about_clean_text() -> None:
    passage = TerminalFilter("safe")
    passage.feed(b"\x1b[1mclean\x1b[0m\n")
    passage.finish()
    assert passage.notices() == []
