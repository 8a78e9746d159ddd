"""The peer's unfinished line as a prompt: its text and its colours, as the line editor takes them.

Not prompt_toolkit's ANSI(), which lets through whatever stands between two marks of its own. Here only a colour becomes
a style, and of the rest only what is visible becomes text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sockcli.console.line_flow import COLOURS
from sockcli.terminal import safe_text

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

_NAMES: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "gray")
_BRIGHT: Final = ("brightblack", "brightred", "brightgreen", "brightyellow")
_BRIGHTER: Final = ("brightblue", "brightmagenta", "brightcyan", "white")
_PALETTE: Final = tuple(f"ansi{name}" for name in (*_NAMES, *_BRIGHT, *_BRIGHTER))
_ATTRIBUTES: Final = {1: "bold", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_ENDS: Final = {22: "bold", 23: "italic", 24: "underline", 27: "reverse", 29: "strike"}
_STEPS: Final = (0, 95, 135, 175, 215, 255)  # of the 6x6x6 cube that 256 colours begin with


def fragments(line: bytes) -> StyleAndTextTuples:
    """`line` has passed the terminal filter."""
    found: StyleAndTextTuples = []
    style: dict[str, str] = {}
    pieces = COLOURS.split(line)
    for text, codes in zip(pieces[::2], [*pieces[1::2], b""], strict=True):
        if text:
            found.append((" ".join(style.values()), safe_text(text).expandtabs()))
        _apply(style, codes)
    return found or [("", "")]


def _apply(style: dict[str, str], codes: bytes) -> None:
    numbers = [int(number) for number in re.split(rb"[;:]", codes) if number] or [0]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            style.clear()
        elif code in _ATTRIBUTES:
            style[_ATTRIBUTES[code]] = _ATTRIBUTES[code]
        elif code in _ENDS:
            style.pop(_ENDS[code], None)
        elif code in (38, 48):
            _set_colour(style, "fg" if code == 38 else "bg", _colour(numbers))
        elif code in (39, 49):
            style.pop("fg" if code == 39 else "bg", None)
        elif 30 <= code <= 47:
            _set_colour(style, "fg" if code < 40 else "bg", _PALETTE[code % 10])
        elif 90 <= code <= 107:
            _set_colour(style, "fg" if code < 100 else "bg", _PALETTE[8 + code % 10])


def _set_colour(style: dict[str, str], place: str, colour: str | None) -> None:
    if colour is not None:
        style[place] = f"{place}:{colour}"


def _colour(numbers: list[int]) -> str | None:
    """What follows 38 or 48, taken off `numbers`: 5 and a number, or 2 and three of them."""
    kind = numbers.pop(0) if numbers else 0
    count = {5: 1, 2: 3}.get(kind, 0)
    taken, numbers[:count] = numbers[:count], []
    if len(taken) < count or not count or max(taken) > 255:
        return None
    if kind == 2:
        return "#{:02x}{:02x}{:02x}".format(*taken)
    index = taken[0]
    if index < 16:
        return _PALETTE[index]
    if index < 232:
        index -= 16
        return f"#{_STEPS[index // 36]:02x}{_STEPS[index // 6 % 6]:02x}{_STEPS[index % 6]:02x}"
    level = 8 + 10 * (index - 232)
    return f"#{level:02x}{level:02x}{level:02x}"
