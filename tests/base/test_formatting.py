"""Counts, tables, hex dumps and the system's reasons, as messages show them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.formatting import counted, hex_dump_lines, system_reason, table


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
