"""Words, numbers, tables and hex dumps for messages and pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sockcli.base.escaping import printable

BYTES_PER_LINE: Final = 16


_AS_ASCII: Final = bytes(code if 0x20 <= code < 0x7F else 0x2E for code in range(256))


def counted(count: int, noun: str) -> str:
    """`1 byte`, `2,000 bytes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def uncapitalized(text: str) -> str:
    """`text`, a sentence of the system's or a library's, as it can stand in the middle of one of ours."""
    return text[:1].lower() + text[1:]


def system_reason(exc: OSError | ValueError) -> str:
    """Why a system call failed, in the system's words. ValueError is what Python makes of a NUL in a file's name."""
    return uncapitalized((exc.strerror if isinstance(exc, OSError) else None) or str(exc))


def hex_dump_lines(data: bytes, offset: int = 0) -> Iterator[str]:
    """`data` as lines of offset, up to 16 bytes in hex, and the same as text; ASCII only, never a control."""
    digits = data.hex(" ")
    text = data.translate(_AS_ASCII).decode("ascii")
    for start in range(0, len(data), BYTES_PER_LINE):
        shown = digits[start * 3 : (start + BYTES_PER_LINE) * 3].rstrip()
        yield f"{offset + start:08x}  {shown:<{BYTES_PER_LINE * 3 - 1}}  |{text[start : start + BYTES_PER_LINE]}|"


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows, each with as many cells, a line each and with their columns lined up; all of it `printable`."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in safe
    )
