"""The terminal's output side: bytes of ours and of peers, already safe, in one order. Writing never waits.

A terminal may be slow, or stopped. What it does not take yet is queued here, so that keys are read all the same. While
something is `pending`, whoever shows a peer's stream shows no more of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from sockcli.base.deadline import Deadline
from sockcli.base.outcome import DRAIN_GRACE
from sockcli.errors import SockcliError
from sockcli.stdio.line_discipline import window_size
from sockcli.stdio.sink import Sink

# Columns and rows of a terminal that does not tell its size.
USUAL_SIZE: Final = (80, 24)


class TtyOutput:
    """Takes all that it is given at once."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._sink = Sink(fd, "the terminal")
        self._waiting = False
        self._since = 0.0
        self.on_drained: Callable[[float], None] = lambda _seconds: None
        self.gone = False  # nobody looks at it any more

    @property
    def pending(self) -> bool:
        return self._waiting

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return window_size(self._fd) or USUAL_SIZE

    def write(self, data: bytes) -> None:
        """Write it when the terminal takes it. `on_drained` is told, if it had to wait, how many seconds that took."""
        if not data or self.gone:
            return
        self._try(lambda: self._sink.write_raw(data))
        if self._sink.pending and not self._waiting:
            self._waiting = True
            self._since = time.monotonic()
            asyncio.get_running_loop().add_writer(self._sink.fileno(), self._writable)

    def finish(self) -> None:
        """Write what is left, for a moment; the loop has nothing more to do with it."""
        if self._waiting:
            self._waiting = False
            asyncio.get_running_loop().remove_writer(self._sink.fileno())
        self._try(lambda: self._sink.drain(Deadline(DRAIN_GRACE)))

    def close(self) -> None:
        self._try(self._sink.close)

    def _writable(self) -> None:
        self._try(self._sink.flush)
        if self._sink.pending and not self.gone:
            return
        self._waiting = False
        asyncio.get_running_loop().remove_writer(self._sink.fileno())
        self.on_drained(time.monotonic() - self._since)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except SockcliError:
            # The terminal was closed. SIGHUP will come for that and end us; there is nobody to tell meanwhile.
            self.gone = True
