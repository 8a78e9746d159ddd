"""A stream to be shown above a line that is being typed: its whole lines, and the unfinished one, which is a prompt.

Pure. What comes in has passed the terminal filter; what goes out ends in CR LF, because the terminal is raw. Lines that
could be taken for ours are marked (see `lookalike`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sockcli.console.lookalike import has_our_words, looks_like_ours, marked

COLOURS: Final = re.compile(rb"\x1b\[([0-9;:]*)m")
_PLAIN: Final = b"\x1b[0m"
# Rows. An unfinished line is a prompt only while it is at most this long. A longer one is written row by row as it
# comes: else a "line" that never ends would never be seen, and every key would draw all of it again.
_ROWS: Final = 2
# Colour sequences that are repeated on the next line. Only the last few matter: each one replaces an earlier one of its
# kind (foreground, background, bold …), and no program has more kinds than this in force.
_MOST_COLOURS: Final = 8
# What stays within the line that the cursor is on: colours, erasing, moving to and fro, and whatever is visible.
_WITHIN: Final = re.compile(rb"(?:\x1b\[(?:[0-9;:]*m|0?J|[0-9]*[@CDKPX])|[^\x00-\x07\x0a-\x1f\x7f])*")
# What is left out when that line is written again: modes, which the filter brings back, and the bell.
_MODES: Final = re.compile(rb"\x1b\[\?[0-9;]*[hl]|\x1b[=>]|\x07")
# Bytes that are remembered of the cursor's line in character mode. A prompt is shorter.
_LONGEST_TAIL: Final = 1024


class LineFlow:
    """`feed` it, and write what it gives above the line; `partial` is the peer's unfinished line."""

    __slots__ = ("_colours", "_columns", "_marks", "partial")

    def __init__(self, marks: Callable[[], bool] = lambda: True) -> None:
        """`marks`: whether lines that look like ours are to be marked now."""
        self.partial = b""
        self._marks = marks
        self._columns = 80
        self._colours: list[bytes] = []  # in force where `partial` begins

    def feed(self, data: bytes, columns: int) -> bytes:
        """The lines to write now, each with its CR LF; after them the terminal has its own colours again."""
        self._columns = columns
        if not data:
            return b""
        text = (self.partial + data).replace(b"\r\n", b"\n")
        end = text.rfind(b"\n") + 1
        if len(text) - end > _ROWS * columns:
            end = self._last_row(text, end, columns)
        whole, self.partial = text[:end], text[end:]
        if not whole:
            return b""
        if not whole.endswith(b"\n"):
            whole += b"\n"
        if self._marks() and has_our_words(COLOURS.sub(b"", whole)):
            return b"".join(map(self._line, whole[:-1].split(b"\n")))
        return self._coloured(whole, whole.replace(b"\n", b"\r\n"))

    @property
    def prompt(self) -> bytes:
        """`partial`, with the colours in force where it begins; marked, in rows, where it looks like a line of ours."""
        rows = self._marked(self.partial)
        if rows:
            return "\n".join(rows).encode()
        return b"".join(self._colours) + self.partial if self.partial else b""

    def complete(self) -> bytes:
        """The unfinished line, to be written as it is: the user ended it, or there is no more."""
        partial, self.partial = self.partial, b""
        rows = self._marked(partial)
        if rows:
            self._follow(partial)
            return "\r\n".join(rows).encode()
        return self._coloured(partial, partial)

    def watch(self, data: bytes) -> None:
        """In character mode, where all is written as it comes: remember what the cursor's line begins with."""
        tail = (self.partial + data[-2 * _LONGEST_TAIL :])[-2 * _LONGEST_TAIL :]
        self.partial = tail[max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1 :]

    def again(self) -> bytes:
        """Still in character mode: the cursor's line, to be written once more; empty if more is needed to draw it."""
        line = _MODES.sub(b"", self.partial)
        return line if len(self.partial) < _LONGEST_TAIL and _WITHIN.fullmatch(line) else b""

    def resume(self, columns: int) -> bool:
        """Back from character mode: whether `partial` is all that stands on the cursor's row. Else it is forgotten."""
        text = COLOURS.sub(b"", self.partial)
        known = text.isascii() and len(text) < min(columns, _LONGEST_TAIL) and text.decode("ascii").isprintable()
        if not known:
            self.partial = b""
        return known

    def _last_row(self, text: bytes, start: int, columns: int) -> int:
        """Where the last row begins of an unfinished line that is to be written but for that row.

        A row of whole characters as a terminal would break it, if each takes one cell: a wide one breaks earlier.
        """
        visible = 0
        rows_end = position = start
        for piece in re.finditer(rb"(\x1b\[[0-9;:]*m)|[^\x1b]+", text[start:]):
            if piece[1] is not None:
                continue
            position = start + piece.start()
            chars = piece[0].decode("utf-8", "replace")
            room = columns - visible % columns
            whole_rows = (len(chars) - room) // columns * columns + room if len(chars) >= room else 0
            if whole_rows:
                rows_end = position + len(chars[:whole_rows].encode())
            visible += len(chars)
        return rows_end

    def _line(self, line: bytes) -> bytes:
        """One whole line, as it is to be written."""
        rows = self._marked(line)
        if rows:
            self._follow(line)
            return "".join(f"{row}\r\n" for row in rows).encode()
        return self._coloured(line, line + b"\r\n")

    def _marked(self, line: bytes) -> list[str]:
        """Its rows, if it looks like one of ours."""
        if not line or not self._marks():
            return []
        bare = COLOURS.sub(b"", line)
        if not has_our_words(bare):
            return []
        text = bare.decode("utf-8", "replace")
        return marked(text, self._columns) if looks_like_ours(text, self._columns) else []

    def _coloured(self, text: bytes, shown: bytes) -> bytes:
        """`shown`, which is `text` as it is to be written, in the colours in force."""
        written = b"".join(self._colours) + shown
        self._follow(text)
        return written + _PLAIN if b"\x1b" in written else written

    def _follow(self, text: bytes) -> None:
        """Note which colours are in force after `text`."""
        if b"\x1b" not in text:
            return
        for match in COLOURS.finditer(text):
            if match[1] in (b"", b"0"):
                self._colours.clear()
            else:
                self._colours.append(match[0])
        del self._colours[:-_MOST_COLOURS]
