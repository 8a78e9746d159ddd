"""Datagrams on their way to stdout: exactly what came, in the order in which it came; and a port that takes them from
anyone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.clock import NEVER, Deadline
from sockcli.ending import LAST_WORDS, Ending, deadline_passed
from sockcli.endpoint import Address
from sockcli.errors import Interrupted, SockcliError
from sockcli.net.base import Signal
from sockcli.net.udp import UdpReceiver
from sockcli.streams import Sink
from sockcli.wait import NO_INTERRUPT, READABLE, WRITABLE, Interest, Interrupt, Poller

if TYPE_CHECKING:
    from sockcli.flow import Ready, Tap

# Datagrams taken between two looks at everything else.
BATCH: Final = 64

# What to print for a datagram, where that is not its bytes.
Show = Callable[[bytes, Address], bytes]


class ReceiveOptions(NamedTuple):
    """Leave after `most` datagrams, if that is given."""

    most: int | None = None
    deadline: Deadline = NEVER


_DEFAULTS: Final = ReceiveOptions()


class Printer:
    """Prints datagrams, and counts them and their bytes."""

    __slots__ = ("_show", "_sink", "_taps", "bytes", "datagrams")

    def __init__(self, sink: Sink, show: Show | None, taps: Sequence[Tap]) -> None:
        self._sink = sink
        self._show = show
        self._taps = taps
        self.datagrams = 0
        self.bytes = 0

    @property
    def room(self) -> bool:
        """Whether to receive more: what is not received waits in the kernel, which has a limit of its own."""
        return self._sink.room

    def print(self, sender: Address, *datagrams: bytes) -> None:
        self.datagrams += len(datagrams)
        self.bytes += sum(map(len, datagrams))
        if self._show is None:
            self._sink.push(b"".join(datagrams))
        else:
            self._sink.put(b"".join(self._show(data, sender) for data in datagrams))
        # After stdout: a tap may fail, and what was received is to be written all the same.
        for data in datagrams:
            for tap in self._taps:
                tap.received(data)

    def interest(self) -> Interest:
        # Also when there is nothing to write: once stdout's reader is gone, the run is over.
        return ((self._sink.fileno(), WRITABLE if self._sink.pending else 0),)

    def step(self, ready: Ready) -> None:
        if events := ready.get(self._sink.fileno()):
            self._sink.ready(events)

    @contextmanager
    def all_written(self, deadline: Deadline, interrupt: Interrupt) -> Iterator[None]:
        """Whichever way the block ends, what was received before is written before it is left."""
        try:
            yield
        except Interrupted:
            with suppress(SockcliError):  # the signal is what ended it, whatever becomes of the output
                self._finish(Deadline(LAST_WORDS), NO_INTERRUPT)
            raise
        except SockcliError:
            self._finish(Deadline(LAST_WORDS) if deadline.expired else deadline, interrupt)
            raise
        if not self._finish(deadline, interrupt):
            raise deadline_passed(deadline)

    def _finish(self, deadline: Deadline, interrupt: Interrupt) -> bool:
        self._sink.finish()
        return self._sink.drain(deadline, interrupt)


class Receiver:
    """Prints what anyone sends to a port."""

    sent = 0  # bytes, as a sender counts them

    def __init__(
        self,
        receiver: UdpReceiver,
        sink: Sink,
        options: ReceiveOptions = _DEFAULTS,
        *,
        taps: Sequence[Tap] = (),
        show: Show | None = None,
        interrupt: Interrupt = NO_INTERRUPT,
    ) -> None:
        self._receiver = receiver
        if options.most is None:
            receiver.join_batches()  # else some of one might be over that number, and lost to the next who listens
        self._options = options
        self._printer = Printer(sink, show, taps)
        self._interrupt = interrupt
        self._poller = Poller(interrupt)

    @property
    def received(self) -> int:
        """Bytes."""
        return self._printer.bytes

    @property
    def datagrams_received(self) -> int:
        return self._printer.datagrams

    def run(self) -> Ending:
        """Print what comes until `most` datagrams came, which is the peer's end, or until it is ended from outside.

        Raises TimedOut at the deadline, LocalFailure, OutputGone, Interrupted.
        """
        deadline = self._options.deadline
        with self._printer.all_written(deadline, self._interrupt):
            while not self._enough:
                self._turn(deadline)
        return Ending.PEER

    @property
    def _enough(self) -> bool:
        return self._options.most is not None and self._printer.datagrams >= self._options.most

    def _turn(self, deadline: Deadline) -> None:
        interest = self._printer.interest()
        if self._printer.room:
            interest = (*interest, (self._receiver.fileno(), READABLE))
        self._poller.watch(interest)
        ready = self._poller.wait(deadline)
        self._printer.step(ready)
        if self._receiver.fileno() in ready:
            self._receive()
        if deadline.expired and not self._enough:
            raise deadline_passed(deadline)

    def _receive(self) -> None:
        most = self._printer.datagrams + BATCH
        while not self._enough and self._printer.datagrams < most and self._printer.room:
            came = self._receiver.receive_many()
            if isinstance(came, Signal):
                return
            datagrams, sender = came
            self._printer.print(sender, *datagrams)
