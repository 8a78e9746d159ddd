"""Tokens that were met before, with the one event that follows from each: for floods, which repeat themselves.

A token is known if nothing else follows from it: no answer, and no change of state. Most commands always are, and so
are short pieces of data. A negotiation or a subnegotiation is known for as long as the options stay as they are: it is
`settled`, until `unsettle`.
"""

from __future__ import annotations

from typing import Final

from sockcli.telnet.constants import EOR, GA, IAC, SB, VERBS
from sockcli.telnet.events import CommandReceived, Data, Event, Prompt

_ALWAYS_KNOWN: Final[dict[bytes, Event]] = {
    bytes([IAC, code]): Prompt(code) if code in (EOR, GA) else CommandReceived(code)
    for code in range(256)
    if code not in VERBS | {SB, IAC}
}
# In place of an event, where there is none. It is false, and no event is.
NO_EVENT: Final[tuple[()]] = ()

_LONGEST: Final = 32  # bytes of a token; longer ones take little time for their size
_MOST: Final = 1_024  # of each kind


class KnownTokens:
    """`commands`, `data`, and `all` of both, give a token's event, or NO_EVENT; None for one that is not known."""

    __slots__ = ("all", "commands", "data", "settled")

    def __init__(self) -> None:
        self.data: dict[bytes, Data] = {}
        self.commands: dict[bytes, Event | tuple[()]] = dict(_ALWAYS_KNOWN)
        self.all: dict[bytes, Event | tuple[()]] = dict(_ALWAYS_KNOWN)
        self.settled: set[bytes] = set()

    def remember(self, token: bytes, event: Data) -> None:
        """A piece of data from which this event follows, whatever the options are."""
        if len(token) <= _LONGEST:
            if len(self.data) >= _MOST:
                for old in self.data:
                    del self.all[old]
                self.data.clear()
            self.data[token] = self.all[token] = event

    def settle(self, token: bytes, event: Event | tuple[()] = NO_EVENT) -> None:
        """A negotiation or subnegotiation that changes nothing and is not answered, as things stand."""
        if len(token) <= _LONGEST:
            if len(self.settled) >= _MOST:
                self.unsettle()
            self.settled.add(token)
            self.commands[token] = self.all[token] = event

    def unsettle(self) -> None:
        """The options changed, or whether we answer."""
        for token in self.settled:
            del self.commands[token], self.all[token]
        self.settled.clear()
