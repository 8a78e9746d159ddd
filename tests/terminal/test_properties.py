"""Whatever bytes come, cut however: only the allowed grammar comes out, always the same, and in bounded memory."""

from __future__ import annotations

import re
import tracemalloc
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sockcli.terminal import TerminalFilter
from sockcli.terminal.characters import INVISIBLE
from sockcli.terminal.modes import Modes
from sockcli.terminal.omissions import Omissions
from sockcli.terminal.parser import EscapeParser
from sockcli.terminal.safe_rules import SafeRules
from tests.terminal.corpus import DANGEROUS, variants
from tests.terminal.grammar import DRAWN_FORMATS, JOINERS, is_hidden, violations
from tests.terminal.tools import SAFE_MODES, SafeMode, bytewise, passed, split, whole

# What the parser treats specially, and little besides, so that short inputs are full of it.
TOKENS = st.sampled_from(
    [b"\x1b", b"[", b"]", b"(", b"P", b"\\", b"?", b">", b";", b":", b" ", b"$", b"0", b"1", b"8", b"38", b"5", b"2"]
    + [b"58", b"25", b"1049", b"99999", b"m", b"h", b"l", b"H", b"J", b"n", b"c", b"q", b"b", b"u", b"t", b"a", b"R"]
    + [b"\r", b"\n", b"\r\n", b"\t", b"\b", b"\a", b"\x00", b"\x0e", b"\x18", b"\x1a", b"\x7f", b"\x9b", b"\xc2"]
    + [char.encode() for char in "\x9b\x9c\x9d\x85é世😀\u200d\u200c\ufe0f\u202e\u2028\ufeff\U000e0041م"]
    + [b"\xe4", b"\xf0\x9f", b"\xed\xa0\x80", b"\xff", b"x" * 300, b"x" * 4100]
)
INPUTS = st.one_of(
    st.lists(st.one_of(TOKENS, st.sampled_from([*DANGEROUS.values()])), max_size=30).map(b"".join),
    st.binary(max_size=200),
)
MODES = st.sampled_from(SAFE_MODES)
BLOCK = 0x1000


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_the_grammar_sees_what_is_wrong(mode: SafeMode) -> None:
    for name, data in DANGEROUS.items():
        assert violations(data, mode), name


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_the_corpus(mode: SafeMode) -> None:
    for name, data in variants():
        output = whole(mode, [data])
        assert violations(output, mode) == [], name
        assert whole(mode, bytewise(data)) == output, name


@settings(max_examples=300, deadline=None)
@given(MODES, INPUTS)
def test_only_the_allowed_grammar_comes_out(mode: SafeMode, data: bytes) -> None:
    assert violations(whole(mode, [data]), mode) == []


@settings(max_examples=300, deadline=None)
@given(MODES, INPUTS, st.lists(st.integers(0, 10_000), max_size=10))
@example("safe", b"\xe2\x80\x8b\xe2\x80\x8d", [3])
def test_any_cut_gives_the_same(mode: SafeMode, data: bytes, places: Sequence[int]) -> None:
    output = whole(mode, [data])
    assert whole(mode, split(data, places)) == output
    assert whole(mode, bytewise(data)) == output


@settings(max_examples=300, deadline=None)
@given(INPUTS)
def test_the_visible_text_is_never_lost(data: bytes) -> None:
    # In the safe set only control strings, and parameters of colours, are left out: everything else can be read.
    before_strings = re.split(rb"\x1b[\x00-\x1f\x7f]*[\]PX^_k]", data)[0]
    letters = re.sub(r"\x1b\[[0-9;:\x00-\x1f\x7f]*m", "", before_strings.decode("utf-8", "replace"))
    output = passed("safe", before_strings + b"\n\x1b[m")
    assert [char for char in letters if char in "acnlhu世😀"] == [
        char for char in output.decode() if char in "acnlhu世😀"
    ]


class OneByOne(SafeRules):
    """The safe set without the short cut for long runs: a character at a time."""


OneByOne.tokens = re.compile(rf"\r\n|[ -~\n\t]|[^\x00-\x9f{INVISIBLE}]|{SafeRules.tokens.pattern}", re.DOTALL)


@settings(max_examples=300, deadline=None)
@given(INPUTS)
def test_the_short_cut_changes_nothing(data: bytes) -> None:
    text = data.decode("utf-8", "ignore")
    joiners_apart = text.translate(dict.fromkeys(map(ord, JOINERS)))
    rules = OneByOne(Omissions(), Modes()), SafeRules(Omissions(), Modes())
    slow, fast = map(EscapeParser, rules)
    assert slow.feed(joiners_apart) + slow.finish() == fast.feed(joiners_apart) + fast.finish()


def test_every_character_after_a_letter() -> None:
    passage = TerminalFilter("safe")
    for plane in range(0x110000 // BLOCK):
        codes = [
            code for code in range(plane * BLOCK, (plane + 1) * BLOCK) if not 0xD800 <= code < 0xE000 and code > 0x7F
        ]
        shown = passage.feed("".join(f"a{chr(code)}" for code in codes).encode()).decode()
        for code, output in zip(codes, shown.split("a")[1:], strict=True):
            by_number = f"<U+{code:04X}>"
            if unicodedata.category(chr(code)) == "Cn" and output == by_number:
                continue  # in a range that a later Unicode than Python's may have filled
            assert output == (by_number if is_hidden(chr(code)) else chr(code)), hex(code)


def test_signs_that_are_drawn_pass() -> None:
    for char in DRAWN_FORMATS:
        assert passed("safe", char.encode()).decode() == char


@pytest.mark.parametrize("mode", SAFE_MODES)
@pytest.mark.parametrize(
    "piece",
    [
        b"\x1b[" + b"1;" * 10_000,
        b"\x1b]" + b"x" * 20_000,
        b"\x1b(((((((((((",
        b"\x1b[\x00\x00\x00",
        b"\x1bP\x1b\x1b",
        b"\r\xe4\xb8",
        b"\x1b[8m" * 3_000,
        "字\u200d".encode() * 3_000,
        b"y" * 20_000,
    ],
    ids=lambda piece: repr(piece[:12]),
)
def test_memory_stays_flat_in_a_flood(mode: SafeMode, piece: bytes) -> None:
    passage = TerminalFilter(mode)
    passage.feed(piece)
    tracemalloc.start()
    try:
        for _ in range(10):
            passage.feed(piece)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10_000
