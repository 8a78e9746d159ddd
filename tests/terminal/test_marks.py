"""Combining marks: as many as languages need, and no more on one character."""

from __future__ import annotations

import sys
import unicodedata
from typing import Final, Literal

import pytest

from sockcli.terminal import TerminalFilter, marks
from tests.terminal.tools import SAFE_MODES, SafeMode, bytewise, passed, whole

ACUTE = "\u0301"
FORMS: Final[tuple[Literal["NFC", "NFD"], ...]] = ("NFC", "NFD")


def test_every_mark_is_found() -> None:
    codes = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M"]
    assert len(codes) > 2_000
    for code in codes:
        char = chr(code)
        assert marks.is_mark(char)
        shown = passed("safe", f"x{char}".encode()).decode()
        if shown == f"x{char}":  # not one of those that are always shown by number
            assert passed("safe", f"x{char * 20}y".encode()).decode() == f"x{char * 8}y", hex(code)


@pytest.mark.parametrize("mode", SAFE_MODES)
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"e{ACUTE * 8}x", f"e{ACUTE * 8}x"),
        (f"e{ACUTE * 5_000}x", f"e{ACUTE * 8}x"),
        (f"e{ACUTE * 5_000}", f"e{ACUTE * 8}"),
        (ACUTE * 20, ACUTE * 8),
        (f"\n{ACUTE * 20}", f"\n{ACUTE * 8}"),
        (f"a{ACUTE * 8}b{ACUTE * 9}c{ACUTE}", f"a{ACUTE * 8}b{ACUTE * 8}c{ACUTE}"),
        ("字" + "\u0327\u0301" * 10 + "字", "字" + "\u0327\u0301" * 4 + "字"),
        ("ᄒ" + "ᅡ" * 20 + "x", "ᄒ" + "ᅡ" * 8 + "x"),
        (f"a{ACUTE * 5}\x1b[1m{ACUTE * 5}\x1b[0mx", f"a{ACUTE * 5}\x1b[1m{ACUTE * 3}\x1b[0mx"),
        (f"a\x1b[1m{ACUTE}" + f"\x1b[1m{ACUTE}" * 20, f"a\x1b[1m{ACUTE}" * 1 + f"\x1b[1m{ACUTE}" * 7 + "\x1b[1m" * 13),
        ("─" * 80 + "\n", "─" * 80 + "\n"),
        ("😀" * 20, "😀" * 20),
    ],
)
def test_eight_on_a_character(mode: SafeMode, text: str, shown: str) -> None:
    end = "\x1b[0m" if "\x1b" in text else ""
    assert whole(mode, [text.encode()]).decode() == shown + end
    assert whole(mode, bytewise(text.encode())).decode() == shown + end
    assert whole(mode, [char.encode() for char in text]).decode() == shown + end


def test_in_screen_mode_a_move_of_the_cursor_does_not_start_anew() -> None:
    again = f"\x1b[D\x1b[C{ACUTE}"
    assert passed("screen", ("a" + again * 20).encode()).decode().count(ACUTE) == 8


@pytest.mark.parametrize(
    "text",
    ["Tiếng Việt", "בְּרֵאשִׁ֖ית בָּרָ֣א", "ภาษาไทยที่นี้", "हिन्दी में", "བོད་སྐད་", "العَرَبِيَّةُ", "1️⃣", "한국어"],
)
def test_languages_pass(text: str) -> None:
    for form in FORMS:
        data = unicodedata.normalize(form, text).encode()
        assert passed("safe", data) == data


def test_what_was_left_out_is_said() -> None:
    passage = TerminalFilter("safe")
    passage.feed(f"e{ACUTE * 5_000}".encode())
    passage.feed(f"{ACUTE * 10}x".encode())
    (line,) = passage.notices()
    assert line.endswith(": 5002")
