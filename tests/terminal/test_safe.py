"""The safe set: what passes, and how the rest is shown."""

from __future__ import annotations

import pytest

from sockcli.terminal import TerminalFilter, safe_text
from tests.terminal.tools import bytewise, passed, whole


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain text",
        b"a line\nand one\r\nwith a\ttab\n",
        b"\x1b[31mred\x1b[0m",
        b"\x1b[m",
        b"\x1b[01;34mls\x1b[0m",
        b"\x1b[1;38;5;208;48;2;1;2;3m",
        b"\x1b[38;5;8m",  # 8 is a colour here
        b"\x1b[38:2::1:2:3;4:3;58:5:9m",
        b"\x1b[" + b";".join([b"1"] * 32) + b"m",
        "Grüße, 世界, مرحبا, привет, נא".encode(),
        "no\xa0break, ideographic\u3000space, private \ue0b0".encode(),
        "👩‍👩‍👧 ❤️‍🔥 1️⃣ ©️ ✌🏽".encode(),
        "می‌خواهم क्‍ष".encode(),
        "\ufffd".encode(),
    ],
)
def test_passes_as_it_is(data: bytes) -> None:
    assert passed("safe", data) == data


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\a\b\x00\x7f\x0b\x0c", b"^G^H^@^?^K^L"),
        (b"\x05\x0e\x0f\x11\x18\x1a", b"^E^N^O^Q^X^Z"),
        (b"\x1b[2J", b"^[[2J"),
        (b"\x1b[1;1Hroot# ", b"^[[1;1Hroot# "),
        (b"\x1b[?25l", b"^[[?25l"),
        (b"\x1b(0lqk", b"^[(0lqk"),
        (b"\x1bc", b"^[c"),
        (b"\x1b7", b"^[7"),
        (b"\x1b\x1b[c", b"^[^[[c"),
        (b"\x1b\nx", b"\n^[x"),  # a control inside a sequence takes effect first
        (b"100%\r 0%\r\n", b"100%^M 0%\r\n"),
        (b"\r\r\n", b"^M\r\n"),
        ("safe\u202eexe.txt".encode(), b"safe<U+202E>exe.txt"),
        ("\u2066a\u2069\u200f\u061c\u2028".encode(), b"<U+2066>a<U+2069><U+200F><U+061C><U+2028>"),
        ("a\u200bb a\u200db a\u200cb a\ufe0f".encode(), b"a<U+200B>b a<U+200D>b a<U+200C>b a<U+FE0F>"),
        ("\ufeffstart\xad".encode(), b"<U+FEFF>start<U+00AD>"),
        ("\U000e0041\U000e0100".encode(), b"<U+E0041><U+E0100>"),
        ("字\u200d\u200d字".encode(), "字\u200d<U+200D>字".encode()),
        (b"\xc2\x9b31m\xc2\x85", b"<U+009B>31m<U+0085>"),
        (b"\x9b31m", "\ufffd31m".encode()),
        (b"\xff\xfe\xc0\xaf", "\ufffd\ufffd\ufffd\ufffd".encode()),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd".encode()),  # a surrogate
    ],
)  # fmt: skip
def test_is_shown(data: bytes, shown: bytes) -> None:
    assert passed("safe", data + b".") == shown + b"."
    assert whole("safe", bytewise(data + b".")) == shown + b"."


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (b"\x1b[8mhidden", b"hidden"),
        (b"\x1b[1;8;31mhidden", b"\x1b[1;31mhidden"),
        (b"\x1b[0008m", b""),
        (b"\x1b[8;m", b"\x1b[m"),
        (b"\x1b[58;5;8m", b""),
        (b"\x1b[58;2;8;8;8;1m", b"\x1b[1m"),
        (b"\x1b[11;12m", b""),
        (b"\x1b[200;1m", b"\x1b[1m"),
        (b"\x1b[8:1m", b""),
        (b"\x1b[38;5;1234;1m", b"\x1b[1m"),
    ],
)
def test_attributes_that_hide_text_are_taken_out(data: bytes, left: bytes) -> None:
    passage = TerminalFilter("safe")
    assert passage.feed(data) == left
    assert [line for line in passage.notices() if "attributes" in line and line.endswith(": 1")]


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[" + b";".join([b"1"] * 33) + b"m",
        b"\x1b[123456m",
        b"\x1b[>4;2m",
        b"\x1b[?4m",
        b"\x1b[1 m",
    ],
)
def test_what_is_no_colour_is_shown(sequence: bytes) -> None:
    assert passed("safe", sequence) == b"^[" + sequence[1:]


def test_colours_are_reset_at_the_end_if_there_were_any() -> None:
    assert whole("safe", [b"\x1b[31mred"]) == b"\x1b[31mred\x1b[0m"
    assert whole("safe", [b"no colours\n"]) == b"no colours\n"


def test_the_end_comes_once() -> None:
    passage = TerminalFilter("safe")
    passage.feed(b"\x1b[31mred\r")
    assert passage.finish() == b"^M\x1b[0m"
    assert passage.finish() == b""


@pytest.mark.parametrize(
    ("data", "shown"),
    [(b"\r", b"^M"), (b"\x1b", b"^["), (b"\x1b[3", b"^[[3"), (b"\xe4\xb8", "\ufffd".encode()), (b"\x1b]0;a", b"")],
)
def test_what_is_incomplete_waits_and_is_shown_at_the_end(data: bytes, shown: bytes) -> None:
    passage = TerminalFilter("safe")
    assert passage.feed(data) == b""
    assert passage.finish() == shown


def test_safe_text_has_not_even_colours() -> None:
    assert safe_text(b"\x1b[31mred\x1b[0m\r\n\x1b[2J\xc2\x9b\x1b]0;t\x07\xff\t.") == "red\n^[[2J<U+009B>\ufffd\t."
