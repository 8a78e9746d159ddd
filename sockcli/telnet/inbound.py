"""The peer's bytes to tokens, through the inflater while the connection is compressed (MCCP2).

Compression starts and ends within the stream, at any byte of a read. So the parser gives back what follows the token
that starts it, and the inflater what follows the compressed stream where it ends.
"""

from __future__ import annotations

from collections.abc import Iterable

from sockcli.telnet.features.compression import Inflater
from sockcli.telnet.parser import TelnetParser


class TokenStream:
    """`feed` bytes, then `take` tokens while `pending`."""

    __slots__ = ("_inflater", "_parser")

    def __init__(self) -> None:
        self._parser = TelnetParser()
        self._inflater: Inflater | None = None

    @property
    def mid_command(self) -> bool:
        """Whether what was taken so far ends within a command or a subnegotiation."""
        return self._parser.mid_command

    @property
    def compressed(self) -> bool:
        """Whether the tokens that are taken now were compressed."""
        return self._inflater is not None

    @property
    def pending(self) -> bool:
        """Whether there is input, compressed or not, that `take` has not looked at."""
        return self._parser.pending or self._compressed_input

    @property
    def _compressed_input(self) -> bool:
        return self._inflater is not None and (self._inflater.pending or self._inflater.ended)

    def feed(self, data: bytes) -> None:
        (self._inflater or self._parser).feed(data)

    def take(self, most: int) -> list[bytes]:
        """The next tokens, `most` of them or fewer; perhaps none although more is `pending`.

        Inflates at most compression.STEP bytes for it. Raises ProtocolError for a broken stream.
        """
        tokens = self._parser.take(most)
        if tokens or self._inflater is None or not self._compressed_input:
            return tokens
        if self._inflater.ended:
            # Not earlier: `compressed` is True until all tokens of the compressed stream were taken.
            trailing, self._inflater = self._inflater.trailing, None
            self._parser.feed(trailing)
        else:
            self._parser.feed(self._inflater.read())
        return self._parser.take(most)

    def inflate_from(self, tokens: Iterable[bytes]) -> None:
        """These tokens, which were taken last, and everything behind them are compressed."""
        self._inflater = Inflater()
        self._inflater.feed(b"".join(tokens) + self._parser.take_rest())

    def discard(self) -> None:
        """Forget all input that was not taken."""
        self._parser.take_rest()
        self._inflater = None
