"""CR LF at every line end, wherever the input is split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.encodings import CrlfEncoder


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
