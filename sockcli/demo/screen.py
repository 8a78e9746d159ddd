"""A full-screen page as text for a terminal: a box as large as the window, and lines in it. Knows no protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# The alternate screen without a cursor, and back: what was on the user's screen is there again.
ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[2J"
LEAVE: Final = "\x1b[?25h\x1b[?1049l"
CLEAR: Final = "\x1b[2J"

# Larger than any screen. A client may tell of 65,535 by 65,535, and the page is drawn for every key.
LARGEST: Final = (500, 200)
_MARGIN: Final = 3  # the box and two blanks


def page(columns: int, rows: int, title: str, lines: Sequence[str], footer: str) -> str:
    """The page, drawn over whatever is there. What does not fit is left out."""
    columns, rows = min(columns, LARGEST[0]), min(rows, LARGEST[1])
    if columns < 2 or rows < 2:
        return ""
    inside = ["", *(f"  {line}" for line in lines)][: rows - 2]
    inside += [""] * (rows - 2 - len(inside))
    drawn = [at(1, 1) + edge("┌", title, "┐", columns)]
    for row, text in enumerate(inside, 2):
        # The right side at its own place: only the terminal knows how wide each character is.
        drawn.append(f"{at(row, 1)}│{text[: columns - 2]:<{columns - 2}}{at(row, columns)}│")
    drawn.append(at(rows, 1) + edge("└", footer, "┘", columns))
    return "".join(drawn)


def edge(left: str, text: str, right: str, columns: int) -> str:
    """The top or the bottom of the box, with a text in it where there is room."""
    inside = f"─ {text} " if len(text) + _MARGIN <= columns - 2 else ""
    return f"{left}{inside:─<{columns - 2}}{right}"


def at(row: int, column: int) -> str:
    """Move the cursor there; both count from 1."""
    return f"\x1b[{row};{column}H"
