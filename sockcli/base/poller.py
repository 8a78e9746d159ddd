"""The one place where the program waits: `select.poll`, a deadline, and the descriptor that signals wake.

poll, not epoll or asyncio: it takes regular files and `/dev/null`, which epoll refuses, it costs 1.6 ms to
load, and it leaves the user's descriptors as they are.
"""

from __future__ import annotations

import select
from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeAlias

from sockcli.base.deadline import Deadline

READABLE: Final = select.POLLIN
WRITABLE: Final = select.POLLOUT
# TCP: the peer said that something in the stream is urgent (telnet's Synch).
URGENT: Final = select.POLLPRI
# Reported whether asked for or not.
FAILED: Final = select.POLLERR
BROKEN: Final = FAILED | select.POLLHUP | select.POLLNVAL

# Descriptors, each with the events to wait for; 0 is for BROKEN alone.
Interest: TypeAlias = tuple[tuple[int, int], ...]
# Descriptors with what poll() reported.
Ready: TypeAlias = Mapping[int, int]


class Interrupt(Protocol):
    """What ends a wait from outside: signals in a command, a cancelled task in the REPL."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when the wait should end; -1 for none."""
        ...

    def check(self) -> None:
        """Raise Interrupted if the wait is to end; else read away what made the descriptor readable."""
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
    poller = Poller(interrupt)
    poller.watch(tuple(interest))
    return poller.wait(deadline)


class Poller:
    """`wait` for a loop, which waits for much the same each time: only what changed is registered again."""

    __slots__ = ("_asked", "_interest", "_interrupt", "_poll", "_wake")

    def __init__(self, interrupt: Interrupt = NO_INTERRUPT) -> None:
        self._interrupt = interrupt
        self._poll = select.poll()
        self._wake = interrupt.fileno()
        if self._wake >= 0:
            self._poll.register(self._wake, READABLE)
        self._interest: Interest = ()
        self._asked: dict[int, int] = {}

    def watch(self, interest: Interest) -> None:
        """From now on wait for this, and for nothing else."""
        if interest == self._interest:
            return
        asked: dict[int, int] = {}
        for fd, events in interest:
            # One descriptor may stand there twice, as a socket on both stdin and stdout; register() would replace.
            asked[fd] = asked.get(fd, 0) | events
        for fd in self._asked.keys() - asked.keys():
            self._poll.unregister(fd)
        for fd, events in asked.items():
            if self._asked.get(fd) != events:
                self._poll.register(fd, events)
        self._interest = interest
        self._asked = asked

    def wait(self, deadline: Deadline) -> dict[int, int]:
        """As the function `wait`, for what was given to `watch`."""
        while True:
            # Before the wait as well: what came since the last one may have been taken off the descriptor already.
            self._interrupt.check()
            ready = dict(self._poll.poll(deadline.poll_timeout()))
            if ready.pop(self._wake, None) is not None:
                self._interrupt.check()
            if ready or deadline.expired:
                return ready
