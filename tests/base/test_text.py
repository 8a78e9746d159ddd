"""What is shown is harmless, and what is typed means exactly what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.encodings import CrlfEncoder
from sockcli.base.escaping import as_unicode, is_visible, parse_hex, printable, unescape
from sockcli.base.formatting import counted, hex_dump_lines, system_reason, table
from sockcli.errors import UsageError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with a \\ backslash", "plain, with a \\ backslash"),
        ("größe 日本 é", "größe 日本 é"),
        ("\x1b[2K", r"\x1b[2K"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x00\x7f", r"\x00\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\u200b\ufeff\u2028", r"\u200b\ufeff\u2028"),
        ("\u3164\ufe0f", r"\u3164\ufe0f"),
        ("\U000e0041", r"\U000e0041"),
        ("\udcff", r"\xff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_leaves_only_what_a_terminal_shows(text: str) -> None:
    shown = printable(text)
    assert all(map(is_visible, shown))
    assert printable(shown) == shown
    shown.encode("utf-8")


@given(st.text(st.characters()))
def test_as_unicode_changes_nothing_but_halves_of_pairs(text: str) -> None:
    assert as_unicode(text + "\udcff\ud800\n\x1b") == as_unicode(text) + "\\xff\\ud800\n\x1b"
    whole = text.encode("utf-8", "ignore").decode()
    assert as_unicode(whole) == whole


def test_hex_dump_lines() -> None:
    lines = list(hex_dump_lines(b"hello\x1b[2K\xff and more", 0x20))
    assert lines == [
        "00000020  68 65 6c 6c 6f 1b 5b 32 4b ff 20 61 6e 64 20 6d  |hello.[2K. and m|",
        "00000030  6f 72 65                                         |ore|",
    ]
    assert list(hex_dump_lines(b"")) == []


@given(st.binary(max_size=200), st.integers(0, 1 << 40))
def test_a_hex_dump_can_be_read_back(data: bytes, offset: int) -> None:
    lines = list(hex_dump_lines(data, offset))
    assert b"".join(bytes.fromhex(line.split("  ", 1)[1][:47]) for line in lines) == data
    assert all(line.isascii() and line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("chunks", "encoded"),
    [
        ([b"a\n"], b"a\r\n"),
        ([b"a\r\n"], b"a\r\n"),
        ([b"a\r", b"\n"], b"a\r\n"),
        ([b"a\r", b"", b"\n\n"], b"a\r\n\r\n"),
        ([b"a\r\r\n"], b"a\r\r\n"),
        ([b"a\r", b"b\n"], b"a\rb\r\n"),
        ([b"\n", b"\n"], b"\r\n\r\n"),
        ([b"no line"], b"no line"),
    ],
)
def test_crlf(chunks: list[bytes], encoded: bytes) -> None:
    encoder = CrlfEncoder()
    assert b"".join(map(encoder.encode, chunks)) == encoded


@given(st.lists(st.text("\r\nab", max_size=5).map(str.encode), max_size=8))
def test_crlf_does_not_depend_on_where_the_input_is_split(chunks: list[bytes]) -> None:
    encoder = CrlfEncoder()
    result = b"".join(map(encoder.encode, chunks))
    assert result == CrlfEncoder().encode(b"".join(chunks))
    assert result.replace(b"\r\n", b"").count(b"\n") == 0
    assert CrlfEncoder().encode(result) == result


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("plain", b"plain"),
        (r"a\nb\r\t\0", b"a\nb\r\t\x00"),
        (r"\x00\xfFz", b"\x00\xffz"),
        (r"\\", b"\\"),
        (r"\\n\\\n", b"\\n\\\n"),
        (r"\\\\x41", b"\\\\x41"),
        (r"\012", b"\x0012"),
        ("é\udcff\\n", b"\xc3\xa9\xff\n"),
    ],
)
def test_unescape(text: str, data: bytes) -> None:
    assert unescape(text) == data


@pytest.mark.parametrize(
    ("text", "found", "place"),
    [
        (r"a\q", r"\q", 2),
        (r"\n\x4", r"\x4", 3),
        (r"\xg0", r"\xg0", 1),
        (r"\\\x", r"\x", 3),
        ("ab\\", "\\", 3),
        ("é\\\\\\", "\\", 4),
        ("\\\u202e", r"\u202e", 1),
        ("\\x٣٣", r"\x٣٣", 1),
    ],
)
def test_unescape_names_the_place_of_an_error(text: str, found: str, place: int) -> None:
    with pytest.raises(UsageError) as caught:
        unescape(text)
    assert found in str(caught.value)
    assert f"at character {place} " in str(caught.value)


def test_unescape_refuses_what_has_no_bytes() -> None:
    with pytest.raises(UsageError, match=r"character 4 of the message, \\ud800"):
        unescape("a\\n\ud800")


def test_unescape_in_another_encoding() -> None:
    assert unescape("\u00e9 \\xc3\\xa9\\n", "latin-1") == b"\xe9 \xc3\xa9\n"
    with pytest.raises(UsageError, match="character 2 of the message, \u20ac, has no LATIN-1 form"):
        unescape("a\u20ac", "latin-1")


@given(st.binary())
def test_unescape_reads_every_byte_back(data: bytes) -> None:
    assert unescape("".join(f"\\x{byte:02x}" for byte in data)) == data
    assert unescape(data.decode("utf-8", "surrogateescape").replace("\\", "\\\\")) == data


@given(st.text("\\xn0a1é"))
def test_unescape_gives_bytes_or_a_usage_error(text: str) -> None:
    try:
        unescape(text)
    except UsageError:
        return


@pytest.mark.parametrize(
    ("text", "data"),
    [("", b""), ("00fF", b"\x00\xff"), ("de:ad be\tef\n", b"\xde\xad\xbe\xef"), (" 01 ", b"\x01")],
)
def test_parse_hex(text: str, data: bytes) -> None:
    assert parse_hex(text) == data


@pytest.mark.parametrize(
    ("text", "place"),
    [("0", 1), ("001", 3), ("0g", 2), ("g0", 1), ("00 0 1", 5), ("0x41", 2), ("٣٣", 1), ("00\u00a0", 3), ("00,01", 3)],
)
def test_parse_hex_names_the_place_of_an_error(text: str, place: int) -> None:
    with pytest.raises(UsageError, match=f"at character {place}:"):
        parse_hex(text)


@given(st.binary(), st.sampled_from(["", " ", ":", "\t "]))
def test_parse_hex_reads_back(data: bytes, between: str) -> None:
    assert parse_hex(between.join(f"{byte:02x}" for byte in data)) == data


def test_table_lines_columns_up_and_shows_controls() -> None:
    lines = table([("a", "bcd", ""), ("\x1b[2K", "g\nh", "i")]).split("\n")
    assert lines == ["a        bcd", r"\x1b[2K  g\nh  i"]


# Pieces of messages


@pytest.mark.parametrize(("count", "shown"), [(0, "0 bytes"), (1, "1 byte"), (2, "2 bytes"), (1_000, "1,000 bytes")])
def test_counted(count: int, shown: str) -> None:
    assert counted(count, "byte") == shown


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "no space left on device"),
        (OSError("Odd"), "odd"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
)
def test_system_reason(error: OSError | ValueError, reason: str) -> None:
    assert system_reason(error) == reason
