"""The one place where the program waits: `select.poll`, a deadline, and the descriptor that signals wake.

poll, not epoll or asyncio: it takes regular files and `/dev/null`, which epoll refuses, it costs 1.6 ms to
load, and it leaves the user's descriptors as they are.
"""

from __future__ import annotations

import select
from collections.abc import Iterable
from typing import Final, Protocol

from sockcli.clock import Deadline

READABLE: Final = select.POLLIN
WRITABLE: Final = select.POLLOUT
# TCP: the peer said that something in the stream is urgent (telnet's Synch).
URGENT: Final = select.POLLPRI
# Reported whether asked for or not.
BROKEN: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Interrupt(Protocol):
    """What ends a wait from outside: signals in a command, a cancelled task in the REPL."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when the wait should end; -1 for none."""
        ...

    def check(self) -> None:
        """Raise `Interrupted` if it should; else take back what made the descriptor readable."""
        ...


class NoInterrupt:
    """For use as a library: the caller's own signal handlers stay in charge."""

    def fileno(self) -> int:
        return -1

    def check(self) -> None:
        return None


NO_INTERRUPT: Final = NoInterrupt()


def wait(
    interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt = NO_INTERRUPT
) -> dict[int, int]:
    """Wait until one of `interest` (descriptor, events) is ready or `deadline` passes.

    Returns the ready descriptors with their events, empty when the deadline passed; with no interest at all
    it is an interruptible pause. Raises Interrupted when `interrupt` says so.
    """
    poller = select.poll()
    asked: dict[int, int] = {}
    for fd, events in interest:
        # One descriptor may stand there twice, as on a socket on both stdin and stdout; register() would replace.
        asked[fd] = asked.get(fd, 0) | events
    for fd, events in asked.items():
        poller.register(fd, events)
    wake = interrupt.fileno()
    if wake >= 0:
        poller.register(wake, READABLE)
    while True:
        # Before the wait as well: what came since the last one may have been taken off the descriptor already.
        interrupt.check()
        ready = dict(poller.poll(deadline.poll_timeout()))
        if ready.pop(wake, None) is not None:
            interrupt.check()
        if ready or deadline.expired:
            return ready
