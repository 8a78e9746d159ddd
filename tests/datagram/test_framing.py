"""Cutting stdin into datagrams."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.datagram.framing import FrameBy, Framing, MessageEncoding, framer, read_message, read_messages
from sockcli.errors import LocalFailure, UsageError

LIMIT = 65_507
LINES = Framing()
ESCAPES = Framing(notation=MessageEncoding.ESCAPES)
HEX = Framing(notation=MessageEncoding.HEX)
WHOLE = Framing(FrameBy.ALL)

# What framing treats specially, and little besides, so that short inputs are full of it.
INPUTS = st.lists(st.sampled_from([b"a", b"0", b"f", b"\n", b"\r", b" ", b"\\", b"n", b"x", b"\0", b"\xff"])).map(
    b"".join
)


def sized(size: int) -> Framing:
    return Framing(FrameBy.SIZE, size)


FRAMINGS = st.one_of(
    st.builds(
        Framing,
        st.sampled_from([FrameBy.LINE, FrameBy.ALL]),
        chomp=st.booleans(),
        notation=st.sampled_from(MessageEncoding),
    ),
    st.integers(1, 10).map(sized),
)


def cut(framing: Framing, pieces: Sequence[bytes], limit: int = LIMIT) -> tuple[list[bytes], str | None]:
    """The datagrams of an input that comes in these pieces, and what stopped it."""
    cutting = framer(framing, limit)
    for piece in pieces:
        cutting.receive_data(piece)
    cutting.receive_eof()
    return list(cutting.ready), None if cutting.failure is None else str(cutting.failure)


def split(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize(
    ("framing", "data", "datagrams"),
    [
        (LINES, b"", []),
        (LINES, b"a\nb\n", [b"a\n", b"b\n"]),
        (LINES, b"a\nb", [b"a\n", b"b"]),
        (LINES, b"\n\n", [b"\n", b"\n"]),
        (LINES, b"a\r\nb\r", [b"a\r\n", b"b\r"]),
        (LINES, b"\0\xff\\x41\n", [b"\0\xff\\x41\n"]),
        (LINES._replace(chomp=True), b"a\n\nb", [b"a", b"", b"b"]),
        (LINES._replace(chomp=True), b"a\r\nb\r", [b"a", b"b\r"]),
        (LINES._replace(chomp=True), b"a\r\r\n", [b"a\r"]),
        (ESCAPES, b"\\x00a\\n\n\\\\\n", [b"\0a\n\n", b"\\\n"]),
        (ESCAPES, b"\xff\\t\r\n", [b"\xff\t\r\n"]),
        (ESCAPES._replace(chomp=True), b"a\\r\\n\r\nb\n", [b"a\r\n", b"b"]),
        (HEX, b"de ad:BE\r\nef\n", [b"\xde\xad\xbe", b"\xef"]),
        (HEX, b"\nff", [b"", b"\xff"]),
        (WHOLE, b"", []),
        (WHOLE, b"a\nb\n", [b"a\nb\n"]),
        (WHOLE._replace(chomp=True), b"a\nb\r\n", [b"a\nb"]),
        (WHOLE._replace(notation=MessageEncoding.HEX), b"de ad\nbe ef\n", [b"\xde\xad\xbe\xef"]),
        (WHOLE._replace(notation=MessageEncoding.ESCAPES), b"a\n\\x00\n", [b"a\n\0\n"]),
        (sized(3), b"", []),
        (sized(3), b"abcdef", [b"abc", b"def"]),
        (sized(3), b"ab\nde", [b"ab\n", b"de"]),
        (sized(100_000), b"short", [b"short"]),
    ],
)
def test_what_makes_a_datagram(framing: Framing, data: bytes, datagrams: list[bytes]) -> None:
    assert cut(framing, [data]) == (datagrams, None)
    assert cut(framing, [data[index : index + 1] for index in range(len(data))]) == (datagrams, None)


@given(FRAMINGS, INPUTS, st.lists(st.integers(0, 1000)), st.integers(1, 12))
def test_how_the_input_is_split_makes_no_difference(
    framing: Framing, data: bytes, places: list[int], limit: int
) -> None:
    datagrams, failure = cut(framing, [data], limit)
    assert cut(framing, split(data, places), limit) == (datagrams, failure)
    assert all(len(datagram) <= limit for datagram in datagrams)


@given(INPUTS, st.integers(1, 10))
def test_nothing_is_lost_or_added(data: bytes, size: int) -> None:
    for framing in (LINES, WHOLE, sized(size)):
        assert b"".join(cut(framing, [data])[0]) == data


@given(st.lists(st.binary(max_size=8)))
def test_hex_lines_mean_their_bytes(datagrams: list[bytes]) -> None:
    written = "".join(f"{datagram.hex(' ')}\n" for datagram in datagrams).encode()
    assert cut(HEX, [written]) == (datagrams, None)


@pytest.mark.parametrize(
    ("framing", "data", "sent"),
    [
        (LINES, b"a\n" + b"b" * LIMIT + b"\nc\n", [b"a\n"]),
        (LINES, b"b" * (LIMIT + 1), []),
        (LINES._replace(chomp=True), b"b" * (LIMIT + 1) + b"\n", []),
        (ESCAPES._replace(chomp=True), b"\\x41" * (LIMIT + 1) + b"\n", []),
        (HEX, b"41 " * (LIMIT + 1) + b"\n", []),
        (WHOLE, b"b" * (LIMIT + 1), []),
        (sized(LIMIT + 1), b"b" * (LIMIT + 1), []),
    ],
)
def test_too_large_names_the_limit_and_sends_only_what_came_before(
    framing: Framing, data: bytes, sent: list[bytes]
) -> None:
    datagrams, failure = cut(framing, [data])
    assert datagrams == sent
    assert failure is not None
    assert "65,507" in failure


@pytest.mark.parametrize(
    ("framing", "data"),
    [
        (LINES, b"b" * (LIMIT - 1) + b"\n"),
        (LINES._replace(chomp=True), b"b" * LIMIT + b"\r\n"),
        (ESCAPES._replace(chomp=True), b"\\x41" * LIMIT + b"\r\n"),
        (HEX, b"41 " * LIMIT + b"\n"),
        (WHOLE, b"b" * LIMIT),
        (sized(LIMIT), b"b" * LIMIT),
    ],
)
def test_the_largest_datagram_passes(framing: Framing, data: bytes) -> None:
    datagrams, failure = cut(framing, [data])
    assert ([len(datagram) for datagram in datagrams], failure) == ([LIMIT], None)


@pytest.mark.parametrize("framing", [LINES, ESCAPES, HEX, WHOLE, sized(LIMIT + 1)])
def test_an_endless_datagram_is_given_up_early(framing: Framing) -> None:
    cutting = framer(framing, LIMIT)
    read = 0
    for piece in iter(lambda: b"a" * 65_536, None):
        cutting.receive_data(piece)
        read += len(piece)
        if cutting.failure is not None:
            break
        assert read < 1_000_000
    assert isinstance(cutting.failure, LocalFailure)
    first = cutting.failure
    cutting.receive_data(b"\nmore\n")
    cutting.receive_eof()
    assert not cutting.ready
    assert cutting.failure is first


@pytest.mark.parametrize(
    ("framing", "data", "place"),
    [(HEX, b"41\n4x\n42\n", "line 2 of the input"), (ESCAPES, b"a\nb\\q\nc\n", "line 2 of the input")],
)
def test_a_bad_line_says_which_and_is_no_usage_error(framing: Framing, data: bytes, place: str) -> None:
    cutting = framer(framing, LIMIT)
    cutting.receive_data(data)
    cutting.receive_eof()
    assert len(cutting.ready) == 1
    assert isinstance(cutting.failure, LocalFailure)
    assert str(cutting.failure).startswith(place)


def test_a_backslash_before_the_newline_is_no_escape_of_it() -> None:
    datagrams, failure = cut(ESCAPES, [b"a\\\n"])
    assert datagrams == []
    assert failure is not None


def test_messages_are_read_before_any_is_sent() -> None:
    assert read_messages([b"a", b"\xff"]) == [b"a", b"\xff"]
    assert read_messages([b"4142", b""], notation=MessageEncoding.HEX) == [b"AB", b""]
    with pytest.raises(UsageError, match="message 2"):
        read_messages([b"41", b"4"], notation=MessageEncoding.HEX)
    with pytest.raises(UsageError, match="message 1"):
        read_messages([b"\\q"], notation=MessageEncoding.ESCAPES)


def test_chomp_applies_to_a_message_too() -> None:
    assert read_message(b"a\n", chomp=True) == b"a"
    assert read_message(b"a\\n", chomp=True, notation=MessageEncoding.ESCAPES) == b"a\n"


@pytest.mark.parametrize(
    ("text", "framing"),
    [("line", LINES), ("all", WHOLE), ("1", sized(1)), ("0512", sized(512)), ("70000", sized(70000))],
)
def test_framing_is_parsed(text: str, framing: Framing) -> None:
    assert Framing.parse(text) == framing


@pytest.mark.parametrize("text", ["", "lines", "0", "-1", "+5", "1_000", "1.5", " 5", "５", "٣", "LINE", "9" * 19])
def test_wrong_framings_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Framing.parse(text)


def test_what_reads_lines_does_not_go_with_a_size() -> None:
    with pytest.raises(UsageError, match="--hex"):
        Framing.parse("512", notation=MessageEncoding.HEX)
    with pytest.raises(UsageError, match="--chomp"):
        Framing.parse("512", chomp=True)
    assert Framing.parse("all", chomp=True, notation=MessageEncoding.HEX) == Framing(
        FrameBy.ALL, 0, True, MessageEncoding.HEX
    )
