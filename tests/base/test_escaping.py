"""What is shown is harmless, and what is typed means exactly what it says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockcli.base.escaping import as_unicode, is_visible, parse_hex, printable, quoted, unescape
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


@given(st.text())
@settings(max_examples=200)
def test_what_is_quoted_is_printable_ascii(text: str) -> None:
    shown = quoted(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert '"' not in shown[1:-1].replace('\\"', "")


def test_what_is_quoted_is_cut_when_very_long() -> None:
    assert len(quoted("a" * 100_000)) < 400


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
