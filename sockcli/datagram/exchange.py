"""Messages out, replies in, each of them one datagram.

All that there is to send is sent before anything else counts: that enough replies came, or that the port turned out
to be unreachable, ends the run only when no more input is there at once. What is printed is exactly what came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.base.deadline import AT_ONCE, NEVER, Deadline
from sockcli.base.endpoint import Operation
from sockcli.base.outcome import Ending, deadline_passed
from sockcli.base.poller import NO_INTERRUPT, READABLE, WRITABLE, Interest, Interrupt, Poller
from sockcli.datagram.framing import Framing, framer, too_large
from sockcli.datagram.printer import Printer, Show
from sockcli.datagram.receiver import BATCH
from sockcli.errors import LocalFailure, SockcliError, TimedOut, Unreachable
from sockcli.net import udp
from sockcli.net.transport import NotReady
from sockcli.net.udp import UdpTransport
from sockcli.stdio.sink import Sink
from sockcli.stdio.source import INPUT_IDLE, Source

if TYPE_CHECKING:
    from sockcli.stdio.tap import Tap

# How long `--replies` waits where no time is given.
REPLY_WAIT: Final = 5.0

# What is there when the run is over is still read, but only so much: all that an unprivileged pipe can hold.
_LAST_INPUT: Final = 1024 * 1024
# What is there when nobody waits any longer is still printed, but a peer that floods does not keep us: more than a
# socket buffer holds.
_LAST_REPLIES: Final = 4096
# What `--retries` keeps to send again. Nobody asks a question that long.
_KEPT: Final = 16 * 1024 * 1024
_KEPT_EACH: Final = 64  # an object's own size, so that a million empty datagrams count for something


class SendOptions(NamedTuple):
    """`wait` seconds for replies after the last datagram, or until `replies` of them came.

    `retries` splits the wait evenly: after each part but the last, all datagrams of the run are sent again, since
    which of them a reply belongs to is the protocol's business.
    """

    framing: Framing = Framing()
    wait: float | None = None
    replies: int | None = None
    retries: int = 0
    deadline: Deadline = NEVER


_DEFAULTS: Final = SendOptions()


class DatagramExchange:
    """Sends `messages`, a datagram each, or what `source` has, cut by the framing; prints what the peer replies."""

    def __init__(
        self,
        transport: UdpTransport,
        sink: Sink,
        options: SendOptions = _DEFAULTS,
        *,
        messages: Sequence[bytes] = (),
        source: Source | None = None,
        taps: Sequence[Tap] = (),
        show: Show | None = None,
        interrupt: Interrupt = NO_INTERRUPT,
    ) -> None:
        self._transport = transport
        self._options = options
        self._limit = udp.limit(transport.peer.family)
        self._source = source
        self._reading = source is not None
        self._framer = framer(options.framing, self._limit)
        self._queue = self._framer.ready
        self._messages = messages
        self._taps = taps
        self._printer = Printer(sink, show, taps)
        self._interrupt = interrupt
        self._poller = Poller(interrupt)
        self._blocked = False  # the kernel has no room for more
        self._failure: SockcliError | None = None
        self._last_input = _LAST_INPUT
        self._input_idle = Deadline(INPUT_IDLE)
        self._kept: list[bytes] = []
        self._room_to_keep = _KEPT
        self.sent = 0
        self.datagrams_sent = 0

    @property
    def received(self) -> int:
        """Bytes."""
        return self._printer.bytes

    @property
    def datagrams_received(self) -> int:
        return self._printer.datagrams

    def run(self) -> Ending:
        """Send everything, wait for replies as the options say, and write what came.

        Raises TimedOut where too few replies came, Unreachable, LocalFailure, OutputGone, Interrupted.
        """
        options = self._options
        with self._printer.all_written(options.deadline, self._interrupt):
            self._check_messages()
            self._queue.extend(self._messages)
            self._keep()
            self._send_all()
            self._collect()
            self._judge()
        return Ending.INPUT

    def _check_messages(self) -> None:
        for number, message in enumerate(self._messages, 1):
            if len(message) > self._limit:
                raise too_large(f"message {number}, {len(message):,} bytes,", self._limit)

    @property
    def _enough(self) -> bool:
        return self._options.replies is not None and self._printer.datagrams >= self._options.replies

    @property
    def _seconds(self) -> float:
        """How long to wait for replies."""
        if self._options.wait is not None:
            return self._options.wait
        return REPLY_WAIT if self._options.replies is not None else 0

    @property
    def _over(self) -> bool:
        """Nothing is waited for any more."""
        return self._enough or self._failure is not None

    def _send_all(self) -> None:
        """Send what there is: until the input ends or, once the run is over, until no more of it is there."""
        deadline = self._options.deadline
        while self._queue or self._input_left():
            self._turn(deadline.earlier(self._input_idle) if self._over and not self._queue else deadline)

    def _input_left(self) -> bool:
        if self._reading and self._over:
            assert self._source is not None
            there = self._source.readable() or not self._input_idle.expired
            self._reading = there and self._last_input > 0
        return self._reading

    def _collect(self) -> None:
        """Wait for replies, sending again in between."""
        tries = self._options.retries + 1
        for number in range(tries):
            if number > 0:
                self._queue.extend(self._kept)
                self._send_all()
            limit = Deadline(self._seconds / tries)
            while not self._over and not limit.expired:
                self._turn(limit.earlier(self._options.deadline))
            if self._over:
                break
        self._receive(_LAST_REPLIES)
        try:
            self._transport.check_error()
        except Unreachable as exc:
            self._note(exc)

    def _judge(self) -> None:
        """Raise what went wrong. A datagram that did not arrive is no fault once all replies asked for came."""
        if self._enough and not isinstance(self._failure, LocalFailure):
            return
        if self._failure is not None:
            raise self._failure
        wanted, came = self._options.replies, self._printer.datagrams
        if wanted is None and (self._options.wait is None or came):
            return
        what = f"{came} of {wanted} replies" if wanted is not None and came else "no reply"
        raise TimedOut(f"{Operation.UDP_SEND_TO} {self._transport.peer}: {what} within {self._seconds:g} s")

    def _turn(self, limit: Deadline) -> None:
        """Wait until something can be done, at most until `limit`, and do it. Raises TimedOut at the deadline."""
        transport = self._transport.fileno()
        self._poller.watch(self._interest(transport))
        busy = (self._queue and not self._blocked) or (self._listens and self._transport.pending())
        ready = self._poller.wait(AT_ONCE if busy else limit)
        self._printer.step(ready)
        if transport in ready or self._transport.pending():
            self._receive(BATCH)
        if self._source is not None and self._source.fileno() in ready:
            self._read(self._source)
        self._send()
        if self._options.deadline.expired and (self._queue or not self._enough):
            raise deadline_passed(self._options.deadline)

    def _interest(self, transport: int) -> Interest:
        interest = self._printer.interest()
        # Not polled for nothing: an error would be reported all the same, over and over.
        wanted = (WRITABLE if self._blocked else 0) | (READABLE if self._listens else 0)
        if wanted:
            interest = (*interest, (transport, wanted))
        if self._source is not None and self._reading and not self._queue:
            interest = (*interest, (self._source.fileno(), READABLE))
        return interest

    @property
    def _listens(self) -> bool:
        return self._printer.room and not self._enough

    def _send(self) -> None:
        """Send some of the queue, as far as the kernel has room."""
        queue = self._queue
        self._blocked = False
        most = self.datagrams_sent + BATCH
        while queue and self.datagrams_sent < most:
            count: int | NotReady = 1
            try:
                count = self._transport.send_many(queue)
            except Unreachable as exc:
                # It tells what became of an earlier one; this one was sent.
                self._note(exc)
            if isinstance(count, NotReady):
                self._blocked = True
                return
            for _ in range(count):
                data = queue.popleft()
                self.datagrams_sent += 1
                self.sent += len(data)
                for tap in self._taps:
                    tap.sent(data)

    def _receive(self, most: int) -> None:
        """Print what is there, at most so many datagrams."""
        try:
            for _ in range(most):
                if not self._listens or isinstance(data := self._transport.receive(), NotReady):
                    return
                self._printer.print(self._transport.peer, data)
        except Unreachable as exc:
            self._note(exc)

    def _read(self, source: Source) -> None:
        """Cut some input into datagrams."""
        data = source.read()
        if data is NotReady.WOULD_BLOCK:
            return
        if isinstance(data, NotReady):
            self._reading = False
            self._framer.receive_eof()
        else:
            self._input_idle.restart()
            if self._over:
                self._last_input -= len(data)
            self._framer.receive_data(data)
        self._keep()
        if self._framer.failure is not None:
            self._stop(self._framer.failure)

    def _keep(self) -> None:
        """Keep what is about to be sent for `--retries`."""
        if self._options.retries == 0:
            return
        self._kept.extend(self._queue)
        self._room_to_keep -= sum(map(len, self._queue)) + _KEPT_EACH * len(self._queue)
        if self._room_to_keep < 0:
            self._kept.clear()
            self._stop(LocalFailure(f"--retries keeps what is sent, to send it again: at most {_KEPT >> 20} MiB"))

    def _stop(self, fault: SockcliError) -> None:
        """Read no further. The same input always comes to the same fault, so it goes before what a peer does."""
        self._reading = False
        self._failure = fault

    def _note(self, failure: Unreachable) -> None:
        """Report it once all is sent. The first one counts: the others follow from it."""
        if self._failure is None:
            self._failure = failure
