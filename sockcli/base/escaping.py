"""Text made safe to show, and text with escapes or hex digits turned into the bytes that it means."""

from __future__ import annotations

import re
from typing import Final

from sockcli.errors import UsageError

# Characters that str.isprintable() lets pass but that show nothing: fillers, joiners, variation selectors.
_INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)

_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

_ESCAPES: Final = {"n": 0x0A, "r": 0x0D, "t": 0x09, "0": 0x00, "\\": 0x5C}


# Compiled where it is first used: most runs never see an escape.
_ESCAPE: Final = r"\\(x[0-9a-fA-F]{2}|[nrt0\\])?"

_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")

_BETWEEN_BYTES: Final = frozenset(" \t\r\n:")

_QUOTE_LIMIT: Final = 300  # characters: longer than any host or rule that can be right


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


def quoted(text: str) -> str:
    """`text` in double quotes, in ASCII: what stands in a message can neither drive a terminal nor forge a line."""
    shown = text if len(text) <= _QUOTE_LIMIT else text[:_QUOTE_LIMIT] + "..."
    return '"' + shown.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'


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


def unescape(text: str, encoding: str = "utf-8") -> bytes:
    r"""The bytes that `text` means, with `\n \r \t \0 \xHH \\` read.

    A byte of an argument that was not UTF-8 (surrogateescape) comes out as it was. Raises UsageError for anything else
    after a backslash, and for a character that `encoding` does not have.
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
    """The bytes written as pairs of hex digits, with blanks or colons between bytes or not. Raises UsageError."""
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
