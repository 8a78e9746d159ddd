"""The command that runs, one at a time: how far it is, and what the user did meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from sockcli.errors import SockcliError

# Lines, and escape keys, that wait for a command's end. More than this were not typed by hand.
MOST_QUEUED: Final = 1_000
# Seconds between two showings of how far it is: as often as an eye can follow.
PROGRESS: Final = 0.1


class RunningCommand:
    """Either none runs, or one does; `queue` keeps what is to be done after it.

    Callbacks: `failed(error)` once if the command fails or is cancelled; `ended()` when it ends for any reason, after
    that; `progressed()` every PROGRESS seconds while it tells how far it is, and when it begins or stops to do so.
    """

    def __init__(
        self,
        failed: Callable[[SockcliError | str], None],
        ended: Callable[[], None],
        progressed: Callable[[], None],
    ) -> None:
        self._failed = failed
        self._ended = ended
        self._progressed = progressed
        self._state: Callable[[], str] | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = ""  # what is said of it once it is cancelled
        self._queue: deque[Callable[[], None]] = deque()

    @property
    def runs(self) -> bool:
        return self._task is not None

    @property
    def doing(self) -> str:
        """How far it is; empty where it does not tell."""
        return self._state() if self._state is not None else ""

    @property
    def has_queue(self) -> bool:
        """Something waits for its end, or is about to be done now that it has ended."""
        return bool(self._queue)

    def start(self, work: Awaitable[None]) -> None:
        self._task = asyncio.ensure_future(self._run(work))

    def progress(self, state: Callable[[], str] | None) -> None:
        """`state` tells how far it is; None: it does not tell any more."""
        self._state = state
        if self._next_look is not None:
            self._next_look.cancel()
        self._look()

    def queue(self, action: Callable[[], None]) -> None:
        """To be done after it."""
        if len(self._queue) < MOST_QUEUED:
            self._queue.append(action)

    def next_action(self) -> Callable[[], None] | None:
        """What is to be done now, if nothing runs."""
        return self._queue.popleft() if self._queue and not self.runs else None

    def cancel(self) -> None:
        """End it, and do nothing of what waits for that."""
        self._ending = "cancelled; what was entered meanwhile is dropped" if self._queue else "cancelled"
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
            self._failed(self._ending)
        except SockcliError as exc:
            self._failed(exc)
        except Exception as exc:  # noqa: BLE001 - a fault in one command is not the end of all sessions
            self._failed(f"internal error: {type(exc).__name__}: {exc}")
        self._task = self._state = None
        self._ended()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(PROGRESS, self._look) if self._state is not None else None
        self._progressed()
