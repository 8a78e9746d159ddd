"""A line of the REPL as words. Blanks separate them, quotes keep blanks, a backslash takes the next character as it is.

That much is as in a shell, and there is nothing else of a shell: no variables, no patterns, no comment behind a
command. The text of `send` is not split into words: it is sent as it was typed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sockcli.base.escaping import printable
from sockcli.errors import UsageError

BLANKS: Final = " \t\r\n"
_QUOTES: Final = "\"'"
# Characters that need a backslash to stand in a word.
_SPECIAL: Final = BLANKS + _QUOTES + "\\"


class Word(NamedTuple):
    """A word without its quotes and backslashes, and where it begins in the line."""

    text: str
    start: int


class Unfinished(NamedTuple):
    """A line that is still being typed: its complete words, and the one at the cursor, which may be empty."""

    words: list[str]
    last: Word


class _Scan(NamedTuple):
    words: list[Word]
    end: int  # of the last word
    fault: str | None


def split_words(line: str) -> list[str]:
    """The words of `line`. Raises UsageError."""
    found, _, fault = _scan(line)
    if fault is not None:
        raise UsageError(fault, hint="close the quote, or write a backslash before it")
    return [word.text for word in found]


def split_unfinished(line: str) -> Unfinished:
    """The words of a line up to the cursor. A quote that is not closed yet is no error here."""
    found, end, _ = _scan(line)
    if found and end == len(line):
        return Unfinished([word.text for word in found[:-1]], found[-1])
    return Unfinished([word.text for word in found], Word("", len(line)))


def quote(text: str) -> str:
    """`text` as one word of a line."""
    if not text:
        return "''"
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text)


def first_word(text: str) -> tuple[str, str]:
    """The text before the first blank, unchanged, and the rest without the blanks around it."""
    text = text.strip(BLANKS)
    end = next((place for place, char in enumerate(text) if char in BLANKS), len(text))
    return text[:end], text[end:].strip(BLANKS)


def has_port(word: str) -> bool:
    """Whether it is HOST:PORT or [IPV6]:PORT. An IPv6 address without brackets has more than one colon."""
    return "]:" in word or (word.count(":") == 1 and not word.startswith("["))


def text_to_send(text: str) -> str:
    """The text of `send`, unchanged. Quotes around all of it are taken off; they keep the blanks at its ends.

    Raises UsageError.
    """
    text = text.strip(BLANKS)
    if text[:1] not in _QUOTES or not text:
        return text
    inner = text[1:-1]
    if len(text) < 2 or text[-1] != text[0] or text[0] in inner:
        raise UsageError(
            f"{text[0]} begins the text, so it must end it too, and stand nowhere between",
            hint=rf"write \x{ord(text[0]):02x} for a {text[0]} that is to be sent",
        )
    return inner


def _scan(line: str) -> _Scan:
    found: list[Word] = []
    position = 0
    while position < len(line):
        if line[position] in BLANKS:
            position += 1
            continue
        text, end, fault = _word(line, position)
        found.append(Word(text, position))
        position = end
        if fault is not None or position == len(line):
            return _Scan(found, position, fault)
    return _Scan(found, -1, None)


def _word(line: str, start: int) -> tuple[str, int, str | None]:
    """The word that begins at `start`, where it ends, and what is wrong with it."""
    text: list[str] = []
    position = start
    while position < len(line) and line[position] not in BLANKS:
        char = line[position]
        if char in _QUOTES:
            inner, position, closed = _quoted(line, position)
            text.append(inner)
            if not closed:
                return "".join(text), position, f"a {char} is not closed: {printable(line[start:])}"
        elif char == "\\":
            text.append(line[position + 1 : position + 2])
            position += 2
            if position > len(line):
                return "".join(text), len(line), "the backslash at the end of the line has nothing to stand before"
        else:
            text.append(char)
            position += 1
    return "".join(text), position, None


def _quoted(line: str, start: int) -> tuple[str, int, bool]:
    """What stands in the quotes that begin at `start`, where they end, and whether they do."""
    mark = line[start]
    text: list[str] = []
    position = start + 1
    while position < len(line):
        char = line[position]
        if char == mark:
            return "".join(text), position + 1, True
        # As in a shell: in '…' every character stands for itself; in "…" a backslash escapes the quote and itself.
        if char == "\\" and mark == '"' and line[position + 1 : position + 2] in ('"', "\\"):
            position += 1
            char = line[position]
        text.append(char)
        position += 1
    return "".join(text), position, False
