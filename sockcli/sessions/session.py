"""One session: a connection or a bound port, what came on it, and what is on its way out.

A session knows no event loop and no screen. Its owner, the manager, waits for its descriptor (`interest`, `ready`) and
is told what happens (`SessionOwner`). What came is kept in `inbox`, for one reader who shows or prints it; whoever
looks for something in it asks for a `transcript` as well. What a kind of session cannot do raises UsageError, so that a
command need not know the kinds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, Protocol

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address
from sockcli.base.escaping import printable
from sockcli.errors import ExitCode, SockcliError, TimedOut, UsageError
from sockcli.policy import Grant, GrantEnd, Request
from sockcli.sessions.inbox import Chunk, Inbox
from sockcli.sessions.records import Records
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import NO_LIMITS, SessionLimits
from sockcli.sessions.transcript import Transcript
from sockcli.transfer.limits import TransferLimits


class SessionOwner(Protocol):
    """Who is told what happened to a session: the manager."""

    def session_output(self, session: Session) -> None:
        """There is something new in its inbox."""
        ...

    def session_changed(self, session: Session) -> None:
        """What it waits for, its mode, its echo or its counters may be different now."""
        ...

    def session_notice(self, session: Session, text: str) -> None:
        """A sentence of ours, for the user, about this session."""
        ...

    def session_over(self, session: Session) -> None:
        """Nothing more will come or go. `failure` says why; None: the peer ended it."""
        ...

    def session_unrecorded(self, session: Session, failure: SockcliError) -> None:
        """A file that it was recorded to cannot be written any more. The session goes on."""
        ...

    def session_accepted(self, session: Session, accepted: object) -> None:
        """A listener has a new peer, a Transport, which belongs to the owner from now on."""
        ...


class Session:
    """What every kind of session has."""

    kind: ClassVar[str] = ""
    doing: ClassVar[str] = ""  # before its address
    can_half_close: ClassVar[bool] = False

    def __init__(
        self,
        grant: Grant,
        settings: SessionSettings,
        owner: SessionOwner,
        limits: SessionLimits = NO_LIMITS,
    ) -> None:
        self.number = 0  # given by the manager
        self.grant = grant
        self.settings = settings
        self.inbox = Inbox()
        self.records = Records(lambda failure: owner.session_unrecorded(self, failure))
        self.is_current = False  # then it is read only while its inbox has room
        self.sent = 0
        self.received = 0
        self.started = time.time()
        self.last_sent: float | None = None
        self.last_received: float | None = None
        self.over = False
        self.failure: SockcliError | None = None
        self.input_ended = False
        self._is_end_told = False
        self._owner = owner
        self._limits = TransferLimits(limits.deadline, limits.idle_timeout, limits.linger)
        self._transcript: Transcript | None = None

    # Who it is

    @property
    def request(self) -> Request:
        return self.grant.request

    @property
    def title(self) -> str:
        """What to call it: the endpoint as it was asked for."""
        return f"{self.kind} {self.request.endpoint}"

    @property
    def name(self) -> str:
        """Its number and its title."""
        return f"session {self.number}: {self.title}"

    @property
    def announcement(self) -> str:
        """What there is to say once it is open."""
        return f"{self.name}, {self.doing} {self.addresses()[0][1]}"

    @property
    def peer(self) -> Address | None:
        """The other end; None where there is none or many."""
        return None

    # What its kind decides

    @property
    def character_mode(self) -> bool:
        """Whether keys go to the peer one at a time."""
        return False

    @property
    def half_typed(self) -> bool:
        """In character mode: the last key that went to it ended no line."""
        return False

    @property
    def echo_off(self) -> bool:
        """Whether what is typed is not to be shown: the peer echoes, or it is a password."""
        return False

    @property
    def speaks_telnet(self) -> bool:
        return False

    @property
    def room(self) -> bool:
        """Whether more should be sent now."""
        return True

    @property
    def unsent(self) -> int:
        """Bytes of ours that are not with the kernel yet."""
        return 0

    def send_line(self, text: str, /) -> None:
        """A line that was typed, with the end of line that is in force. Raises SockcliError."""
        self.send_lines([text])

    def send_lines(self, _lines: Sequence[str], /) -> None:
        """Lines that were entered as one. Raises SockcliError; then usually none of them was sent."""
        raise self._cannot("nothing can be sent")

    def send_bytes(self, _data: bytes, /) -> None:
        """Bytes, on telnet in its form: IAC doubled, ends of lines as the mode has them. Raises SockcliError."""
        raise self._cannot("nothing can be sent")

    def send_keys(self, _data: bytes, /) -> None:
        """Keys of the terminal, in character mode. Raises SockcliError."""
        raise self._cannot("it is not in character mode")

    def send_eof(self) -> None:
        """No more input: half-close, where there is such a thing. Raises SockcliError."""
        raise self._cannot("it has no end to send")

    def interrupt(self) -> None:
        """Telnet's Interrupt Process, with Synch. Raises UsageError."""
        raise self._cannot("it does not speak telnet")

    def ayt(self) -> None:
        """Telnet's Are You There. Raises UsageError."""
        raise self._cannot("it does not speak telnet")

    def break_(self) -> None:
        """Telnet's Break. Raises UsageError."""
        raise self._cannot("it does not speak telnet")

    def telnet_request(self, _verb: str, _option: str, /) -> None:
        """`do`, `dont`, `will` or `wont` an option, by name or number. Raises UsageError."""
        raise self._cannot("it does not speak telnet")

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now."""

    # For the manager

    def fileno(self) -> int:
        raise NotImplementedError

    def interest(self) -> tuple[bool, bool]:
        """Whether to wait until it can read, and until it can write."""
        raise NotImplementedError

    @property
    def has_buffered_events(self) -> bool:
        """It has something to do that no descriptor will tell of."""
        return False

    def ready(self) -> None:
        """Do what can be done now."""
        raise NotImplementedError

    def close(self) -> None:
        """Give up the connection; again is harmless."""
        raise NotImplementedError

    def tell_end(self) -> None:
        """Tell the policy's observer how it ended; again is harmless. Raises what the observer raises."""
        if not self._is_end_told:
            self._is_end_told = True
            code = self.failure.exit_code if self.failure is not None else ExitCode.OK
            self.grant.ended(GrantEnd(self.peer, self.sent, self.received, code))

    def due(self) -> Deadline:
        """When a limit of its passes."""
        return self._limits.next()

    def check_limits(self) -> None:
        """End it where one has."""
        try:
            self._limits.check(output_blocked=self._output_blocked)
        except TimedOut as exc:
            self._end(exc)

    @property
    def _output_blocked(self) -> bool:
        """Nothing is read from the peer until somebody takes what it sent. Only the current session waits so."""
        return self.is_current and self.inbox.full

    # What came

    @property
    def shows_character(self) -> bool:
        """Whether the next of the inbox came in character mode; where that is empty, whether the mode is on now."""
        chunk = self.inbox.first
        return self.character_mode if chunk is None else chunk.character

    @property
    def transcript(self) -> Transcript:
        """All that comes, beside the inbox. It begins with what the inbox has when this is first asked for."""
        if self._transcript is None:
            self._transcript = Transcript()
            for chunk in self.inbox:
                self._transcript.add(chunk.data)
        return self._transcript

    # Settings

    def change(self, name: str, value: str) -> None:
        """Change a setting of this session (see `settings.CHOICES`). Raises UsageError."""
        self.settings.change(name, value)
        self._owner.session_changed(self)

    # What there is to know

    def addresses(self) -> list[tuple[str, str]]:
        """Names and values; the first is the one that it is known by."""
        raise NotImplementedError

    def details(self) -> list[tuple[str, str]]:
        """What else its kind has to tell."""
        return []

    # For the kinds

    def _cannot(self, why: str) -> UsageError:
        return UsageError(f"session {self.number} ({self.title}): {why}")

    def _encode(self, text: str) -> bytes:
        try:
            return text.encode(self.settings.encoding, "surrogateescape")
        except UnicodeEncodeError as exc:
            char = printable(text[exc.start])
            raise UsageError(f"{char} has no form in {self.settings.encoding}; nothing was sent") from exc

    def _came(self, data: bytes) -> None:
        """Count and record bytes as they came off the wire."""
        self.received += len(data)
        self.last_received = time.time()
        self._limits.moved(0, len(data), draining=self.input_ended)
        self.records.received(data)

    def _keep(self, chunk: Chunk) -> None:
        """Data that came, for whoever shows it and whoever looks for something in it."""
        if self._transcript is not None:
            self._transcript.add(chunk.data)
        self.inbox.put(chunk)
        if not self.is_current:
            self.inbox.trim()
        self._owner.session_output(self)

    def _went(self, data: memoryview) -> None:
        """Count and record bytes of ours that the kernel took."""
        self.sent += len(data)
        self.last_sent = time.time()
        self._limits.moved(len(data), 0, draining=self.input_ended)
        self.records.sent(data)

    def fail(self, failure: SockcliError) -> None:
        """It cannot go on."""
        self._end(failure)

    def _end(self, failure: SockcliError | None) -> None:
        if self.over:
            return
        self.over = True
        self.failure = failure
        self._owner.session_over(self)
