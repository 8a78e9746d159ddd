"""TERMINAL-TYPE (RFC 1091): the server asks for the name of our terminal, and may ask again for another name."""

from __future__ import annotations

from typing import Final

from sockcli.telnet.constants import IS, SEND, TTYPE
from sockcli.telnet.events import Side
from sockcli.telnet.features.feature import Effects, OutboundSubnegotiation

# RFC 1700, Terminal Type Names, where RFC 1091 takes them from: at most 40 characters.
MAX_NAME: Final = 40

# The bits of the Mud Terminal Type Standard (MTTS) that can apply to us.
MTTS_ANSI: Final = 1
MTTS_UTF_8: Final = 4
MTTS_256_COLORS: Final = 8
MTTS_TRUECOLOR: Final = 256


class TerminalType:
    """Answers each SEND with the next name. The last name is sent twice, which marks the end; then the list restarts.

    The list has one name. With `mud` it has the three that the Mud Terminal Type Standard asks for: the client, the
    terminal, and a number that says what the terminal can show.
    """

    def __init__(self, terminal_type: str, *, mud: bool, charset: str) -> None:
        """`terminal_type` is what TERM says; a name that RFC 1091 cannot carry becomes UNKNOWN."""
        name = _valid_name(terminal_type)
        names = ["SOCKCLI", name, f"MTTS {mtts(name, charset)}"] if mud else [name]
        self._answers = [*names, names[-1]]
        self._next = 0

    def start(self, _side: Side) -> Effects:
        self._next = 0
        return iter(())

    def receive(self, body: bytes) -> Effects:
        if body == bytes([SEND]):
            yield OutboundSubnegotiation(TTYPE, bytes([IS]) + self._answers[self._next].encode("ascii"))
            self._next = (self._next + 1) % len(self._answers)


def _valid_name(text: str) -> str:
    valid = text and len(text) <= MAX_NAME and text.isascii() and text.isprintable()
    return text.upper() if valid else "UNKNOWN"


def mtts(name: str, charset: str) -> int:
    """The Mud Terminal Type Standard's bits for a terminal of this name (in capitals).

    The bit for VT100 is never set: it promises cursor moves, and outside of character mode the terminal filter does
    not let those pass.
    """
    bits = MTTS_UTF_8 if charset.upper() == "UTF-8" else 0
    if name in ("UNKNOWN", "DUMB"):
        return bits
    bits |= MTTS_ANSI
    if "256COLOR" in name or "DIRECT" in name:
        bits |= MTTS_256_COLORS
    if "DIRECT" in name:
        bits |= MTTS_TRUECOLOR
    return bits
