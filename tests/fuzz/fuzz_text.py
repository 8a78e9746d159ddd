"""What the user types or pipes in: words of a line, escapes, hex, datagrams cut from a stream. It is refused by the
documented error, or it is read the same way however it is cut, and what we quote is read as what it was.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from sockcli.base.escaping import parse_hex, unescape
from sockcli.commands.word_parser import first_word, quote, split_unfinished, split_words, text_to_send
from sockcli.datagram.framing import FrameBy, Framing, MessageEncoding, framer
from sockcli.errors import SockcliError
from sockcli.telnet.features.com_port import parse_com
from tests.fuzz.target import Target, cut, meaning, mutated

_WORDS: Final = (
    "send",
    "'",
    '"',
    "\\",
    " ",
    "\t",
    "\r",
    "a b",
    "é",
    "\udcff",
    "\\x4",
    "\\x41",
    "\\n",
    "\\q",
    "x",
    "字",
)
_HEX: Final = ("00", "ff", "A", "g", " ", ":", "\n", "0x", "1 2", "é", "deadbeef")
_COM: Final = ("115200", ",", "8n1", "7e1.5", "0", "on", "", "9" * 11, "5s2", "8N1")
_FRAMINGS: Final = (
    *(
        Framing(unit, 0, chomp, encoding)
        for unit in (FrameBy.LINE, FrameBy.ALL)
        for chomp in (False, True)
        for encoding in MessageEncoding
    ),
    *(Framing(FrameBy.SIZE, size) for size in (1, 7, 30, 100)),
)
_LIMIT: Final = 40


def _texts(words: tuple[str, ...], most: int, rng: random.Random) -> Iterator[bytes]:
    while True:
        text = "".join(rng.choices(words, k=rng.randrange(most)))
        yield mutated(text.encode("utf-8", "surrogateescape"), rng)


def lines(rng: random.Random) -> Iterator[bytes]:
    return _texts(_WORDS, 12, rng)


def hexes(rng: random.Random) -> Iterator[bytes]:
    return _texts(_HEX, 8, rng)


def coms(rng: random.Random) -> Iterator[bytes]:
    return _texts(_COM, 4, rng)


def streams(rng: random.Random) -> Iterator[bytes]:
    for text in _texts((*_WORDS, *_HEX, "\n", "\r\n", "x" * 45), 12, rng):
        yield bytes([rng.randrange(256)]) + bytes(rng.randrange(9) for _ in range(2)) + text


def check_line(data: bytes) -> None:
    for read in (split_words, text_to_send, unescape):
        meaning(read, data)
    line = data.decode("utf-8", "surrogateescape")
    split_unfinished(line)
    first_word(line)
    words = line.split(" ")
    assert split_words(" ".join(map(quote, words))) == words
    assert split_words(quote(line)) == [line]


def check_hex(data: bytes) -> None:
    meant = meaning(parse_hex, data)
    if meant is not None:
        assert parse_hex(meant.hex()) == meant
        assert bytes.fromhex(data.decode().replace(":", " ")) == meant


def check_com(data: bytes) -> None:
    settings = meaning(parse_com, data)
    if settings is not None:
        assert all(0 < number < 2**32 for number in settings.requests().values())


def check_framing(data: bytes) -> None:
    framing, cuts, stream = _FRAMINGS[data[0] % len(_FRAMINGS)], data[1:3], data[3:]
    whole = framed(framing, [stream])
    assert framed(framing, cut(stream, cuts)) == whole
    assert all(len(datagram) <= _LIMIT for datagram in whole[0])


def framed(framing: Framing, pieces: list[bytes]) -> tuple[list[bytes], str]:
    """The datagrams, and what stopped the stream."""
    cutter = framer(framing, _LIMIT)
    for piece in pieces:
        cutter.receive_data(piece)
    cutter.receive_eof()
    assert cutter.failure is None or isinstance(cutter.failure, SockcliError)
    return list(cutter.ready), str(cutter.failure or "")


TARGETS: Final = (
    Target("line", lines, check_line, 10),
    Target("hex", hexes, check_hex, 8),
    Target("com", coms, check_com, 4),
    Target("framing", streams, check_framing, 6),
)
