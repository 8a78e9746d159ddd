"""What may reach a terminal, spelled out a second time and knowing nothing of the filter's own tables.

`violations` reads what the filter wrote as a suspicious terminal would.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

# From Unicode's DerivedCoreProperties.txt; Python's unicodedata does not have this property.
DEFAULT_IGNORABLE: Final = frozenset(
    code
    for first, last in [
        (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    ]
    for code in range(first, last + 1)
)  # fmt: skip
# Format controls by category that a font draws all the same: signs above or below the numbers that follow.
DRAWN_FORMATS: Final = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
JOINERS: Final = frozenset("\u200c\u200d\ufe0e\ufe0f")

SCREEN: Final = [
    re.compile(pattern)
    for pattern in (
        r"\x1b\[\d{0,5}[ABCDEFGILMPSTXZ@`ade]",
        r"\x1b\[[012]?[JK]",
        r"\x1b\[\d{0,3}b",
        r"\x1b\[(\d{0,5}(;\d{0,5})?)?[Hfr]",
        r"\x1b\[[su]",
        r"\x1b\[\?(1|6|7|12|25|1049)[hl]",
        r"\x1b\[4[hl]",
        r"\x1b\[[0-6] q",
        r"\x1b[78DEM=>]",
        r"\x1b[()][0B]",
    )
]
_COLOURS: Final = re.compile(r"\x1b\[([0-9;:]*)m")


def is_hidden(char: str) -> bool:
    """Whether a character shows nothing, or turns what is around it."""
    if char in DRAWN_FORMATS:
        return False
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or ord(char) in DEFAULT_IGNORABLE


def violations(output: bytes, mode: str) -> list[str]:
    """Everything in `output` that the set `mode` does not allow."""
    return list(_violations(output.decode("utf-8", "strict"), mode))


def _violations(text: str, mode: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\x1b":
            colours = _COLOURS.match(text, at)
            screen = next((match for rule in SCREEN if (match := rule.match(text, at))), None)
            match = colours or (screen if mode == "screen" else None)
            if match is None:
                yield f"sequence {text[at : at + 12]!r}"
                at += 1
                continue
            if colours:
                yield from _colour_violations(colours[1])
            at = match.end()
            continue
        if char == "\r" and mode == "safe" and text[at + 1 : at + 2] != "\n":
            yield "a CR alone"
        elif char < " " or char == "\x7f":
            if char not in ("\n\t\r" if mode == "safe" else "\n\t\r\b\a\x0e\x0f"):
                yield f"control {char!r}"
        elif char in JOINERS:
            before = text[at - 1] if at else " "
            joins = ord(before) >= 0x600 and before not in JOINERS - {"\ufe0f"}
            if not joins and not (char in "\ufe0e\ufe0f" and before in "0123456789#*\xa9\xae"):
                yield f"joiner {char!r} after {before!r}"
        elif is_hidden(char):
            yield f"character {char!r}"
        at += 1


def _colour_violations(parameters: str) -> Iterator[str]:
    if len(re.split("[;:]", parameters)) > 32:
        yield f"{parameters.count(';')} parameters"
    if re.search(r"\d{6}", parameters):
        yield f"a long number in {parameters!r}"
    # Three terminals: one that knows all colours; one that knows no underline colour and reads on after the 58;
    # one that reads on after any colour it does not know, but such a one was never seen to know 38 and 48 either.
    for knows_underline in (True, False):
        names = [name for name in parameters.split(";") if ":" not in name]
        while names:
            name = int(names.pop(0) or 0)
            if name in (38, 48) or (name == 58 and knows_underline):
                del names[: {"5": 2, "2": 4}.get(names[0] if names else "", 0)]
            elif name == 8 or 10 < name < 20:
                yield f"attribute {name} in {parameters!r}"
    for group in parameters.split(";"):
        if ":" in group and group.split(":")[0] not in {"4", "38", "48", "58"}:
            yield f"attribute {group!r}"
