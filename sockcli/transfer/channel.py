"""A connection with a protocol on it: a Transport, the codec if there is one, and what is on its way out.

A Channel waits for nothing and knows no loop. Two drivers use it: the relay of a pipe (poll) and the sessions of a
terminal or a script (asyncio). So both receive, answer, drain, half-close and lose a connection alike.

Receiving
    `receive` takes bytes off the wire and gives them to the codec; `deliver` hands out the codec's next events and then
    queues its replies, because a reply may say that what came before it was handed out (RFC 860). `deliver` does one
    bounded step, so that its caller can look at signals and limits between two of them; `has_buffered_events` says that
    there is more. Without a codec the caller passes on what `receive` gives, or moves the bytes itself (`take`).
    `eof_received`: the wire gives no more. `ended`: and all of it was handed out.

Sending
    `send_data` takes the user's bytes, through the codec; `flush` gives the kernel what it takes. What is queued stays
    in order; bytes to be marked urgent (telnet's Synch) go only once all before them are sent. A reply is sent only as
    long as the peer reads: with too many of them unsent (`answer_backlog_full`) the peer is read no more.

Our end of the stream
    OPEN -> DRAINING (`end_input`) -> FIN_PENDING (all is sent, but a telnet peer may still ask something) -> FINISHED.

The end
    An error does not end the channel at once. A failed send is kept in `send_failure`, because what the peer sent
    before is still to be received; receiving then ends as well. Once `ended`, `is_settled` says whether anything is
    still to be waited for, and raises what was lost. An error that costs nothing of the user's is no error: a peer that
    ended first and then refused nothing but telnet replies.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from sockcli.base.byte_queue import ByteQueue
from sockcli.base.deadline import AT_ONCE, NEVER, Deadline
from sockcli.base.formatting import counted
from sockcli.base.outcome import ACK_GRACE
from sockcli.base.poller import FAILED, URGENT, wait
from sockcli.errors import SockcliError, TimedOut, Unreachable
from sockcli.net.transport import CHUNK, WANT_READ, WANT_WRITE, Events, NotReady, Transport

if TYPE_CHECKING:
    from sockcli.transfer.interfaces import Codec

# After our FIN nothing can be answered, and in a pipe stdin ends before the peer has asked anything. So the FIN waits
# until the peer has asked nothing for this long, in seconds: several round trips of a long way.
QUIET_BEFORE_FIN: Final = 0.3

# Bytes of replies that wait to be sent. A peer that asks on and on but does not read the replies is not read any more.
MAX_ANSWER_BACKLOG: Final = 1024 * 1024

# The kernel tells nobody when the peer has acknowledged everything, so it is asked: after a round trip on this
# machine, and then less and less often, up to what a person does not notice. Seconds.
ACK_FIRST: Final = 0.001
ACK_LATEST: Final = 0.05


@runtime_checkable
class ReportsDelivery(Protocol):
    """A transport that knows how much of what was sent is still on its way, and whether the peer sent FIN."""

    @property
    def received_eof(self) -> bool: ...
    def unacknowledged(self) -> int: ...


@runtime_checkable
class SendsUrgent(Protocol):
    """A transport that can mark a byte as urgent (TCP)."""

    def send_urgent(self, data: memoryview) -> int | NotReady: ...


class SendState(Enum):
    """How far our side of the stream has come to its end."""

    OPEN = auto()  # more input may come
    DRAINING = auto()  # the input has ended, but not all of it is sent
    FIN_PENDING = auto()  # all is sent; the FIN waits until the peer has asked nothing for a while
    FINISHED = auto()  # the FIN is sent, or there is to be none


class Channel:
    """One connection. `sent` and `received` count bytes on the wire."""

    def __init__(
        self,
        transport: Transport,
        codec: Codec | None = None,
        *,
        shutdown: bool = True,
        read_limit: int = CHUNK,
        on_sent: Callable[[memoryview], None] | None = None,
        input_left: Callable[[], int] | None = None,
    ) -> None:
        """`shutdown`: send FIN at the end of input. `read_limit`: bytes of one read, at most, for an active codec.

        `on_sent` is told of the bytes that the kernel took. `input_left` says how many bytes of the user's are not
        sent yet, wherever they are, for the message about a lost connection; None where the user sends nothing at all.
        """
        self.transport = transport
        self.codec = codec
        self.sent = 0
        self.received = 0
        self.eof_received = False
        self.ended = False
        self.receive_failure: SockcliError | None = None
        self.send_failure: SockcliError | None = None
        self.send_state = SendState.OPEN
        self.fin_due = NEVER
        self.next_ack_check = NEVER
        self._shutdown = shutdown
        self._read_limit = read_limit
        self._on_sent = on_sent
        self._input_left = input_left
        self._delivery = transport if isinstance(transport, ReportsDelivery) else None
        self._queue = ByteQueue()
        self._urgent = memoryview(b"")  # behind all that is in the queue
        # Trailing bytes in the queue that are the codec's replies, not the user's input. If the peer resets now, losing
        # them is not data loss.
        self._replies = 0
        self._held_before = False  # the codec held input back when it was asked last
        self._mark_ahead = False  # the codec knows about the urgent byte that is on its way
        self._ack_limit: Deadline | None = None  # for the last acknowledgement, from the peer's end on
        self.queue_replies()

    # Receiving

    @property
    def has_buffered_events(self) -> bool:
        """`deliver` would hand out something, or find the end, with nothing more received."""
        codec = self.codec
        return codec is not None and not self.ended and (codec.pending or self.eof_received)

    @property
    def answer_backlog_full(self) -> bool:
        """The peer does not read our replies. Receive no more, or it would ask for more of them."""
        return self._queue.pending > MAX_ANSWER_BACKLOG

    def receive(self) -> bytes:
        """What is there now, as it was on the wire; the codec, if there is one, has it too. Empty where nothing is.

        An error is kept in `receive_failure`, and is the end of receiving.
        """
        codec = self.codec
        if codec is not None:
            self._notice_urgent_mark(codec)
        try:
            active = codec is not None and codec.active
            data = self.transport.receive(self._read_limit if active else CHUNK)
        except SockcliError as exc:
            self._end_receiving(exc)
            return b""
        if isinstance(data, bytes):
            self.received += len(data)
            if codec is not None:
                # Once the urgent byte is read, the next mark is another one, also where it comes before the next look.
                self._mark_ahead = self._mark_ahead and self._is_marked()
                codec.receive_data(data)
            return data
        if data is NotReady.EOF:
            self._end_receiving(None)
        return b""

    def take(self, read: Callable[[], int | NotReady]) -> int:
        """Have `read` take bytes off the wire where no codec wants them; how many these were. Errors as in `receive`.

        Raises ZeroCopyRefused, as `read` does.
        """
        try:
            taken = read()
        except SockcliError as exc:
            self._end_receiving(exc)
            return 0
        if isinstance(taken, int):
            self.received += taken
            return taken
        if taken is NotReady.EOF:
            self._end_receiving(None)
        return 0

    def deliver(self, hand_out: Callable[[object], None]) -> None:
        """Hand out the codec's next events, then queue its replies: one bounded step."""
        codec = self.codec
        assert codec is not None
        try:
            events = codec.events_received()
        except SockcliError as exc:
            self.receive_failure = self.receive_failure or exc
            self.eof_received = self.ended = True
            return
        for event in events:
            hand_out(event)
        self.queue_replies()
        if self.eof_received and not events and not codec.pending:
            self.ended = True

    def _end_receiving(self, failure: SockcliError | None) -> None:
        self.receive_failure = self.receive_failure or failure
        self.eof_received = True
        if self.codec is None:
            self.ended = True
        else:
            self.codec.receive_eof()

    def _notice_urgent_mark(self, codec: Codec) -> None:
        """Tell the codec, once, that something further on in the stream is urgent (RFC 854, Synch).

        poll() reports it until the urgent byte was read, which may be after the codec is past it.
        """
        ahead = self._is_marked()
        if ahead and not self._mark_ahead:
            codec.receive_urgent()
        self._mark_ahead = ahead

    def _is_marked(self) -> bool:
        """Whether an urgent byte is among those that are there to be read."""
        fd = self.transport.fileno()
        # A connection that both sides have ended is reported too, whatever was asked for.
        return bool(wait([(fd, URGENT)], AT_ONCE).get(fd, 0) & URGENT)

    # Sending

    @property
    def pending(self) -> int:
        """Bytes that wait for the kernel."""
        return self._queue.pending + len(self._urgent)

    @property
    def unsent(self) -> int:
        """Bytes of the user's input that are not with the kernel yet, with replies of the codec's in front of them."""
        held = self.codec.held if self.codec is not None else 0
        return max(0, self._queue.pending - self._replies) + len(self._urgent) + held

    @property
    def holds_input(self) -> bool:
        """The codec may not send now, and has input that waits for that."""
        return self.codec is not None and self.codec.blocked and self.codec.held > 0

    @property
    def room(self) -> bool:
        """Whether more input should be given. The codec is given one piece that it cannot send, so that it knows."""
        return self._queue.room and not self.holds_input

    @property
    def all_sent(self) -> bool:
        """The input has ended, and all of it is with the kernel."""
        return self.send_state in (SendState.FIN_PENDING, SendState.FINISHED)

    def send_data(self, data: bytes) -> None:
        """The user's bytes, for the codec to bring into its form. `flush` sends them."""
        if not data:
            return
        if self.codec is None:
            self.send_raw(data)
        else:
            self.codec.send_data(data)
            self.queue_commands()

    def send_raw(self, data: bytes) -> None:
        """The user's bytes as they are to go on the wire, past the codec."""
        self._queue.put(data)
        if data:
            self._replies = 0

    def queue_commands(self) -> None:
        """Take over what the codec has to say because the user asked for it. `flush` sends it.

        Up to what is urgent: that waits until all before it is sent.
        """
        codec = self.codec
        if codec is None or self._urgent:
            return
        data = codec.data_to_send()
        self._held_before = self.holds_input
        self.send_raw(data)
        if not self._queue.pending:
            self._urgent = memoryview(codec.urgent_to_send())

    def queue_replies(self) -> None:
        """Take over what the codec has to say by itself. `flush` sends it."""
        codec = self.codec
        if codec is None or self._urgent:
            return
        data = codec.data_to_send()
        if self.send_state is SendState.FINISHED and self._shutdown:
            return  # after our FIN nothing can be said any more
        if data and self.send_state is SendState.FIN_PENDING:
            self.fin_due.restart()
        self._queue.put(data)
        # Where the codec held input back before, some of this may be input.
        self._replies = 0 if self._held_before else self._replies + len(data)
        self._held_before = self.holds_input

    def end_input(self) -> None:
        """No more input comes. Once all of it is sent, FIN follows, if there is to be one."""
        if self.send_state is SendState.OPEN:
            self.send_state = SendState.DRAINING
            if self.codec is not None:
                self.codec.send_eof()
                self.queue_commands()

    def flush(self) -> None:
        """Give the kernel what it takes now. An error is kept in `send_failure`. Raises what `on_sent` raises."""
        queue = self._queue
        while self.send_failure is None and (queue.pending or self._urgent):
            urgent = not queue.pending
            front = self._urgent if urgent else queue.front()
            taken = self._send_some(front, urgent)
            if not taken:
                return
            if self._on_sent is not None:
                self._on_sent(front[:taken])
            self.sent += taken
            if not urgent:
                queue.consume(taken)
                if self.codec is not None and not queue.pending:
                    self._urgent = memoryview(self.codec.urgent_to_send())
            else:
                self._urgent = self._urgent[taken:]
                self.queue_commands()  # what was said after it
        if self.send_state is not SendState.OPEN and self.send_failure is None:
            self._advance_end()

    def count_sent(self, size: int) -> None:
        """The kernel moved so many bytes of input by itself."""
        self.sent += size

    def _send_some(self, data: memoryview, urgent: bool) -> int:
        transport = self.transport
        try:
            if urgent and isinstance(transport, SendsUrgent):
                taken = transport.send_urgent(data)
            else:
                taken = transport.send(data)
        except SockcliError as exc:
            self.send_failure = exc
            return 0
        return taken if isinstance(taken, int) else 0

    def _advance_end(self) -> None:
        """Towards FINISHED, as far as that goes now."""
        if self.pending or (self.codec is not None and self.codec.held):
            return
        if self.send_state is SendState.DRAINING:
            if self._shutdown and self.codec is not None and self.codec.active:
                self.send_state = SendState.FIN_PENDING
                self.fin_due = Deadline(QUIET_BEFORE_FIN)
            else:
                self._finish()
        elif self.send_state is SendState.FIN_PENDING and self.fin_due.expired:
            self._finish()

    def _finish(self) -> None:
        self.send_state = SendState.FINISHED
        self.fin_due = NEVER
        if self._shutdown:
            try:
                self.transport.send_eof()
            except SockcliError as exc:
                self.send_failure = exc

    # What to wait for

    def read_interest(self) -> Events:
        """What to wait for in order to `receive`; 0 where nothing more comes."""
        return 0 if self.eof_received else self.transport.interest(WANT_READ)

    def write_interest(self) -> Events:
        """What to wait for in order to `flush`; 0 where nothing is to be sent."""
        if self.send_failure is not None or not self.pending:
            return 0
        return self.transport.interest(WANT_WRITE)

    def next_moment(self) -> Deadline:
        """When to `flush` or to ask `is_settled` again though nothing happened."""
        nearest = NEVER if self.pending else self.fin_due
        if self._ack_limit is not None:
            nearest = nearest.earlier(self._ack_limit)
        return nearest.earlier(self.next_ack_check)

    # The end

    @property
    def failure(self) -> SockcliError | None:
        return self.receive_failure or self.send_failure

    def is_settled(self, *, exhausted: bool) -> bool:
        """Once `ended`: whether nothing is left to wait for. `exhausted`: no more input is there to be sent.

        Waits at most ACK_GRACE for the last acknowledgement. Raises the failure, or Unreachable where input is left.
        """
        if self._ack_limit is None:
            self._ack_limit = Deadline(ACK_GRACE)
        failure = self.failure
        if failure is not None and not self._is_harmless(failure):
            raise self.lost(failure)
        if not exhausted:
            return False
        if not (self.is_acknowledged() or self._ack_limit.expired):
            return False
        if self._input_left is not None and self.unsent:
            raise self.lost(Unreachable(f"connection with {self.transport.peer}: the peer ended it"))
        return True

    def is_acknowledged(self) -> bool:
        """Whether the peer has confirmed all that was sent. If not, `next_ack_check` is when to ask again.

        Raises Unreachable where the peer refused it.
        """
        if self._delivery is None or not self._delivery.unacknowledged():
            return True
        fd = self.transport.fileno()
        if wait([(fd, 0)], AT_ONCE).get(fd, 0) & FAILED:
            if self._is_only_replies():
                return True
            raise self.lost(Unreachable(f"connection with {self.transport.peer}: the peer refused what was sent last"))
        if self.next_ack_check.expired or self.next_ack_check is NEVER:
            before = self.next_ack_check.seconds
            self.next_ack_check = Deadline(min(2 * before, ACK_LATEST) if before else ACK_FIRST)
        return False

    def lost(self, failure: SockcliError) -> SockcliError:
        """`failure`, with what became of the user's input."""
        if self._input_left is None or not isinstance(failure, Unreachable | TimedOut):
            return failure
        sentence = failure.message
        if left := self._input_left():
            sentence += f"; {_bytes(left, 'of input')} not sent"
        if self._delivery is not None and (in_flight := self._delivery.unacknowledged()):
            sentence += f"; {_bytes(in_flight, 'sent')} not acknowledged"
        lost = type(failure)(sentence, hint=failure.hint)
        lost.__cause__ = failure
        return lost

    def _is_harmless(self, failure: SockcliError) -> bool:
        """Whether this error can be ignored: the peer sent FIN first, and every byte that it has not acknowledged is a
        telnet reply (none of the user's).
        """
        received_eof = self._delivery is not None and self._delivery.received_eof
        return isinstance(failure, Unreachable) and received_eof and self._is_only_replies()

    def _is_only_replies(self) -> bool:
        """Nothing is missing but replies of the codec's, which the peer's end has made pointless."""
        if not self._replies or self._delivery is None or (self._input_left is not None and self._input_left()):
            return False
        return self._delivery.unacknowledged() <= self._replies


def _bytes(count: int, which: str) -> str:
    return f"{counted(count, 'byte')} {which} {'were' if count != 1 else 'was'}"
