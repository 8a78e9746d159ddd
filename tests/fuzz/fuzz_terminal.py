"""Whatever bytes a peer sends, however the network cuts them, what reaches the terminal is in the allowed set, is the
same for every cut, makes no emulator do more than draw, and leaves nothing turned on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import pyte

from sockcli.terminal import TerminalFilter
from sockcli.terminal.tokens import MAX_INTERMEDIATES, MAX_STRING
from tests.fuzz.target import Target, cut, is_sampled, mutated
from tests.terminal.corpus import DANGEROUS
from tests.terminal.emulator import Screen
from tests.terminal.grammar import violations
from tests.terminal.tools import SafeMode, bytewise

# What may wait for more: a control string with its introducer.
_HELD_LIMIT: Final = MAX_STRING + MAX_INTERMEDIATES + 3
# A byte becomes U+FFFD in three bytes at most, or part of a character that is shown by number: two as <U+009B>.
_GROWTH: Final = 5
# Every mode undone, once for each change of the rules.
_UNDONE: Final = 200


def check(data: bytes) -> None:
    """Raises AssertionError, or whatever went wrong, if the verdict above does not hold for this input."""
    choice, cuts, stream = data[:1], data[1:5], data[5:]
    mode: SafeMode = "screen" if choice and choice[0] & 1 else "safe"
    whole = session(mode, [stream])
    assert violations(whole, mode) == []
    assert len(whole) <= _GROWTH * len(stream) + _UNDONE
    assert session(mode, cut(stream, cuts)) == whole
    raw = TerminalFilter("raw")
    assert b"".join(map(raw.feed, cut(stream, cuts))) == stream
    raw.finish()
    if is_sampled(data, 16):
        assert session(mode, bytewise(stream)) == whole
        check_screen(whole)


def check_screen(whole: bytes) -> None:
    """What an emulator makes of it: it only draws, and at the end it is as it was."""
    screen = Screen()
    pyte.ByteStream(screen).feed(whole)
    assert screen.acted == []
    assert not screen.cursor.hidden
    assert screen.cursor.attrs == screen.default_char
    assert pyte.modes.DECAWM in screen.mode
    assert not screen.mode & {pyte.modes.DECOM, pyte.modes.IRM}


def session(mode: SafeMode, pieces: list[bytes]) -> bytes:
    passage = TerminalFilter(mode, clock=lambda: 0.0)
    output = bytearray()
    for piece in pieces:
        output += passage.feed(piece)
        assert len(passage._parser._held) <= _HELD_LIMIT
    output += passage.finish()
    assert passage.finish() == b""
    passage.notices()
    assert passage.notices() == []
    return bytes(output)


# Inputs: terminals' own words.

_SEQUENCES: Final = tuple(DANGEROUS.values())
_LETTERS: Final = "aé世😀\u200d\u200c\ufe0e\ufe0f\u202e\u2066\u2028\ufeff\xad\x85\x9b\x9c\U000e0041م1#"


def word(rng: random.Random) -> bytes:
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice(_SEQUENCES)
    if kind == 1:
        parameters = ";".join(
            str(rng.choice((0, 1, 2, 4, 5, 6, 8, 25, 38, 58, 1049, 99_999))) for _ in range(rng.randrange(5))
        )
        introducer = rng.choice(("\x1b[", "\x1b[?", "\x1b[>", "\x9b"))
        return f"{introducer}{parameters}{rng.choice(('', '', ' ', '$'))}{chr(rng.randrange(0x40, 0x7F))}".encode()
    if kind == 2:
        return b"\x1b" + rng.choice((b"", b"(", b")", b"#", b"%")) + bytes([rng.randrange(0x30, 0x7F)])
    if kind == 3:
        return rng.choice(
            (b"\x1b", b"\r", b"\n", b"\r\n", b"\x18", b"\a", b"\b", b"\x0e", b"\x1b\\", b"\x1b]", b"\x1bP")
        )
    if kind == 4:
        return bytes([rng.randrange(256)]) * (rng.choice((1, 300, 4_096, 4_097)) if rng.randrange(200) == 0 else 1)
    if kind == 5:
        return "".join(rng.choices(_LETTERS, k=rng.randrange(5))).encode()
    if kind == 6:
        return rng.randbytes(rng.randrange(8))
    return b"some text"


def inputs(rng: random.Random) -> Iterator[bytes]:
    while True:
        stream = b"".join(word(rng) for _ in range(rng.randrange(16)))
        yield rng.randbytes(1) + bytes(rng.randrange(12) for _ in range(4)) + mutated(stream, rng)


TARGETS: Final = (Target("terminal", inputs, check, 8),)
