"""What ends a wait from outside: a pipe that the poller watches beside everything else, and who writes to it.

Three things need that, all through one class, `SelfPipe`:

- signals of the command line (`SignalInterrupt`),
- a task of the event loop that gives up on an opening, which runs on another thread (`Cancellation`),
- the closing of a library's connection whose handler is called on a thread of its own (`Cancellation` again).

SIGINT, SIGTERM and SIGHUP end a wait, and then the process dies of them. The first one is noted and wakes the poller,
which raises Interrupted, so that what is under way can be finished. That takes a moment; one that comes later kills at
once, whatever hangs. To the shell both look as if nothing had caught them: that is how it knows to stop a script on
Ctrl-C.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, Self

from sockcli.base.deadline import NEVER, Deadline
from sockcli.errors import Interrupted

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# How long, in seconds, another signal says nothing new. A terminal that is closed sends SIGHUP to whoever is in front,
# and so does the shell that it ends; timeout(1) signals its child and then its group: a second one at once would cut
# off what the first one left to do. Longer than that takes (`sockcli.base.outcome`), so that only what hangs is killed.
ONE_REQUEST: Final = 1.0

_DRAIN: Final = 512  # more than one read is rarely needed: there is a byte for each wake


class SelfPipe:
    """A descriptor that becomes readable when somebody says so, from a signal handler or from another thread.

    Neither end ever blocks. `wake` and `close` on different threads at once need a lock of the caller's: a number that
    was closed may be another file's by the time it is written to.
    """

    __slots__ = ("_read", "_write")

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self) -> int:
        """The end to wait for; -1 once it is closed."""
        return self._read

    @property
    def write_fd(self) -> int:
        """The end that `signal.set_wakeup_fd` writes to."""
        return self._write

    def wake(self) -> None:
        """Make it readable; nothing once it is closed."""
        if self._write >= 0:
            with suppress(BlockingIOError):  # a full pipe has woken the reader already
                os.write(self._write, b"!")

    def drain(self) -> None:
        """Take back what made it readable."""
        # Asked at every turn of a relay, where suppress() would take longer than the read.
        try:
            while os.read(self._read, _DRAIN):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Again is harmless."""
        if self._read >= 0:
            os.close(self._read)
            os.close(self._write)
            self._read = self._write = -1


class Cancellation:
    """An Interrupt that another thread triggers, once; the waits that it ends raise Interrupted(SIGINT)."""

    def __init__(self) -> None:
        self._pipe = SelfPipe()
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def fileno(self) -> int:
        return self._pipe.fileno()

    def check(self) -> None:
        if self._cancelled:
            raise Interrupted(signal.SIGINT)

    def cancel(self) -> None:
        """Again, or after `close`, is harmless. See SelfPipe for two threads."""
        if not self._cancelled:
            self._cancelled = True
            self._pipe.wake()

    def close(self) -> None:
        """Nobody waits with it any more. Again is harmless."""
        self._pipe.close()


class SignalInterrupt:
    """An Interrupt that signals trigger, from its making to its close. For the main thread only."""

    def __init__(self, before_death: Callable[[], object] = lambda: None) -> None:
        """`before_death`: what cannot wait even where something hangs."""
        self._before_death = before_death
        self._signum: int | None = None
        self._same_request = NEVER
        self._pipe = SelfPipe()
        # A full pipe has woken the reader already: nothing to warn of.
        self._previous_fd = signal.set_wakeup_fd(self._pipe.write_fd, warn_on_full_buffer=False)
        self._previous = {
            # Whoever started us with a signal ignored (nohup) wants it ignored.
            signum: signal.signal(signum, self._handle)
            for signum in SIGNALS
            if signal.getsignal(signum) is not signal.SIG_IGN
        }

    def fileno(self) -> int:
        return self._pipe.fileno()

    def check(self) -> None:
        """Raise Interrupted once a signal has come, every time that it is asked."""
        # The descriptor wakes for every signal that has a handler, also for those that are not ours.
        self._pipe.drain()
        if self._signum is not None:
            raise Interrupted(self._signum)

    def close(self) -> None:
        """Put everything back as it was; again is harmless."""
        if self._pipe.fileno() < 0:
            return
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(self._previous_fd)
        self._pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _handle(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self._signum is None:
            self._signum = signum
            self._same_request = Deadline(ONE_REQUEST)
        elif self._same_request.expired:
            self._before_death()
            die_of(signum)


def die_of(signum: int) -> None:
    """End the process by this signal. Returns only where that does not kill: it is blocked, or we are process 1."""
    signal.signal(signum, signal.SIG_DFL)
    # raise(), not kill(): with other threads (a lookup that hangs) kill() may return before the signal is taken.
    signal.raise_signal(signum)
