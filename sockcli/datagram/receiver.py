"""A bound UDP port: what anyone sends to it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.outcome import Ending, deadline_passed
from sockcli.base.poller import NO_INTERRUPT, READABLE, Interrupt, Poller
from sockcli.net.transport import NotReady
from sockcli.net.udp import UdpReceiver
from sockcli.stdio.sink import Sink

if TYPE_CHECKING:
    from sockcli.stdio.tap import Tap
from sockcli.datagram.printer import Printer, Show

# Datagrams taken between two looks at everything else.
BATCH: Final = 64


class ReceiveOptions(NamedTuple):
    """Leave after `most` datagrams, if that is given."""

    most: int | None = None
    deadline: Deadline = NEVER


_DEFAULTS: Final = ReceiveOptions()


class DatagramReceiver:
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
            if isinstance(came, NotReady):
                return
            datagrams, sender = came
            self._printer.print(sender, *datagrams)
