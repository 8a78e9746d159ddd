"""Has the event loop wait for what the sessions wait for: their descriptors, and the ends of their time limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from sockcli.errors import SockcliError
from sockcli.sessions.session import Session


class LoopRegistration:
    """To be used on the event loop's thread."""

    def __init__(self, held: Callable[[Session], bool], changed: Callable[[Session], None]) -> None:
        """`held`: whether to read nothing from a session for now. `changed` is called after a session did something."""
        self._held = held
        self._changed = changed
        self._awaited: dict[int, tuple[int, bool, bool]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._woken: set[int] = set()

    def watch(self, session: Session) -> None:
        """Have the loop wait for exactly what the session waits for now."""
        if session.over:
            return
        fd = session.fileno()
        reads, writes = session.interest()
        held = self._held(session)
        reads = reads and not held
        loop = asyncio.get_running_loop()
        _, had_reads, had_writes = self._awaited.get(session.number, (fd, False, False))
        if reads != had_reads:
            _ = loop.add_reader(fd, self._ready, session) if reads else loop.remove_reader(fd)
        if writes != had_writes:
            _ = loop.add_writer(fd, self._ready, session) if writes else loop.remove_writer(fd)
        self._awaited[session.number] = fd, reads, writes
        if session.has_buffered_events and not held and session.number not in self._woken:
            self._woken.add(session.number)
            loop.call_soon(self._ready, session)
        self._set_timer(session, loop)

    def unwatch(self, session: Session) -> None:
        fd, reads, writes = self._awaited.pop(session.number, (-1, False, False))
        loop = asyncio.get_running_loop()
        if reads:
            loop.remove_reader(fd)
        if writes:
            loop.remove_writer(fd)
        timer = self._timers.pop(session.number, None)
        if timer is not None:
            timer.cancel()

    def _ready(self, session: Session) -> None:
        self._woken.discard(session.number)
        if session.over:
            return
        try:
            session.ready()
        except SockcliError as exc:
            # A log that cannot be written, or no descriptors left. The peer did nothing wrong, but the session ends.
            session.fail(exc)
            return
        self._changed(session)

    def _set_timer(self, session: Session, loop: asyncio.AbstractEventLoop) -> None:
        left = session.due().remaining()
        timer = self._timers.get(session.number)
        if left is None or (timer is not None and timer.when() <= loop.time() + left):
            return  # a limit that was put off since then: when the timer ends, the rest of it gets another
        if timer is not None:
            timer.cancel()
        self._timers[session.number] = loop.call_later(left, partial(self._time_passed, session))

    def _time_passed(self, session: Session) -> None:
        del self._timers[session.number]
        session.check_limits()
        self.watch(session)
