"""Datagrams on their way to stdout: exactly what came, in the order in which it came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address
from sockcli.base.outcome import DRAIN_GRACE, deadline_passed
from sockcli.base.poller import NO_INTERRUPT, WRITABLE, Interest, Interrupt
from sockcli.errors import Interrupted, SockcliError
from sockcli.stdio.sink import Sink

if TYPE_CHECKING:
    from sockcli.base.poller import Ready
    from sockcli.stdio.tap import Tap


# What to print for a datagram, where that is not its bytes.
Show = Callable[[bytes, Address], bytes]


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
            self._sink.write(b"".join(datagrams))
        else:
            self._sink.write_raw(b"".join(self._show(data, sender) for data in datagrams))
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
                self._finish(Deadline(DRAIN_GRACE), NO_INTERRUPT)
            raise
        except SockcliError:
            self._finish(Deadline(DRAIN_GRACE) if deadline.expired else deadline, interrupt)
            raise
        if not self._finish(deadline, interrupt):
            raise deadline_passed(deadline)

    def _finish(self, deadline: Deadline, interrupt: Interrupt) -> bool:
        self._sink.finish()
        return self._sink.drain(deadline, interrupt)
