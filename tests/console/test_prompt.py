"""A peer's unfinished line, with nothing of it but text and colours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.styles import Style

from sockcli.console.prompt import fragments
from sockcli.terminal import TerminalFilter


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("31", "fg:ansired"),
        ("37", "fg:ansigray"),
        ("1;44", "bold bg:ansiblue"),
        ("97;100", "fg:ansiwhite bg:ansibrightblack"),
        ("38;5;9", "fg:ansibrightred"),
        ("38;5;16", "fg:#000000"),
        ("38;5;208", "fg:#ff8700"),
        ("48;5;255", "bg:#eeeeee"),
        ("38;2;1;2;255", "fg:#0102ff"),
        ("38:2::1:2:255", "fg:#0102ff"),
        ("4;38;5;1;7", "underline fg:ansired reverse"),
        ("31;39", ""),
        ("1;22;3", "italic"),
        ("31;0", ""),
        ("31;", "fg:ansired"),
        ("38;5", ""),
        ("38;5;300", ""),
        ("38;2;1;2", ""),
        ("53", ""),
    ],
)
def test_colours(codes: str, style: str) -> None:
    assert fragments(f"a\x1b[{codes}mb\x1b[mc".encode()) == [("", "a"), (style, "b"), ("", "c")]


def test_without_a_line_it_is_empty() -> None:
    assert fragments(b"") == [("", "")]


@given(st.text(st.sampled_from("a\x1b[]0;:m38519\x01\x02\x9b\t\x07\u202e")))
def test_whatever_comes_it_is_a_style_and_visible_text(text: str) -> None:
    passage = TerminalFilter("raw")  # the filter that lets most through
    for style, shown, *_ in fragments(passage.feed(text.encode())):
        Style.from_dict({"x": style})  # raises where it is none
        assert shown.isprintable()
