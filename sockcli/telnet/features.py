"""What an option does once it is on: terminal type, window size, character set.

A feature is told when its option was turned on, and each subnegotiation after that. It gives back what should
follow: bodies to send, or events. It knows neither the wire nor the state of the negotiation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol, TypeAlias

from sockcli.telnet.constants import CHARSET, NAWS, TTYPE
from sockcli.telnet.events import EncodingChanged, Event, Side

IS: Final = 0
SEND: Final = 1


class Reply(NamedTuple):
    """A subnegotiation to send."""

    option: int
    body: bytes


Outcome: TypeAlias = Iterator[Reply | Event]


class Feature(Protocol):
    def start(self, side: Side, /) -> Outcome:
        """The option was turned on, on this side."""
        ...

    def receive(self, body: bytes, /) -> Outcome:
        """The peer sent this, while the option was on."""
        ...


class TerminalType:
    """RFC 1091: one name a SEND; the last is repeated to mark the end, and then they start again."""

    def __init__(self, terminal_type: str, *, mud: bool, charset: str) -> None:
        name = _terminal_name(terminal_type)
        names = ["SOCKCLI", name, f"MTTS {mtts(name, charset)}"] if mud else [name]
        self._answers = [*names, names[-1]]
        self._next = 0

    def start(self, _side: Side) -> Outcome:
        self._next = 0
        return iter(())

    def receive(self, body: bytes) -> Outcome:
        if body == bytes([SEND]):
            yield Reply(TTYPE, bytes([IS]) + self._answers[self._next].encode("ascii"))
            self._next = (self._next + 1) % len(self._answers)


def _terminal_name(text: str) -> str:
    # TERM is whatever somebody put there. RFC 1091 has at most 40 characters in a name.
    usable = text and len(text) <= 40 and text.isascii() and text.isprintable()
    return text.upper() if usable else "UNKNOWN"


MTTS_ANSI: Final = 1
MTTS_UTF_8: Final = 4
MTTS_256_COLORS: Final = 8
MTTS_TRUECOLOR: Final = 256


def mtts(name: str, charset: str) -> int:
    """The Mud Terminal Type Standard's bits, for what a terminal of this name shows of a MUD's output.

    Colours are promised, cursor moves (VT100) are not: outside of character mode they are not let through.
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


class WindowSize:
    """RFC 1073: the size once the option is on, and again when it changed."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size
        self._sent: tuple[int, int] | None = None

    def start(self, _side: Side) -> Outcome:
        self._sent = None
        return self.report()

    def report(self) -> Outcome:
        if self.size is not None and self.size != self._sent:
            self._sent = self.size
            yield Reply(NAWS, b"".join(number.to_bytes(2, "big") for number in self.size))

    def receive(self, _body: bytes) -> Outcome:
        return iter(())  # a size is ours to tell; the peer has none


_REQUEST, _ACCEPTED, _REJECTED, _TTABLE_IS, _TTABLE_REJECTED = 1, 2, 3, 4, 5
_TTABLE_MARK: Final = b"[TTABLE]"


class CharacterSet:
    """RFC 2066: we offer the one that we have, take it where it is offered, and no translation tables."""

    def __init__(self, charset: str) -> None:
        self._ours = charset.encode("ascii")

    def start(self, side: Side) -> Outcome:
        # Only the side that said WILL may ask.
        if side is Side.US:
            yield Reply(CHARSET, bytes([_REQUEST]) + b";" + self._ours)

    def receive(self, body: bytes) -> Outcome:
        kind, rest = body[:1], body[1:]
        if kind == bytes([_REQUEST]):
            yield from self._answer(rest)
        elif kind == bytes([_ACCEPTED]) and rest.upper() == self._ours.upper():
            yield EncodingChanged(self._ours.decode("ascii"))
        elif kind == bytes([_TTABLE_IS]):
            yield Reply(CHARSET, bytes([_TTABLE_REJECTED]))

    def _answer(self, request: bytes) -> Outcome:
        if request.startswith(_TTABLE_MARK):
            # Then a version number. The list that follows is as good without the tables.
            request = request[len(_TTABLE_MARK) + 1 :]
        separator, names = request[:1], request[1:]
        offered = names.split(separator) if separator else []
        for name in offered:
            if name.upper() == self._ours.upper():
                yield Reply(CHARSET, bytes([_ACCEPTED]) + name)
                yield EncodingChanged(name.decode("ascii"))
                return
        yield Reply(CHARSET, bytes([_REJECTED]))
