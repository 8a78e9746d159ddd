"""The command that runs, one at a time, and what was entered meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from sockcli.errors import SockcliError

# Lines that wait for a command's end. More than this were not typed by hand.
MOST_QUEUED: Final = 1_000


class Errand:
    """`told` hears of a failure, `done` of every end."""

    def __init__(self, told: Callable[[SockcliError | str], None], done: Callable[[], None]) -> None:
        self._told = told
        self._done = done
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[str] = deque()

    @property
    def runs(self) -> bool:
        return self._task is not None

    @property
    def waiting(self) -> bool:
        """Lines wait for its end."""
        return bool(self._queue)

    def start(self, work: Awaitable[None]) -> None:
        self._task = asyncio.ensure_future(self._run(work))

    def queue(self, line: str) -> None:
        """For after it."""
        if len(self._queue) < MOST_QUEUED:
            self._queue.append(line)

    def next_line(self) -> str | None:
        """What is to be done now, if nothing runs."""
        return self._queue.popleft() if self._queue and not self.runs else None

    def cancel(self) -> None:
        """And nothing after it either."""
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """Cancel it, and wait until it is over."""
        self.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, work: Awaitable[None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            self._told("cancelled")
        except SockcliError as exc:
            self._told(exc)
        except Exception as exc:  # noqa: BLE001 - a fault in one command is not the end of all sessions
            self._told(f"internal error: {type(exc).__name__}: {exc}")
        self._task = None
        self._done()
