"""The sessions: opened, told apart by their numbers, one of them in front.

Public for commands: `sessions`, `current`, `open`, `use`, `close`, `send_to`, `until`, `drained`, `resize`. What is
to be shown is told to `SessionObserver`. The manager reads from a session in front only while there is room for what
it sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import Protocol

from sockcli.base.endpoint import Operation
from sockcli.engine import Engine
from sockcli.errors import SockcliError, Unreachable, UsageError
from sockcli.net.stream import TcpTransport
from sockcli.net.transport import Transport
from sockcli.policy import Grant, Policy, Request
from sockcli.sessions.event_loop import LoopRegistration
from sockcli.sessions.listener import ListenerSession
from sockcli.sessions.opener import BackgroundOpener, MakeEngine
from sockcli.sessions.session import Session
from sockcli.sessions.settings import Settings
from sockcli.sessions.targets import ListenTarget, Target, TcpTarget, UdpTarget
from sockcli.sessions.tcp import StreamSession
from sockcli.sessions.udp import BoundSession, DatagramSession
from sockcli.stdio.recording import AT_A_PROMPT, open_records
from sockcli.stdio.tap import Tap


class SessionObserver(Protocol):
    """Who shows the sessions."""

    @property
    def free(self) -> bool:
        """A peer that connects may come to the front: nothing is being typed, and no command runs."""
        ...

    def output(self, session: Session) -> None:
        """There is something to take from it."""
        ...

    def changed(self, session: Session) -> None:
        """Its mode, its echo or its counters."""
        ...

    def told(self, session: Session | None, text: str) -> None:
        """Something to say of a session, or of all, in our own words."""
        ...

    def unrecorded(self, session: Session, failure: SockcliError) -> None:
        """A file that it is recorded to cannot be written any more; the session goes on without."""
        ...

    def over(self, session: Session) -> None:
        """Nothing more will come or go. It stays in the manager, with what it has still to show, until it is closed."""
        ...


class SessionManager:
    """All of them. To be used on the event loop's thread."""

    def __init__(
        self,
        policy: Policy,
        watcher: SessionObserver,
        settings: Settings | None = None,
        make_engine: MakeEngine | None = None,
    ) -> None:
        """`settings`: what a session gets whose target has none."""
        self.policy = policy
        self.settings = settings or Settings()
        self._watcher = watcher
        self._opener = BackgroundOpener(make_engine or (lambda interrupt: Engine(policy, interrupt=interrupt)))
        self._sessions: dict[int, Session] = {}
        self._awaited: dict[int, asyncio.Event] = {}
        self._registration = LoopRegistration(
            lambda session: self._held and session is self._current, self.session_changed
        )
        self._current: Session | None = None
        self._next_number = 1
        self._size: tuple[int, int] | None = None
        self._held = False

    # What there is

    @property
    def sessions(self) -> Mapping[int, Session]:
        """By number, in the order in which they were opened."""
        return MappingProxyType(self._sessions)

    @property
    def current(self) -> Session | None:
        """The session in front."""
        return self._current

    def get(self, number: int | None = None) -> Session:
        """The session of that number, or the one in front. Raises UsageError."""
        session = self._current if number is None else self._sessions.get(number)
        if session is not None:
            return session
        if number is not None:
            raise UsageError(f"there is no session {number}", hint="`sessions` lists them")
        if self._sessions:
            raise UsageError("no session is in front", hint=self.choice)
        raise UsageError("there is no session", hint="tcp HOST PORT or udp HOST PORT opens one")

    @property
    def choice(self) -> str:
        """What could be put in front; empty where nothing could."""
        match list(self._sessions):
            case []:
                return ""
            case [number]:
                return f"use {number} puts session {number} in front"
            case numbers:
                return f"use N picks one of {len(numbers)}"

    def named(self, session: Session | None, text: str) -> str:
        """`text` with the session that it is about, unless everybody sees which that is."""
        return text if session is None or session is self._current else f"session {session.number}: {text}"

    # What can be done

    async def open(self, target: Target) -> Session:
        """Connect, or listen; the new session is in front, unless it is one that listens for TCP.

        Takes as long as it takes, and can be cancelled. Raises SockcliError.
        """
        grant = self.policy.authorize(target.request)  # before a file is made for what is denied
        with ExitStack() as undo:
            taps = open_records(target.hex_dump, target.log, AT_A_PROMPT)
            for tap in taps:
                undo.callback(tap.close)
            if isinstance(target, ListenTarget):
                session = await self._listen(target, grant)
            else:
                session = self._session(await self._opener.connection(grant, target.dial), target)
            undo.pop_all()
        return self._adopt(session, target, taps, vital=False)

    def adopt(self, transport: Transport, target: TcpTarget | UdpTarget, taps: Sequence[Tap] = ()) -> Session:
        """A connection that was made elsewhere, as a session in front; it ends if `taps` cannot record it."""
        return self._adopt(self._session(transport, target), target, taps, vital=True)

    def use(self, number: int | None) -> None:
        """Put this session in front; None: none of them. Raises UsageError."""
        session = self.get(number) if number is not None else None
        before, self._current = self._current, session
        if before is session:
            return
        if before is not None:
            before.front = False
            before.inbox.trim()
            self._registration.watch(before)
            self._watcher.changed(before)
        if session is not None:
            session.front = True
            self._registration.watch(session)
            self._watcher.changed(session)
            self._watcher.output(session)

    def close(self, number: int | None = None) -> Session:
        """Close the session, the one in front if none is named. Raises UsageError, and LocalFailure for its log."""
        session = self.get(number)
        self._registration.unwatch(session)
        if self._current is session:
            self._current = None
        del self._sessions[session.number]
        self._tell_waiting(session)
        try:
            session.close()
        finally:
            self._watcher.changed(session)
        return session

    def close_all(self) -> None:
        """At the end. Raises nothing: what a log's disk has to say comes too late."""
        for number in list(self._sessions):
            try:
                self.close(number)
            except SockcliError as exc:
                self._watcher.told(None, str(exc))

    async def until(self, session: Session, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, which is asked at each change of the session, or until that is over."""
        while not (condition() or session.over or session.number not in self._sessions):
            await self._awaited.setdefault(session.number, asyncio.Event()).wait()

    async def drained(self, session: Session) -> None:
        """Wait until it has room for more to send, as a long `sendfile` does. Raises its failure once it is over."""
        await self.until(session, lambda: session.room)
        if session.over or session.number not in self._sessions:
            raise session.failure or Unreachable(f"session {session.number} ({session.title}) is over")

    async def send_to(self, session: Session, request: Request, data: bytes) -> None:
        """A datagram from a bound session to somebody. Raises SockcliError."""
        if not isinstance(session, BoundSession):
            raise UsageError(f"session {session.number} ({session.title}) is not a bound UDP port")
        grant = self.policy.authorize(request)
        answers = await self._opener.addresses(grant, session.family)
        # The first that may be used; with none of those, this raises what stands against the first of all.
        best = next((answer for answer in answers if answer.denied is None), answers[0])
        session.send_to(data, best.address, grant)

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now."""
        self._size = columns, rows
        for session in self._sessions.values():
            session.resize(columns, rows)

    def hold(self, held: bool) -> None:
        """Read nothing from the session in front for a while: there is nowhere to show it."""
        self._held = held
        if self._current is not None:
            self._registration.watch(self._current)

    def taken(self, session: Session) -> None:
        """Something was taken from it, so there may be room again."""
        self._registration.watch(session)

    # For sessions

    def session_output(self, session: Session) -> None:
        self._watcher.output(session)

    def session_changed(self, session: Session) -> None:
        if session.number:
            self._registration.watch(session)
            self._watcher.changed(session)
            self._tell_waiting(session)

    def session_notice(self, session: Session, text: str) -> None:
        self._watcher.told(session, text)

    def session_over(self, session: Session) -> None:
        self._registration.unwatch(session)
        self._tell_waiting(session)
        self._watcher.over(session)

    def session_unrecorded(self, session: Session, failure: SockcliError) -> None:
        self._watcher.unrecorded(session, failure)

    def session_accepted(self, session: Session, accepted: object) -> None:
        assert isinstance(session, ListenerSession)
        assert isinstance(accepted, TcpTransport)
        peer = StreamSession(accepted, session.target, session.settings.copy(), self, self._size)
        self._add(peer)
        taken = self._current not in (None, session) or not self._watcher.free
        how = f"; `use {peer.number}` shows it" if taken else ""
        self._watcher.told(None, f"session {peer.number}: {peer.peer} connected with session {session.number}{how}")
        if not taken:
            self.use(peer.number)

    # Within

    def _session(self, transport: Transport, target: TcpTarget | UdpTarget) -> Session:
        settings = self._settings_for(target)
        if isinstance(target, TcpTarget):
            return StreamSession(transport, target, settings, self, self._size)
        return DatagramSession(transport, target, settings, self)

    async def _listen(self, target: ListenTarget, grant: Grant) -> Session:
        settings = self._settings_for(target)
        if target.request.operation is Operation.UDP_BIND:
            return BoundSession(await self._opener.receiver(grant, target.listen), settings, self)
        listener = await self._opener.listener(grant, target.listen)
        return ListenerSession(listener, target.peer or TcpTarget(target.request), settings, self)

    def _settings_for(self, target: Target) -> Settings:
        return self.settings.copy() if target.settings is None else target.settings.over(self.settings)

    def _adopt(self, session: Session, target: Target, taps: Sequence[Tap], *, vital: bool) -> Session:
        session.records.add(taps, target.log, vital=vital)
        self._add(session)
        if not isinstance(session, ListenerSession):
            self.use(session.number)
        return session

    def _add(self, session: Session) -> None:
        session.number = self._next_number
        self._next_number += 1
        self._sessions[session.number] = session
        self._registration.watch(session)

    def _tell_waiting(self, session: Session) -> None:
        event = self._awaited.pop(session.number, None)
        if event is not None:
            event.set()
