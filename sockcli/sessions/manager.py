"""The sessions: opened, told apart by their numbers, one of them current.

For commands: `sessions`, `current`, `open`, `use`, `close`, `send_to`, `until`, `drained`, `flush`, `resize`. Who shows
the sessions is the `SessionObserver`. The current session is read from only while its inbox has room, so that its peer
sends no faster than it is shown; every other one is always read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import Final, Protocol

from sockcli.base.endpoint import Operation
from sockcli.engine import Engine, failure_told
from sockcli.errors import SockcliError, Unreachable, UsageError
from sockcli.net.stream import TcpTransport
from sockcli.net.transport import Transport
from sockcli.policy import Grant, Policy, Request
from sockcli.sessions.event_loop import LoopRegistration
from sockcli.sessions.inbox import TOTAL_LIMIT, InboxBudget
from sockcli.sessions.listener import ListenerSession
from sockcli.sessions.opener import BackgroundOpener, MakeEngine
from sockcli.sessions.session import Session
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import ListenTarget, Target, TcpTarget, UdpTarget
from sockcli.sessions.tcp import TcpSession
from sockcli.sessions.udp import BoundSession, DatagramSession
from sockcli.stdio.files import ANY_FILE, FileRules
from sockcli.stdio.recording import AT_A_PROMPT, open_records
from sockcli.stdio.tap import Tap

# Seconds: a peer that takes nothing of what is on its way for so long will not take the rest.
STALLED: Final = 5.0


class SessionObserver(Protocol):
    """Who shows the sessions: the console, or a script."""

    @property
    def free(self) -> bool:
        """A peer that connects may become the current session: nothing is being typed, and no command runs."""
        ...

    def session_output(self, session: Session) -> None:
        """There is something new in its inbox."""
        ...

    def session_changed(self, session: Session) -> None:
        """Its mode, its echo or its counters may be different now, or whether it is the current one."""
        ...

    def session_notice(self, session: Session | None, text: str) -> None:
        """A sentence for the user, about this session or about all of them."""
        ...

    def session_unrecorded(self, session: Session, failure: SockcliError) -> None:
        """A file that it is recorded to cannot be written any more; the session goes on without."""
        ...

    def session_over(self, session: Session) -> None:
        """Nothing more will come or go. It stays in the manager, with what its inbox still has, until it is closed."""
        ...

    def session_closed(self, session: Session) -> None:
        """It is not in the manager any more, and never will be again."""
        ...


class SessionManager:
    """All of them. To be used on the event loop's thread."""

    def __init__(
        self,
        policy: Policy,
        observer: SessionObserver,
        settings: SessionSettings | None = None,
        make_engine: MakeEngine | None = None,
        files: FileRules = ANY_FILE,
    ) -> None:
        """`settings`: what a session gets whose target has none. `make_engine`: for tests."""
        self.policy = policy
        self.settings = settings or SessionSettings()
        self.files = files  # which of them commands and options may name
        self._observer = observer
        self.session_output = observer.session_output  # nothing stands between a session and who shows it
        self._opener = BackgroundOpener(make_engine or (lambda interrupt: Engine(policy, interrupt=interrupt)))
        self._sessions: dict[int, Session] = {}
        self._awaited: dict[int, asyncio.Event] = {}
        self._accepted_by: dict[Session, ListenerSession] = {}
        self._budget = InboxBudget(self._budget_exceeded)
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
        """The session that lines and commands are for, and that is shown; None while there is none."""
        return self._current

    def get(self, number: int | None = None) -> Session:
        """The session of that number, or the current one. Raises UsageError."""
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
        """A sentence about which could be made the current one; empty where there is none."""
        match list(self._sessions):
            case []:
                return ""
            case [number]:
                return f"use {number} puts session {number} in front"
            case numbers:
                return f"use N picks one of {len(numbers)}"

    def named(self, session: Session | None, text: str) -> str:
        """`text`, and before it the session that it is about, unless that is the current one."""
        return text if session is None or session is self._current else f"session {session.number}: {text}"

    # What can be done

    async def open(self, target: Target) -> Session:
        """Connect, or listen. The new session becomes the current one, unless it listens for TCP.

        Takes as long as it takes, and can be cancelled. Raises SockcliError.
        """
        grant = self.policy.authorize(target.request)  # before a file is made for what is denied
        with ExitStack() as undo:
            with failure_told(grant):
                taps = open_records(target.hex_dump, target.log, AT_A_PROMPT, self.files)
            for tap in taps:
                undo.callback(tap.close)
            if isinstance(target, ListenTarget):
                session = await self._listen(target, grant)
            else:
                session = self._session(await self._opener.connection(grant, target.dial), target)
            undo.pop_all()
        return self._adopt(session, target, taps, vital=False)

    def adopt(self, transport: Transport, target: TcpTarget | UdpTarget, taps: Sequence[Tap] = ()) -> Session:
        """A connection that was made elsewhere, as the current session; it ends if `taps` cannot record it."""
        return self._adopt(self._session(transport, target), target, taps, vital=True)

    def use(self, number: int | None) -> None:
        """Make this session the current one; None: none of them. Raises UsageError."""
        session = self.get(number) if number is not None else None
        before, self._current = self._current, session
        if before is session:
            return
        if before is not None:
            before.is_current = False
            before.inbox.trim()
            self._registration.watch(before)
            self._observer.session_changed(before)
        if session is not None:
            session.is_current = True
            self._registration.watch(session)
            self._observer.session_changed(session)
            self.session_output(session)

    def close(self, number: int | None = None) -> Session:
        """Close the session, the current one if none is named. Raises UsageError, and LocalFailure for its log."""
        session = self.get(number)
        self._registration.unwatch(session)
        if self._current is session:
            self._current = None
        del self._sessions[session.number]
        self._budget.remove(session.inbox)
        self._tell_waiting(session)
        try:
            try:
                session.close()
            finally:
                session.tell_end()
        finally:
            self._tell_listener(session, closed=True)
            self._observer.session_closed(session)
        return session

    def close_all(self) -> None:
        """At the end. A log that cannot be written is told; nothing is raised."""
        for number in list(self._sessions):
            try:
                self.close(number)
            except SockcliError as exc:
                self._observer.session_notice(None, str(exc))

    async def until(self, session: Session, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds or the session is over. It is asked each time that something of it changed."""
        while not (condition() or session.over or session.number not in self._sessions):
            await self._awaited.setdefault(session.number, asyncio.Event()).wait()

    async def drained(self, session: Session) -> None:
        """Wait until it has room for more to send. Raises its failure, or Unreachable, once it is over."""
        await self.until(session, lambda: session.room)
        if session.over or session.number not in self._sessions:
            raise session.failure or Unreachable(f"session {session.number} ({session.title}) is over")

    async def flush(self, session: Session) -> None:
        """Wait until all that it was given to send is with the kernel, it is over, or its peer takes nothing more."""
        while session.unsent and not session.over:
            sent = session.sent
            try:
                async with asyncio.timeout(STALLED):
                    await self.until(session, lambda: session.sent > sent or not session.unsent)  # noqa: B023
            except TimeoutError:
                return

    async def send_to(self, session: Session, request: Request, data: bytes) -> None:
        """A datagram from a bound session to somebody. Raises SockcliError."""
        if not isinstance(session, BoundSession):
            raise UsageError(f"session {session.number} ({session.title}) is not a bound UDP port")
        grant = self.policy.authorize(request)
        answers = await self._opener.addresses(grant, session.family)
        # The first address that the rules admit. If there is none, sending to the first of all raises what denies it.
        best = next((answer for answer in answers if answer.denied is None), answers[0])
        session.send_to(data, best.address, grant)

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now."""
        self._size = columns, rows
        for session in self._sessions.values():
            session.resize(columns, rows)

    def hold(self, held: bool) -> None:
        """Whether to read nothing from the current session for now, because there is nowhere to show it."""
        self._held = held
        if self._current is not None:
            self._registration.watch(self._current)

    def inbox_read(self, session: Session) -> None:
        """Something was taken from its inbox, so there may be room again."""
        self._registration.watch(session)
        if session.over:
            self._tell_listener(session)

    # For sessions

    def session_changed(self, session: Session) -> None:
        if session.number:
            self._registration.watch(session)
            self._observer.session_changed(session)
            self._tell_waiting(session)

    def session_notice(self, session: Session, text: str) -> None:
        self._observer.session_notice(session, text)

    def session_over(self, session: Session) -> None:
        self._registration.unwatch(session)
        self._tell_waiting(session)
        try:
            session.tell_end()
        except SockcliError as exc:  # it is over all the same
            self._observer.session_notice(None, str(exc))
        self._observer.session_over(session)
        self._tell_listener(session)

    def session_unrecorded(self, session: Session, failure: SockcliError) -> None:
        self._observer.session_unrecorded(session, failure)

    def session_accepted(self, session: Session, accepted: object) -> None:
        assert isinstance(session, ListenerSession)
        assert isinstance(accepted, TcpTransport)
        peer = TcpSession(accepted, session.target, session.settings.copy(), self, self._size)
        self._add(peer)
        self._accepted_by[peer] = session
        session.peers.add(peer)
        taken = self._current not in (None, session) or not self._observer.free
        how = f"; `use {peer.number}` shows it" if taken else ""
        self._observer.session_notice(
            None, f"session {peer.number}: {peer.peer} connected with session {session.number}{how}"
        )
        if not taken:
            self.use(peer.number)

    # Within

    def _session(self, transport: Transport, target: TcpTarget | UdpTarget) -> Session:
        settings = self._settings_for(target)
        if isinstance(target, TcpTarget):
            return TcpSession(transport, target, settings, self, self._size)
        return DatagramSession(transport, target, settings, self)

    async def _listen(self, target: ListenTarget, grant: Grant) -> Session:
        settings = self._settings_for(target)
        if target.request.operation is Operation.UDP_BIND:
            return BoundSession(await self._opener.receiver(grant, target.listen), settings, self)
        listener = await self._opener.listener(grant, target.listen)
        return ListenerSession(listener, target.peer or TcpTarget(target.request), settings, self, target.max_clients)

    def _settings_for(self, target: Target) -> SessionSettings:
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
        self._budget.add(session.inbox)
        self._registration.watch(session)

    def _tell_listener(self, session: Session, *, closed: bool = False) -> None:
        """This session is closed, is over, or was read. Once nothing is left of it, its listener may accept another."""
        listener = self._accepted_by.get(session)
        if listener is None or (session.inbox and not closed):
            return
        del self._accepted_by[session]
        listener.peers.discard(session)
        if listener.number in self._sessions:
            self._registration.watch(listener)

    def _budget_exceeded(self) -> None:
        self._observer.session_notice(
            None,
            f"all sessions together have more than {TOTAL_LIMIT >> 20} MiB that nobody has looked at; "
            "from now on the oldest of the largest is dropped",
        )

    def _tell_waiting(self, session: Session) -> None:
        event = self._awaited.pop(session.number, None)
        if event is not None:
            event.set()
