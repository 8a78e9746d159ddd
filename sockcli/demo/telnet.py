"""The server's end of telnet, as far as the demo needs it: bytes in, what they mean and bytes to send out.

The client's codec has another policy and more options; the parser, the Q method and the way out are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from sockcli.telnet import constants as tn
from sockcli.telnet.events import CommandReceived, Side, Subnegotiation
from sockcli.telnet.line_endings import LineEndingDecoder, style_for
from sockcli.telnet.negotiation import Negotiator
from sockcli.telnet.outbound import OutboundData, SendQueue
from sockcli.telnet.parser import Meaning, Negotiation, TelnetParser, interpret

# RFC 1091 has at most 40 characters in a name.
MAX_NAME: Final = 40
_AT_ONCE: Final = 1_000  # tokens
_SEND_TERMINAL_TYPE: Final = bytes([tn.IAC, tn.SB, tn.TTYPE, tn.SEND, tn.IAC, tn.SE])
_PEERS: Final = frozenset({tn.NAWS, tn.TTYPE, tn.SGA})


class ClientWindow(NamedTuple):
    """The client's window has this size now; neither number is 0."""

    columns: int
    rows: int


class ClientTerminal(NamedTuple):
    name: str


Heard: TypeAlias = bytes | CommandReceived | ClientWindow | ClientTerminal


class TelnetServer:
    """Feed `receive`, send what `take` gives."""

    def __init__(self) -> None:
        # Not ECHO: a client that asks before it is offered would see nothing of what is typed into a line.
        self._offered = {tn.SGA}
        self._negotiator = Negotiator(self._agrees)
        self._parser = TelnetParser()
        self._incoming = LineEndingDecoder()
        self._outbox = SendQueue()
        self._sender = OutboundData(self._outbox, lambda: style_for("line", None, binary=False))

    def ask_peer(self, option: int) -> None:
        """DO."""
        self._outbox.write(self._negotiator.request(Side.PEER, option, enable=True).reply)

    def offer(self, option: int) -> None:
        """WILL."""
        self._offered.add(option)
        self._outbox.write(self._negotiator.request(Side.US, option, enable=True).reply)

    def write(self, text: str) -> None:
        """Text for the user; a line feed ends a line."""
        self._sender.send(text.encode())

    def take(self) -> bytes:
        """What is to be sent now."""
        return self._outbox.take()

    def receive(self, data: bytes) -> Iterator[Heard]:
        """What the client's bytes mean; data is never empty. Answers to its negotiation are written already."""
        self._parser.feed(data)
        while tokens := self._parser.take(_AT_ONCE):
            for meaning in map(interpret, tokens):
                yield from self._heard(meaning)

    def _heard(self, meaning: Meaning | None) -> Iterator[Heard]:
        match meaning:
            case bytes():
                if typed := self._incoming.decode(meaning, binary=False):
                    yield typed
            case Negotiation():
                self._negotiated(meaning)
            case Subnegotiation():
                yield from self._told(meaning)
            case CommandReceived():
                yield meaning
            case _:
                pass  # a subnegotiation that was too long, or broken off

    def _agrees(self, side: Side, option: int) -> bool:
        return option in (self._offered if side is Side.US else _PEERS)

    def _negotiated(self, heard: Negotiation) -> None:
        change = self._negotiator.receive(heard.verb, heard.option)
        self._outbox.write(change.reply)
        if change.enabled and (heard.verb, heard.option) == (tn.WILL, tn.TTYPE):
            self._outbox.write(_SEND_TERMINAL_TYPE)

    def _told(self, told: Subnegotiation) -> Iterator[Heard]:
        if not self._negotiator.enabled(Side.PEER, told.option):
            return
        if told.option == tn.NAWS and len(told.body) == 4:
            columns, rows = int.from_bytes(told.body[:2], "big"), int.from_bytes(told.body[2:], "big")
            if columns and rows:  # RFC 1073: 0 means that it is not known
                yield ClientWindow(columns, rows)
        elif told.option == tn.TTYPE and told.body[:1] == bytes([tn.IS]):
            yield ClientTerminal(told.body[1 : MAX_NAME + 1].decode("ascii", "replace"))
