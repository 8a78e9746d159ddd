"""Text as it is shown and text as it is typed: pure functions between bytes and str.

What comes from a peer or a user may carry anything. `printable` and `hex_dump_lines` make it harmless to look
at; `unescape`, `parse_hex` and `CrlfEncoder` make the bytes to send out of what was typed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from typing import Final

from sockcli.errors import UsageError

# Characters that str.isprintable() lets pass but that show nothing: fillers, joiners, variation selectors.
_INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

BYTES_PER_LINE: Final = 16
_AS_ASCII: Final = bytes(code if 0x20 <= code < 0x7F else 0x2E for code in range(256))

_ESCAPES: Final = {"n": 0x0A, "r": 0x0D, "t": 0x09, "0": 0x00, "\\": 0x5C}
# Compiled where it is first used: most runs never see an escape.
_ESCAPE: Final = r"\\(x[0-9a-fA-F]{2}|[nrt0\\])?"
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_BETWEEN_BYTES: Final = frozenset(" \t\r\n:")


def is_visible(char: str) -> bool:
    """Whether a terminal shows this character, in its place and as nothing else.

    Not: controls of both sets, bidi and format controls, line separators, odd blanks, surrogates, private use.
    """
    return char.isprintable() and char not in _INVISIBLE


def printable(text: str) -> str:
    r"""`text` on one line, with all that could drive or deceive a terminal as `\x1b` or `\u202e`.

    For what we say ourselves; a peer's own stream goes through `sockcli.terminal`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if is_visible(char) else _by_number(char) for char in text)


def as_unicode(text: str) -> str:
    r"""`text` as it can stand in JSON: a byte of the user's that is not UTF-8 is `\xff`, as `printable` shows it."""
    return "".join(_by_number(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def _by_number(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # how Python carries a byte of an argument that is not UTF-8
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def canonical_encoding(name: str) -> str:
    """Its one name, as Python has it. Raises UsageError unless text can be shown and sent in it."""
    hint = "any that Python knows and that has ASCII in its place, as utf-8, latin-1 or cp437"
    try:
        fits = "".join(map(chr, range(128))).encode(name) == bytes(range(128))
    except (LookupError, ValueError):
        raise UsageError(f'no such encoding: "{printable(name)}"', hint=hint) from None
    if not fits:
        raise UsageError(f"{name} does not have ASCII in its place", hint=hint)
    return codecs.lookup(name).name


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


class CrlfEncoder:
    """Every line ends in CR LF: a lone LF becomes one, a CR LF stays one, also when it is split between two calls."""

    __slots__ = ("_after_cr",)

    def __init__(self) -> None:
        self._after_cr = False

    def encode(self, data: bytes) -> bytes:
        if not data:
            return data
        second_half = self._after_cr and data.startswith(b"\n")
        self._after_cr = data.endswith(b"\r")
        if b"\n" not in data:
            return data
        rest = data[1:] if second_half else data
        # Two passes in C beat a regular expression by far, and leave CR CR LF as it is.
        encoded = rest.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return b"\n" + encoded if second_half else encoded


def unescape(text: str, encoding: str = "utf-8") -> bytes:
    r"""The bytes that `text` means, with `\n \r \t \0 \xHH \\` read; UsageError at anything else after a backslash.

    A byte that was not UTF-8 in the first place (surrogateescape) comes out as it went in.
    """
    result = bytearray()
    end = 0
    for match in re.finditer(_ESCAPE, text):
        result += _encode(text[end : match.start()], end, encoding)
        end = match.end()
        name = match[1]
        if name is None:
            raise _bad_escape(text, match.start())
        result.append(int(name[1:], 16) if name.startswith("x") else _ESCAPES[name])
    result += _encode(text[end:], end, encoding)
    return bytes(result)


def _encode(text: str, position: int, encoding: str) -> bytes:
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError as exc:
        place = position + exc.start + 1
        char = printable(text[exc.start])
        raise UsageError(f"character {place} of the message, {char}, has no {encoding.upper()} form") from exc


def _bad_escape(text: str, position: int) -> UsageError:
    found = text[position : position + (4 if text.startswith("x", position + 1) else 2)]
    return UsageError(
        f'"{printable(found)}" at character {position + 1} is no escape sequence',
        hint=r"the escapes are \n \r \t \0 \xHH and \\",
    )


def parse_hex(text: str) -> bytes:
    """The bytes written as pairs of hex digits; blanks and colons may stand between bytes, but not within one."""
    # Only ASCII here: bytes.fromhex would take other blanks, and other places in its message.
    result = bytearray()
    position = 0
    while position < len(text):
        if text[position] in _BETWEEN_BYTES:
            position += 1
            continue
        pair = text[position : position + 2]
        if not _HEX_DIGITS.issuperset(pair):
            bad = position if pair[0] not in _HEX_DIGITS else position + 1
            what = "half a byte ends" if pair[0] in _HEX_DIGITS and pair[1] in _BETWEEN_BYTES else "no hex digit"
            raise UsageError(f'"{printable(text[bad])}" at character {bad + 1}: {what}')
        if len(pair) < 2:
            raise UsageError(f'"{pair}" at character {position + 1}: half a byte, hex digits come in pairs')
        result.append(int(pair, 16))
        position += 2
    return bytes(result)
