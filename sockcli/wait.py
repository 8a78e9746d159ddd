"""The one place where the program waits: `select.poll`, a deadline, and the descriptor that signals wake.

poll, not epoll or asyncio: it takes regular files and `/dev/null`, which epoll refuses, it costs 1.6 ms to
load, and it leaves the user's descriptors as they are.
"""

from __future__ import annotations

import select
from collections.abc import Iterable
from typing import Protocol

from sockcli.clock import Deadline

READABLE = select.POLLIN
WRITABLE = select.POLLOUT
# Reported whether asked for or not.
BROKEN = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Interrupt(Protocol):
    """What ends a wait from outside: signals in a command, a cancelled task in the REPL."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when the wait should end."""
        ...

    def check(self) -> None:
        """Raise `Interrupted` if it should; else take back what made the descriptor readable."""
        ...


class NoInterrupt:
    """For use as a library: the caller's own signal handlers stay in charge."""

    def fileno(self) -> int:
        return -1  # poll() ignores negative descriptors

    def check(self) -> None:
        return None


NO_INTERRUPT = NoInterrupt()


def wait(
    interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt = NO_INTERRUPT
) -> dict[int, int]:
    """Wait until one of `interest` (descriptor, events) is ready or `deadline` passes.

    Returns the ready descriptors with their events, empty when the deadline passed.
    Raises Interrupted when `interrupt` says so.
    """
    poller = select.poll()
    for fd, events in interest:
        poller.register(fd, events)
    wake = interrupt.fileno()
    if wake >= 0:
        poller.register(wake, READABLE)
    while True:
        interrupt.check()
        ready = dict(poller.poll(deadline.poll_timeout()))
        if ready.pop(wake, None) is not None:
            interrupt.check()
        if ready or deadline.expired:
            return ready
