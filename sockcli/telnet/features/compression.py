"""MCCP2 (Mud Client Compression Protocol, version 2): what follows the peer's IAC SB 86 IAC SE is a zlib stream.

The stream may end, and then plain telnet follows. A kilobyte of it can inflate to a megabyte, so it is inflated only on
request, at most STEP bytes at a time; the rest waits compressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sockcli.errors import ProtocolError

if TYPE_CHECKING:
    from zlib import _Decompress

# The most that one `read` gives: as much as one read of the socket does on a plain connection.
STEP: Final = 64 * 1024


class Inflater:
    """`feed` compressed bytes, then `read` while `pending`. Once it has `ended`, `trailing` is what follows it."""

    __slots__ = ("_broken", "_error", "_inflate", "_input", "_more")

    def __init__(self) -> None:
        import zlib  # here, because only a compressed connection needs it

        self._inflate = zlib.decompressobj()
        self._error = zlib.error
        self._input = b""
        self._more = False  # zlib has more output ready, without more input
        self._broken: Exception | None = None

    @property
    def pending(self) -> bool:
        return self._more or bool(self._input)

    @property
    def ended(self) -> bool:
        return self._inflate.eof

    @property
    def trailing(self) -> bytes:
        """The bytes that were fed after the end of the stream."""
        return self._inflate.unused_data + self._input

    def feed(self, data: bytes) -> None:
        self._input += data

    def read(self) -> bytes:
        """The next piece of output, perhaps empty.

        Raises ProtocolError where the stream is broken, once all output from before the broken byte was given.
        """
        if self._broken is not None:
            raise ProtocolError(f"the peer's compressed data (MCCP2) is broken: {self._broken}") from self._broken
        before = self._inflate.copy()
        try:
            output = self._inflate.decompress(self._input, STEP)
        except self._error as exc:
            self._broken = exc
            return self._salvage(before)
        # At the end of the stream zlib moves the rest of the input to `unused_data`, and may leave it in
        # `unconsumed_tail` as well.
        self._input = b"" if self.ended else self._inflate.unconsumed_tail
        # Where the output was cut at STEP, zlib may have more of it, even if it took all of the input.
        self._more = len(output) == STEP
        return output

    def _salvage(self, inflate: _Decompress) -> bytes:
        """The output from before the broken byte. zlib itself loses the output of a call that fails."""
        output = bytearray()
        for at in range(len(self._input)):
            try:
                output += inflate.decompress(self._input[at : at + 1])
            except self._error:
                break
        return bytes(output)
