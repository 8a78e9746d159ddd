"""The peer's bytes to tokens, plain or compressed: the parser, with an inflater in front of it while there is one.

Where compression starts and ends is told only by the stream itself, and both may fall anywhere in a read.
"""

from __future__ import annotations

from sockcli.telnet.mccp import Inflater
from sockcli.telnet.parser import Parser, Token


class TokenStream:
    __slots__ = ("_inflater", "_parser")

    def __init__(self) -> None:
        self._parser = Parser()
        self._inflater: Inflater | None = None

    @property
    def mid_command(self) -> bool:
        return self._parser.mid_command

    @property
    def compressed(self) -> bool:
        return self._inflater is not None

    @property
    def pending(self) -> bool:
        """Whether `refill` has something for the parser."""
        return self._inflater is not None and (self._inflater.pending or self._inflater.ended)

    def feed(self, data: bytes) -> None:
        (self._inflater or self._parser).feed(data)

    def next_token(self) -> Token | None:
        return self._parser.next_token()

    def refill(self) -> None:
        """Inflate a bounded piece more for the parser. Raises ProtocolError."""
        inflater = self._inflater
        assert inflater is not None
        if inflater.ended:
            # Only now, when all tokens of the last piece were taken: to them, it was all compressed.
            self._inflater = None
            self._parser.feed(inflater.trailing)
        else:
            self._parser.feed(inflater.read())

    def inflate_from_here(self) -> None:
        """Everything after the token that was last taken is compressed."""
        self._inflater = Inflater()
        self._inflater.feed(self._parser.take_rest())

    def discard(self) -> None:
        """Forget all input that no token was made of."""
        self._parser.take_rest()
        self._inflater = None
