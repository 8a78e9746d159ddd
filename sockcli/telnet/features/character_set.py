"""CHARSET (RFC 2066): both ends agree on the character set that we use. Translation tables are refused."""

from __future__ import annotations

from typing import Final

from sockcli.telnet.constants import CHARSET
from sockcli.telnet.events import EncodingChanged, Side
from sockcli.telnet.features.feature import Effects, OutboundSubnegotiation

_REQUEST, _ACCEPTED, _REJECTED, _TTABLE_IS, _TTABLE_REJECTED = 1, 2, 3, 4, 5
_TTABLE_MARK: Final = b"[TTABLE]"


class CharacterSet:
    """Offers one character set, and accepts that one only, in any spelling of its letters."""

    def __init__(self, charset: str) -> None:
        """`charset` is an ASCII name as IANA has it, without blanks and semicolons."""
        self._ours = charset.encode("ascii")

    def start(self, side: Side) -> Effects:
        # RFC 2066 section 2: only the side that said WILL may send a REQUEST.
        if side is Side.US:
            yield OutboundSubnegotiation(CHARSET, bytes([_REQUEST]) + b";" + self._ours)

    def receive(self, body: bytes) -> Effects:
        kind, rest = body[:1], body[1:]
        if kind == bytes([_REQUEST]):
            yield from self._answer(rest)
        elif kind == bytes([_ACCEPTED]) and rest.upper() == self._ours.upper():
            yield EncodingChanged(self._ours.decode("ascii"))
        elif kind == bytes([_TTABLE_IS]):
            yield OutboundSubnegotiation(CHARSET, bytes([_TTABLE_REJECTED]))

    def _answer(self, request: bytes) -> Effects:
        if request.startswith(_TTABLE_MARK):
            # The mark and a version number (one byte) offer translation tables. The list of names behind them can
            # be answered without using any table.
            request = request[len(_TTABLE_MARK) + 1 :]
        separator, names = request[:1], request[1:]
        offered = names.split(separator) if separator else []
        for name in offered:
            if name.upper() == self._ours.upper():
                yield OutboundSubnegotiation(CHARSET, bytes([_ACCEPTED]) + name)
                yield EncodingChanged(name.decode("ascii"))
                return
        yield OutboundSubnegotiation(CHARSET, bytes([_REJECTED]))
