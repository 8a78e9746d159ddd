"""The line below the line: which session, in which mode, what went and came, and what else came meanwhile.

In reverse video and bold, which can be read on a light and a dark ground, and only in colours that can be read on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockcli.base.escaping import printable
from sockcli.sessions.session import Session

STYLES: Final = {
    "command": "ansimagenta bold",
    "progress": "ansimagenta",
    "bottom-toolbar": "noreverse",
    "bottom-toolbar.text": "reverse",
    "bottom-toolbar.unread": "reverse bold",
}
TEXT: Final = "class:bottom-toolbar.text"
UNREAD: Final = "class:bottom-toolbar.unread"

_UNITS: Final = ("", "k", "M", "G", "T")


def fragments(session: Session | None, others: Sequence[Session], columns: int) -> list[tuple[str, str]]:
    """Styles and texts, narrower than `columns`: the last ones are left out where there is no room."""
    unread = [f"{each.number}: {amount(each.inbox.unread)} bytes unread" for each in others if each.inbox.unread]
    if session is None:
        first = f"{len(others)} session{'s' if len(others) != 1 else ''}" if others else "no session"
        parts = [(TEXT, first)]
    else:
        parts = [
            (TEXT, f"{session.number}: {printable(session.title)}"),
            (TEXT, mode(session)),
            (TEXT, f"in {amount(session.received)}, out {amount(session.sent)}"),
        ]
    parts += [(UNREAD, text) for text in unread]
    if session is not None:
        parts.append((TEXT, str(session.grant.rule)))
    shown: list[tuple[str, str]] = []
    room = columns - 1
    for style, text in parts:
        cell = f" {text} "
        if len(cell) > room:
            break
        shown.append((style, cell))
        room -= len(cell)
    return shown


def mode(session: Session) -> str:
    """How the session is used, in one or two words."""
    words = "telnet " if session.speaks_telnet else ""
    words += "character" if session.character_mode else "line"
    return f"{words}, input ended" if session.input_ended else words


def amount(count: int) -> str:
    """A number of bytes in at most four characters and a letter."""
    number = float(count)
    for unit in _UNITS:
        if number < 1000:
            return f"{number:.0f}{unit}" if not unit or number >= 100 else f"{number:.1f}{unit}"
        number /= 1000
    return f"{number:.0f}P"
