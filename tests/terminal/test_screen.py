"""The screen set: what full-screen programs need passes, and nothing that answers or outlives the session."""

from __future__ import annotations

from itertools import product

import pytest

from sockcli.terminal import TerminalFilter
from tests.terminal.grammar import violations
from tests.terminal.tools import bytewise, passed, whole


@pytest.mark.parametrize(
    "data",
    [
        b"text\r\nover\rit\b\x1b[31m\x1b[0m",
        b"\x1b[H\x1b[5;10H\x1b[;5H\x1b[5f\x1b[A\x1b[2B\x1b[3C\x1b[4D\x1b[E\x1b[F\x1b[7G\x1b[3d\x1b[3`\x1b[2a\x1b[2e\x1b[I\x1b[Z",
        b"\x1b[J\x1b[1J\x1b[2J\x1b[K\x1b[1K\x1b[2K\x1b[5X",
        b"\x1b[@\x1b[2P\x1b[3L\x1b[4M\x1b[4h\x1b[4l",
        b"\x1b[5;20r\x1b[r\x1b[2S\x1b[2T",
        b"\x1b7\x1b8\x1b[s\x1b[u",
        b"\x1bD\x1bE\x1bM",
        b"\x1b[?7l\x1b[?7h\x1b[?25l\x1b[?25h\x1b[?1049h\x1b[?1049l\x1b[?6h\x1b[?6l\x1b[?12h\x1b[?12l\x1b[?1h\x1b[?1l",
        b"\x1b(0lqqk\x1b(B\x1b)0\x0elqqk\x0f\x1b)B",
        b"\x1b[0 q\x1b[4 q",
        b"\x1b=\x1b>",
        b"-\x1b[79b",
        b"\a",
    ],
)  # fmt: skip
def test_passes_as_it_is(data: bytes) -> None:
    assert passed("screen", data) == data
    assert b"".join(map(TerminalFilter("screen").feed, bytewise(data))) == data


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (b"a\x0bb\x0cc", b"a\nb\nc"),
        (b"a\x00\x05\x11\x13\x7f\x18\x1ab", b"ab"),
        (b"\x1b[?1;2004;25h", b"\x1b[?1h\x1b[?25h"),
        (b"\x1b[?0025l", b"\x1b[?25l"),
        (b"\x1b[ q", b"\x1b[0 q"),
        (b"\x1b[7 q", b""),
        (b"\x1b[1000b", b""),
        (b"\x1b[3J", b""),
        (b"\x1b[2;3g\x1bH", b""),
        (b"\x1b[1;2u\x1b[1;2s", b""),
        (b"\x1b[1;2;3;4;5T", b""),
        (b"\x1b[?47h\x1b[?1047h", b""),
        (b"\x1b[1\x18m", b"m"),
        (b"\x1b[1\x1b[2C", b"\x1b[2C"),
        (b"\x1b[1\n;\t31m", b"\n\t\x1b[1;31m"),  # as on a VT500: a control inside takes effect at once
        (b"\x1b[1\xff31m", "\ufffd31m".encode()),
        (b"\x1b[8mhidden", b"hidden"),
        (b"\xc2\x9b31m\xc2\x84", b"<U+009B>31m<U+0084>"),
        (b"\x9b31m", "\ufffd31m".encode()),
        ("\u202e".encode(), b"<U+202E>"),
        ("\x1b#8\ufe0f".encode(), b"<U+FE0F>"),  # the 8 is none of the text's
        ("\x1b]8\a\ufe0f".encode(), b"<U+FE0F>"),
    ],
)
def test_is_left_out_or_made_plain(data: bytes, left: bytes) -> None:
    assert passed("screen", data + b".") == left + b"."
    assert b"".join(map(TerminalFilter("screen").feed, bytewise(data + b"."))) == left + b"."


def test_every_control_sequence_there_can_be() -> None:
    parts = product(
        ["", "?", ">", "=", "<"],
        ["", "0", "1", "2", "3", "4", "6", "8", "12", "25", "1000", "1049", "2004", "1;2", "1;2;3;4;5"],
        ["", *map(chr, range(0x20, 0x30)), "  "],
        map(chr, range(0x40, 0x7F)),
    )
    for private, parameters, intermediate, final in parts:
        sequence = f"\x1b[{private}{parameters}{intermediate}{final}".encode()
        output = passed("screen", sequence)
        assert violations(output, "screen") == [], sequence
        # Of several modes in one sequence, each is for itself.
        assert output in (b"", sequence, b"\x1b[0 q") or (";" in parameters and final in "hlm"), sequence


def test_every_escape_sequence_there_can_be() -> None:
    for intermediate, final in product(["", *map(chr, range(0x20, 0x30)), "  "], map(chr, range(0x30, 0x7F))):
        sequence = f"\x1b{intermediate}{final}".encode()
        output = passed("screen", sequence)
        assert violations(output, "screen") == [], sequence
        assert output in (b"", sequence)


def test_a_second_has_five_bells() -> None:
    now = 0.0
    passage = TerminalFilter("screen", clock=lambda: now)
    assert passage.feed(b"\a" * 9) == b"\a" * 5
    now = 0.9
    assert passage.feed(b"\aa\a") == b"a"
    now = 1.0
    assert passage.feed(b"\a\a\a") == b"\a" * 3
    assert passage.feed(b"\a" * 9) == b"\a" * 2
    # No moment begins a second with more than five, as counting by whole seconds would allow.
    now = 1.5
    assert passage.feed(b"\a") == b""


def test_sequences_are_counted() -> None:
    passage = TerminalFilter("screen")
    passage.feed(b"\x1b[c\x1b[6n\x1bZ\x1b[?2004h\x1b[H\x1b[8m\x1b]0;x\x07")
    assert [line.rpartition(": ")[2] for line in passage.notices()] == ["1 OSC", "3", "1"]


def test_what_every_shell_sends_is_left_out_without_a_word() -> None:
    passage = TerminalFilter("screen")
    assert passage.feed(b"\x1b[?1034h\x1b[?2004h$ \x1b[?2004l") == b"$ "
    assert passage.notices() == []


@pytest.mark.parametrize("data", [b"\x1b", b"\x1b[3", b"\x1b(", b"\x1b]0;a"])
def test_what_is_incomplete_waits_and_is_left_out_at_the_end(data: bytes) -> None:
    assert whole("screen", [b"a", data]) == b"a"
