"""MCCP2: what follows the peer's IAC SB 86 IAC SE is one zlib stream, which may end again.

A kilobyte can inflate to a megabyte, so output is made only as it is asked for, a bounded piece at a time;
what is not yet inflated stays compressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sockcli.errors import ProtocolError

if TYPE_CHECKING:
    from zlib import _Decompress

# As much as one read of plain bytes, which is what everything above is made for.
STEP: Final = 64 * 1024


class Inflater:
    """`feed` compressed bytes, then `read` while `pending`. Once it `ended`, `trailing` is plain again."""

    __slots__ = ("_broken", "_error", "_inflate", "_input", "_more")

    def __init__(self) -> None:
        import zlib  # only a compressed connection needs it

        self._inflate = zlib.decompressobj()
        self._error = zlib.error
        self._input = b""
        self._more = False  # zlib holds output back that needs no further input
        self._broken: Exception | None = None

    @property
    def pending(self) -> bool:
        return self._more or bool(self._input)

    @property
    def ended(self) -> bool:
        return self._inflate.eof

    @property
    def trailing(self) -> bytes:
        """All that was fed and is not of the stream."""
        return self._inflate.unused_data + self._input

    def feed(self, data: bytes) -> None:
        self._input += data

    def read(self) -> bytes:
        """The next piece of output, perhaps none. Raises ProtocolError, after all that could still be read."""
        if self._broken is not None:
            raise ProtocolError(f"the peer's compressed data (MCCP2) is broken: {self._broken}") from self._broken
        before = self._inflate.copy()
        try:
            output = self._inflate.decompress(self._input, STEP)
        except self._error as exc:
            self._broken = exc
            return self._salvage(before)
        # At the end, zlib may have what follows in both places.
        self._input = b"" if self.ended else self._inflate.unconsumed_tail
        # A full piece may not be all that zlib has ready, even where it took all of the input.
        self._more = len(output) == STEP
        return output

    def _salvage(self, inflate: _Decompress) -> bytes:
        """What comes before the broken byte: zlib drops the output of the call that fails."""
        output = bytearray()
        for at in range(len(self._input)):
            try:
                output += inflate.decompress(self._input[at : at + 1])
            except self._error:
                break
        return bytes(output)
