"""The protocol by which OptionState calls the options that do something while they are on.

A feature is called when its option is turned on, and with each subnegotiation that the peer sends for it after that.
It returns what should follow, in order: subnegotiations to send and events for the user. It writes nothing to the
wire and does not ask whether its option is on: OptionState calls it only while it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeAlias

from sockcli.telnet.events import Event, Side


class OutboundSubnegotiation(NamedTuple):
    """To be sent as IAC SB option body IAC SE. The IACs in `body` are not doubled yet."""

    option: int
    body: bytes


Effects: TypeAlias = Iterator[OutboundSubnegotiation | Event]


class Feature(Protocol):
    def start(self, side: Side, /) -> Effects:
        """The option was turned on, on this side."""
        ...

    def receive(self, body: bytes, /) -> Effects:
        """The peer sent a subnegotiation with this body. Doubled IACs are single here."""
        ...
