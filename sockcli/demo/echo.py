"""The demo's echoes: TCP as RFC 862 has it, and UDP that loses and delays replies on request. UDP's has no socket."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address
from sockcli.connection import Connection

# More than a tour needs. The oldest goes when another comes: it is UDP.
MAX_WAITING: Final = 256
MAX_DELAY: Final = 10.0


def serve_echo(connection: Connection) -> None:
    """Send back what comes, until the peer's end."""
    for data in connection:
        connection.send_all(data)


class EchoReply(NamedTuple):
    """A datagram to send back, once its time has come."""

    due: Deadline
    data: bytes
    peer: Address


class UdpEcho:
    """Echoes datagrams; `lose N …` is answered only the N+1st time, `delay S …` after S seconds."""

    def __init__(self) -> None:
        self._lost: dict[tuple[bytes, Address], int] = {}
        self._replies: list[EchoReply] = []

    def take(self, data: bytes, peer: Address) -> None:
        """A datagram came in."""
        if self._loses(data, peer):
            return
        delay = re.match(rb"delay ([0-9]{1,2}(?:\.[0-9]{1,3})?)\b", data)
        seconds = min(float(delay[1]), MAX_DELAY) if delay else 0.0
        self._replies.append(EchoReply(Deadline(seconds), data, peer))
        del self._replies[:-MAX_WAITING]

    def due(self) -> list[tuple[bytes, Address]]:
        """The replies whose time has come, each handed out once."""
        ready = [reply for reply in self._replies if reply.due.expired]
        self._replies = [reply for reply in self._replies if reply not in ready]
        return [(reply.data, reply.peer) for reply in ready]

    def next_due(self) -> Deadline:
        """When the next reply is due."""
        soonest = NEVER
        for reply in self._replies:
            soonest = soonest.earlier(reply.due)
        return soonest

    def _loses(self, data: bytes, peer: Address) -> bool:
        asked = re.match(rb"lose ([0-9]{1,3})\b", data)
        if asked is None:
            return False
        lost = self._lost.pop((data, peer), 0)
        if lost >= int(asked[1]):
            return False
        self._lost[data, peer] = lost + 1
        if len(self._lost) > MAX_WAITING:
            del self._lost[next(iter(self._lost))]
        return True
