"""A run of `sockcli tcp` in a pipe: stdin and stdout on a connection, on poll(), until one of the ends of a run.

Two flows move the bytes, on one Channel, which has the state of the connection. The relay turns the loop, and decides
when it is over:

| what | the run ends with |
| --- | --- |
| the peer has ended, what it sent is written, the input that was there is acknowledged | PEER, INPUT |
| send-only: the input has ended, and the peer has acknowledged all of it | INPUT |
| a limit passed (`TransferLimits`) | TimedOut |
| the connection is lost | the error, with how much of the input was left |
| stdin or stdout failed, or nobody reads stdout any more | LocalFailure, OutputGone |
| a signal | Interrupted |

Whatever it is, what was received before is written first. If it was ended from outside, whoever reads stdout has
DRAIN_GRACE for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.base.deadline import AT_ONCE, NEVER, Deadline
from sockcli.base.outcome import DRAIN_GRACE, Ending, deadline_passed, ending_of
from sockcli.base.poller import NO_INTERRUPT, Interest, Interrupt, Poller
from sockcli.errors import SockcliError, TimedOut
from sockcli.net.transport import Transport
from sockcli.net.zero_copy import from_peer, to_peer
from sockcli.transfer.channel import Channel
from sockcli.transfer.limits import TransferLimits
from sockcli.transfer.receive_flow import ReceiveFlow
from sockcli.transfer.send_flow import SendFlow

if TYPE_CHECKING:
    from sockcli.stdio.tap import Tap
    from sockcli.transfer.interfaces import ByteSink, ByteSource, Codec, Flow


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


class FlowLoop:
    """Drives any number of flows on poll()."""

    def __init__(self, flows: Sequence[Flow], interrupt: Interrupt) -> None:
        self._flows = flows
        self._poller = Poller(interrupt)

    def turn(self, limit: Deadline) -> None:
        """Wait until something can be done, at most until `limit`, and do it. Raises what the flows raise, and
        Interrupted.
        """
        interest: Interest = ()
        waits = True
        for flow in self._flows:
            interest += flow.interest()
            waits = waits and not flow.has_buffered_events
        self._poller.watch(interest)
        ready = self._poller.wait(limit if waits else AT_ONCE)
        for flow in self._flows:
            flow.step(ready)


class Relay:
    """One run, on one connection. `sent` and `received` tell of it, also after an error."""

    def __init__(
        self,
        transport: Transport,
        source: ByteSource,
        sink: ByteSink,
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
        inspected = not kernel_transfers or bool(taps) or codec is not None
        changed = inspected or options.crlf or options.line_delay is not None
        self._source = source
        self._sink = sink
        self._options = options
        self._taps = taps
        self._interrupt = interrupt
        self._on_progress = on_progress
        self._channel = Channel(
            transport,
            codec,
            shutdown=options.shutdown,
            on_sent=self._record_sent if taps else None,
            input_left=None if options.recv_only else self._input_left,
        )
        self._sending = SendFlow(
            self._channel,
            None if options.recv_only else source,
            crlf=options.crlf,
            line_delay=options.line_delay,
            kernel_transfer=None if options.recv_only else to_peer(source.fileno(), transport, inspected=changed),
        )
        self._receiving = ReceiveFlow(
            self._channel,
            None if options.send_only else sink,
            taps=taps,
            on_event=on_event,
            kernel_transfer=None
            if options.send_only
            else from_peer(transport, sink.fileno(), inspected=inspected or sink.changes_bytes),
        )
        self._limits = TransferLimits(options.deadline, options.idle_timeout, options.linger, input_name="stdin")
        self._input_ended_first = False
        self._peer_ended = False
        self._sent_before = self._received_before = 0

    @property
    def sent(self) -> int:
        return self._channel.sent

    @property
    def received(self) -> int:
        return self._channel.received

    def run(self) -> Ending:
        """Relay until it is over: Ending.PEER or Ending.INPUT, or the error that it ended with."""
        try:
            return self._run()
        except SockcliError as exc:
            if ending_of(exc) is not Ending.TIMEOUT:  # which wrote all that there was before
                with suppress(SockcliError):  # it may have been stdout's own fault
                    self._write_rest()
            raise

    def _run(self) -> Ending:
        loop = FlowLoop((self._receiving, self._sending), self._interrupt)
        self._sending.step({})  # a codec may have the first word, and the source may have ended long ago
        while (ending := self._check_end()) is None:
            self._check_limits()
            loop.turn(self._next_moment())
            self._note_progress()
        return ending

    # Is it over?

    def _check_end(self) -> Ending | None:
        channel = self._channel
        if not channel.ended:
            # Where sending failed, receiving ends soon as well, and all that comes before that is still wanted.
            self._input_ended_first = channel.all_sent
            done = self._options.send_only and channel.all_sent and channel.is_acknowledged()
            return Ending.INPUT if done else None
        if not self._peer_ended:
            self._peer_ended = True
            self._sink.finish()
        try:
            settled = channel.is_settled(exhausted=self._sending.exhausted() and not self._sink.pending)
        except SockcliError:
            self._write_all()
            raise
        if not settled:
            return None
        return Ending.INPUT if self._input_ended_first else Ending.PEER

    def _input_left(self) -> int:
        return self._sending.unsent + self._source.remaining()

    # Limits

    def _check_limits(self) -> None:
        try:
            self._limits.check(output_blocked=self._receiving.output_blocked)
        except TimedOut:
            self._write_rest(self._interrupt)
            raise

    def _note_progress(self) -> None:
        channel = self._channel
        sent, received = channel.sent - self._sent_before, channel.received - self._received_before
        self._limits.moved(sent, received, draining=self._sending.draining)
        if sent or received:
            self._sent_before += sent
            self._received_before += received
            if self._on_progress is not None:
                self._on_progress(sent, received)

    def _next_moment(self) -> Deadline:
        """When to look again though nothing happened."""
        nearest = self._limits.next().earlier(self._channel.next_moment()).earlier(self._sending.next_moment())
        if self._channel.ended and not self._sending.input_idle.expired:
            nearest = nearest.earlier(self._sending.input_idle)
        return nearest

    # Nothing that was received is lost

    def _record_sent(self, data: memoryview) -> None:
        copy = bytes(data)
        for tap in self._taps:
            tap.sent(copy)

    def _write_all(self) -> None:
        deadline = self._options.deadline
        if not self._sink.drain(deadline, self._interrupt):
            raise deadline_passed(deadline)

    def _write_rest(self, interrupt: Interrupt = NO_INTERRUPT) -> None:
        self._sink.finish()
        self._sink.drain(Deadline(DRAIN_GRACE), interrupt)
