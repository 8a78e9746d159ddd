"""Time limits on the monotonic clock, so that neither a clock jump nor a changed time zone moves them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], float]


class Deadline:
    """A moment after which nobody waits any longer; `None` seconds means never.

    Every wait in the program takes one, and nested limits are combined by `earlier`.
    """

    __slots__ = ("_at", "_clock", "seconds")

    def __init__(self, seconds: float | None = None, *, clock: Clock = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._at = None if seconds is None else clock() + seconds

    @property
    def expired(self) -> bool:
        return self._at is not None and self._clock() >= self._at

    def remaining(self) -> float | None:
        """Seconds left, never negative; None where there is no limit."""
        return None if self._at is None else max(0.0, self._at - self._clock())

    def poll_timeout(self) -> int | None:
        """What `select.poll().poll()` takes: milliseconds, rounded up so that it never wakes too early."""
        left = self.remaining()
        # poll() takes a C int; a longer wait is simply asked for again.
        return None if left is None else min(math.ceil(left * 1000), 2_147_483_647)

    def restart(self) -> None:
        """Count the same number of seconds from now, as an idle timeout does at every byte."""
        if self.seconds is not None:
            self._at = self._clock() + self.seconds

    def earlier(self, other: Deadline) -> Deadline:
        """Whichever of the two passes first; a tie goes to this one."""
        if other._at is None:
            return self
        if self._at is None or other._at < self._at:
            return other
        return self


NEVER: Final = Deadline(None)
AT_ONCE: Final = Deadline(0)  # a wait that only looks
