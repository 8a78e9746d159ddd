"""Lines of stdin on the event loop, whatever stdin is; it is left as it was found."""

from __future__ import annotations

import asyncio
from typing import Final

from sockcli.errors import UsageError
from sockcli.net.transport import NotReady
from sockcli.stdio.source import Source

# Bytes. Room for `send` and the largest datagram with every byte written as \xHH (4 × 65,527).
LONGEST: Final = 512 * 1024


class LineReader:
    """One line at a time, without its LF or CR LF."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held = bytearray()
        self._searched = 0
        self.number = 0  # of the line that was given last

    async def next(self) -> str | None:
        """The next line; None at the end. Bytes that are not UTF-8 become surrogates. Raises SockcliError."""
        while (end := self._held.find(b"\n", self._searched)) < 0:
            self._searched = len(self._held)
            if self._searched > LONGEST:
                raise UsageError(
                    f"line {self.number + 1} has more than {LONGEST:,} bytes", hint="`sendfile` has no limit"
                )
            if not await self._read():
                return self._give(len(self._held)) if self._held else None
        return self._give(end)

    def _give(self, end: int) -> str:
        line = self._held[:end].removesuffix(b"\r").decode("utf-8", "surrogateescape")
        del self._held[: end + 1]
        self._searched = 0
        self.number += 1
        return line

    async def _read(self) -> bool:
        """Wait for more input and keep it; False at its end."""
        await self._readable()
        data = self._source.read()
        if isinstance(data, bytes):
            self._held += data
        return data is not NotReady.EOF

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        try:
            loop.add_reader(self._source.fileno(), ready.set)
        except PermissionError:
            return  # epoll refuses a regular file and /dev/null; reading those never waits
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._source.fileno())
