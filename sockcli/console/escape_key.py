"""The key that gives the command prompt: how it is written. What it does is `Controller.toggle_prompt`."""

from __future__ import annotations

from typing import Final, NamedTuple

from sockcli.base.escaping import printable
from sockcli.errors import UsageError


class EscapeKey(NamedTuple):
    """The key that gives the command prompt: its byte, and how it is written."""

    byte: bytes
    name: str


# Enter, Tab and Backspace are needed in every session, and Esc is the first byte of many keys.
_NEEDED: Final = frozenset(b"\t\n\r\b\x1b\x7f")


def parse_escape(text: str) -> EscapeKey | None:
    """`^]`, `C-]` or a single character; `none` for no such key. Raises UsageError."""
    if text == "none":
        return None
    if text[:1] == "^" and len(text) == 2:
        letter = text[1]
    elif text[:2].lower() == "c-" and len(text) == 3:
        letter = text[2]
    elif len(text) == 1 and text.isascii() and (text.isprintable() and text != " "):
        return EscapeKey(text.encode("ascii"), text)
    elif len(text) == 1 and text < " ":
        letter = chr(ord(text) | 0x40)
    else:
        raise _no_escape(text)
    code = ord(letter.upper()) ^ 0x40
    if not code < 0x20 or code in _NEEDED:
        raise _no_escape(text)
    return EscapeKey(bytes([code]), f"^{letter.upper()}")


def _no_escape(text: str) -> UsageError:
    return UsageError(
        f'"{printable(text)}" cannot be the escape key',
        hint="^] or C-] for Ctrl and a key (not Enter, Tab, Backspace or Esc), a single character, or none",
    )
