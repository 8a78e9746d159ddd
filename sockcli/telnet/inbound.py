"""The peer's bytes to tokens, through the inflater while the connection is compressed (MCCP2).

Compression starts and ends within the stream, at any byte of a read. So the parser gives back what it has not looked at
where compression starts, and the inflater what follows the compressed stream where it ends.
"""

from __future__ import annotations

from sockcli.telnet.features.compression import Inflater
from sockcli.telnet.parser import TelnetParser, Token


class TokenStream:
    """`feed` bytes, take tokens until there is none, and while `pending`, `refill` and take again."""

    __slots__ = ("_inflater", "_parser")

    def __init__(self) -> None:
        self._parser = TelnetParser()
        self._inflater: Inflater | None = None

    @property
    def mid_command(self) -> bool:
        """Whether what was fed so far ends within a command or a subnegotiation."""
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
        """Inflate the next piece for the parser, at most `compression.STEP` bytes.

        Call it only while `pending`, and when all tokens were taken. Raises ProtocolError for a broken stream.
        """
        inflater = self._inflater
        assert inflater is not None
        if inflater.ended:
            # Not earlier: `compressed` is True until all tokens of the compressed stream were taken.
            self._inflater = None
            self._parser.feed(inflater.trailing)
        else:
            self._parser.feed(inflater.read())

    def inflate_from_here(self) -> None:
        """Everything behind the token that was taken last is compressed."""
        self._inflater = Inflater()
        self._inflater.feed(self._parser.take_rest())

    def discard(self) -> None:
        """Forget all input of which no token was made."""
        self._parser.take_rest()
        self._inflater = None
