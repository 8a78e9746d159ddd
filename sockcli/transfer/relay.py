"""stdin and stdout on a connection: both directions at once, on poll(), until one of the ends that a run can have.

The flows move the bytes. This file decides when it is over, and sees to it that whatever ends a run, what was
received before is written first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, Protocol, runtime_checkable

from sockcli.base.deadline import AT_ONCE, NEVER, Deadline
from sockcli.base.formatting import counted
from sockcli.base.outcome import ACK_GRACE, DRAIN_GRACE, Ending, deadline_passed, ending_of
from sockcli.base.poller import FAILED, NO_INTERRUPT, Interrupt, Poller, wait
from sockcli.errors import SockcliError, TimedOut, Unreachable
from sockcli.net.transport import Transport
from sockcli.net.zero_copy import from_peer, to_peer
from sockcli.stdio.sink import Sink
from sockcli.stdio.source import Source
from sockcli.transfer.receive_flow import ReceiveFlow
from sockcli.transfer.send_flow import SendFlow

if TYPE_CHECKING:
    from sockcli.stdio.tap import Tap
    from sockcli.transfer.interfaces import Codec

# The kernel tells nobody when the peer has acknowledged everything, so it is asked: after a round trip on this
# machine, and then less and less often, up to what a person does not notice.
ACK_FIRST: Final = 0.001
ACK_LATEST: Final = 0.05


class RelayOptions(NamedTuple):
    """How a relay differs from the plain one; times in seconds."""

    crlf: bool = False
    line_delay: float | None = None
    send_only: bool = False
    recv_only: bool = False
    shutdown: bool = True
    linger: float | None = None
    idle_timeout: float | None = None
    deadline: Deadline = NEVER


_DEFAULTS: Final = RelayOptions()


@runtime_checkable
class Acknowledged(Protocol):
    """A transport that knows how much of what was sent is still on its way, and whether anything can still come."""

    @property
    def received_eof(self) -> bool: ...
    def unacknowledged(self) -> int: ...


class Relay:
    """One run, on one connection. `sent` and `received` tell of it, also after an error."""

    def __init__(
        self,
        transport: Transport,
        source: Source,
        sink: Sink,
        options: RelayOptions = _DEFAULTS,
        *,
        taps: Sequence[Tap] = (),
        codec: Codec | None = None,
        on_event: Callable[[object], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        interrupt: Interrupt = NO_INTERRUPT,
        kernel_transfers: bool = True,
    ) -> None:
        """`on_event` is told of the codec's events that are no data, `on_progress` how many bytes more were sent and
        received; without `kernel_transfers` every byte is copied.
        """
        watched = not kernel_transfers or bool(taps) or codec is not None
        changed = watched or options.crlf or options.line_delay is not None
        self._transport = transport
        self._source = source
        self._sink = sink
        self._options = options
        self._interrupt = interrupt
        self._on_progress = on_progress
        self._outbound = SendFlow(
            transport,
            None if options.recv_only else source,
            crlf=options.crlf,
            line_delay=options.line_delay,
            shutdown=options.shutdown,
            taps=taps,
            codec=codec,
            kernel_transfer=None if options.recv_only else to_peer(source.fileno(), transport, inspected=changed),
        )
        self._inbound = ReceiveFlow(
            transport,
            None if options.send_only else sink,
            self._outbound,
            taps=taps,
            codec=codec,
            on_event=on_event,
            kernel_transfer=None
            if options.send_only
            else from_peer(transport, sink.fileno(), inspected=watched or sink.filter is not None),
        )
        self._idle = Deadline(options.idle_timeout)
        self._linger: Deadline | None = None  # from the end of stdin on
        self._wire = transport if isinstance(transport, Acknowledged) else None
        self._next_question: Deadline | None = None  # when to ask for acknowledgements again
        self._patience: Deadline | None = None  # for the last one, from the peer's end on
        self._input_ended_first = False
        self._sent_before = self._received_before = 0

    @property
    def sent(self) -> int:
        return self._outbound.sent

    @property
    def received(self) -> int:
        return self._inbound.received

    def run(self) -> Ending:
        """Relay until it is over: Ending.PEER or Ending.INPUT, or the error that it ended with."""
        try:
            return self._run()
        except SockcliError as exc:
            if ending_of(exc) is not Ending.TIMEOUT:  # which said them before
                with suppress(SockcliError):  # it may have been stdout's own fault
                    self._say_last_words()
            raise

    def _run(self) -> Ending:
        inbound, outbound = self._inbound, self._outbound
        poller = Poller(self._interrupt)
        outbound.step({})  # a codec may have the first word, and the source may have ended long ago
        while (ending := self._check_end()) is None:
            self._check_limits()
            poller.watch(inbound.interest() + outbound.interest())
            ready = poller.wait(AT_ONCE if inbound.has_buffered_events else self._next_limit())
            inbound.step(ready)
            outbound.step(ready)
            self._note_progress()
        return ending

    # Is it over?

    def _check_end(self) -> Ending | None:
        inbound, outbound = self._inbound, self._outbound
        if not inbound.ended:
            # Where sending failed, receiving ends soon as well, and all that comes before that is still wanted.
            self._input_ended_first = outbound.finished
            done = self._options.send_only and outbound.finished and self._is_acknowledged()
            return Ending.INPUT if done else None
        if self._patience is None:
            self._patience = Deadline(ACK_GRACE)
            self._sink.finish()
        failure = inbound.failure or outbound.failure
        if failure is not None and not self._is_pointless(failure):
            self._write_all()
            raise self._lost(failure)
        if not outbound.exhausted() or self._sink.pending:
            return None
        if not (self._is_acknowledged() or self._patience.expired):
            return None
        if outbound.unsent:
            raise self._lost(Unreachable(f"connection with {self._transport.peer}: the peer ended it"))
        return Ending.INPUT if self._input_ended_first else Ending.PEER

    def _is_acknowledged(self) -> bool:
        if self._wire is None or not self._wire.unacknowledged():
            return True
        fd = self._transport.fileno()
        if wait([(fd, 0)], AT_ONCE).get(fd, 0) & FAILED:
            if self._is_all_taken():
                return True
            raise self._lost(
                Unreachable(f"connection with {self._transport.peer}: the peer refused what was sent last")
            )
        if self._next_question is None or self._next_question.expired:
            before = self._next_question.seconds if self._next_question is not None else None
            self._next_question = Deadline(min(2 * before, ACK_LATEST) if before else ACK_FIRST)
        return False

    def _is_pointless(self, failure: SockcliError) -> bool:
        """The peer had said all that it had to say, and what it did not take then was nothing of the user's."""
        received_eof = self._wire is not None and self._wire.received_eof
        return isinstance(failure, Unreachable) and received_eof and self._is_all_taken()

    def _is_all_taken(self) -> bool:
        """Nothing is missing but answers of the codec's, which the peer's end has made pointless."""
        outbound = self._outbound
        if not outbound.answers or self._wire is None or self._input_left():
            return False
        return self._wire.unacknowledged() <= outbound.answers

    def _input_left(self) -> int:
        return 0 if self._options.recv_only else self._outbound.unsent + self._source.remaining()

    def _lost(self, failure: SockcliError) -> SockcliError:
        """`failure` with what became of the input."""
        if self._options.recv_only or not isinstance(failure, Unreachable | TimedOut):
            return failure
        sentence = failure.message
        if left := self._input_left():
            sentence += f"; {_bytes(left, 'of input')} not sent"
        if self._wire is not None and (in_flight := self._wire.unacknowledged()):
            sentence += f"; {_bytes(in_flight, 'sent')} not acknowledged"
        lost = type(failure)(sentence, hint=failure.hint)
        lost.__cause__ = failure
        return lost

    # Limits

    def _check_limits(self) -> None:
        deadline = self._options.deadline
        if deadline.expired:
            self._time_out(deadline_passed(deadline))
        if self._idle.expired and not self._is_waiting_for_stdout(self._idle):
            self._time_out(TimedOut(f"nothing was sent or received for {self._idle.seconds:g} s"))
        linger = self._linger
        if linger is not None and linger.expired and not self._is_waiting_for_stdout(linger):
            self._time_out(TimedOut(f"the peer did not finish within {linger.seconds:g} s of the end of stdin"))

    def _is_waiting_for_stdout(self, limit: Deadline) -> bool:
        """It is us who keep the peer waiting, so the limit's time does not count."""
        if not self._inbound.output_blocked:
            return False
        limit.restart()
        return True

    def _note_progress(self) -> None:
        sent = self._outbound.sent - self._sent_before
        received = self._inbound.received - self._received_before
        if sent or received:
            self._sent_before += sent
            self._received_before += received
            self._idle.restart()
            if self._on_progress is not None:
                self._on_progress(sent, received)
        if self._linger is not None:
            if sent:
                self._linger.restart()  # the peer is still taking what stdin had
        elif self._options.linger is not None and self._outbound.draining:
            self._linger = Deadline(self._options.linger)

    def _next_limit(self) -> Deadline:
        """When to look again though nothing happened."""
        nearest = self._options.deadline.earlier(self._idle).earlier(self._outbound.due)
        if self._linger is not None:
            nearest = nearest.earlier(self._linger)
        if self._next_question is not None:
            nearest = nearest.earlier(self._next_question)
        if self._inbound.ended and not self._outbound.lull.expired:
            nearest = nearest.earlier(self._outbound.lull)
        return nearest

    # Nothing that was received is lost

    def _write_all(self) -> None:
        deadline = self._options.deadline
        if not self._sink.drain(deadline, self._interrupt):
            raise deadline_passed(deadline)

    def _time_out(self, error: TimedOut) -> NoReturn:
        self._say_last_words(self._interrupt)
        raise error

    def _say_last_words(self, interrupt: Interrupt = NO_INTERRUPT) -> None:
        self._sink.finish()
        self._sink.drain(Deadline(DRAIN_GRACE), interrupt)


def _bytes(count: int, which: str) -> str:
    return f"{counted(count, 'byte')} {which} {'were' if count != 1 else 'was'}"
