"""Lines of a peer's that could be taken for ours, marked with a gutter. Pure.

What we say and what a peer sends share one screen. A peer that sends `sockcli> ` would have a command typed, and get
it; one that sends `sockcli: error: …` would have its user do what it says. So a line of a peer's that begins as ours
do has `| ` before each of its rows, and no colours, which ours have.

Blanks and colours do not count, and a letter counts as the one that it looks like (`ѕосkсlі`, with Cyrillic letters).
A line that is longer than a row is marked wherever it has such words, for a row of it might begin with them.
"""

from __future__ import annotations

import unicodedata
from typing import Final

GUTTER: Final = "| "

# Letters and signs that look like those of our words, beyond what Unicode calls compatible (full width, bold, accents).
_ALIKE: Final = {
    "s": "5$ѕꜱ",
    "o": "0оοօᴏဝ",
    "c": "сϲᴄ",
    "k": "кκᴋ",
    "i": "l1|!іɪıӏιІǀ",  # l as well: in many fonts the two are the same
    "h": "һհ",
    "n": "ոпɴ",
    "t": "тτᴛ",
    "e": "еҽ℮ᴇ",
    "a": "аαɑᴀ",
    "y": "уүʏγ",
    ":": "׃։∶ꓽ",
    "(": "❨",
    "[": "❲",
}
_SAME: Final = {char: letter for letter, chars in _ALIKE.items() for char in chars}
# Marks upon a letter, controls, formats and blanks: nothing that a reader would miss.
_NOTHING: Final = frozenset({"Mn", "Me", "Cc", "Cf", "Zs"})
_BRAILLE_BLANK: Final = "\u2800"


class _Folded(dict[int, str]):
    """For str.translate: what each character counts as. An end of line stays."""

    def __missing__(self, code: int) -> str:
        pieces = unicodedata.normalize("NFKD", chr(code)).lower() if code != 0x0A else "\n"
        self[code] = folded = "".join(
            _SAME.get(piece, piece)
            for piece in pieces
            if piece == "\n" or (unicodedata.category(piece) not in _NOTHING and piece != _BRAILLE_BLANK)
        )
        return folded


_FOLDED: Final = _Folded()
_ASCII: Final = bytes(ord(_FOLDED[code] or " ") for code in range(0x80)) + bytes(range(0x80, 0x100))
_ASCII_NOTHING: Final = bytes(code for code in range(0x80) if not _FOLDED[code])

# What lines of ours begin with, prompts and the note about dropped bytes among them.
OURS: Final = ("sockcli", "hint:", "(session", "(any key", "[sockcli")
_WORDS: Final = tuple(words.translate(_FOLDED) for words in OURS)
_BYTES: Final = tuple(words.encode() for words in _WORDS)


def has_our_words(data: bytes) -> bool:
    """Whether they stand anywhere in `data`, which has no colours. Asked of whole batches, so it must be quick."""
    if data.isascii():
        folded = data.translate(_ASCII, _ASCII_NOTHING)
        return any(words in folded for words in _BYTES)
    text = data.decode("utf-8", "replace").translate(_FOLDED)
    return any(words in text for words in _WORDS)


def looks_like_ours(line: str, columns: int) -> bool:
    """`line` has no colours. `columns`: of the terminal."""
    folded = line.translate(_FOLDED)
    # A character may take two cells.
    is_long = 2 * len(line.expandtabs()) > columns if not line.isascii() else len(line.expandtabs()) > columns
    return folded.startswith(_WORDS) or (is_long and any(words in folded for words in _WORDS))


def marked(line: str, columns: int) -> list[str]:
    """Its rows, each with the gutter before it."""
    room = max(2, columns - len(GUTTER) - 1)
    rows, row, width = [], "", 0
    for char in line.expandtabs():
        cells = 1 if char.isascii() else 2  # at most
        if width + cells > room:
            rows.append(GUTTER + row)
            row, width = "", 0
        row, width = row + char, width + cells
    return [*rows, GUTTER + row]
