"""When a run on a connection ends by itself: the deadline, the idle timeout, and the time to finish (linger)."""

from __future__ import annotations

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.outcome import deadline_passed
from sockcli.errors import TimedOut


class TransferLimits:
    """The limits of one connection; times in seconds. Whoever drives it calls `check` at every turn."""

    __slots__ = ("_deadline", "_idle", "_input", "_linger", "_linger_time")

    def __init__(
        self,
        deadline: Deadline = NEVER,
        idle_timeout: float | None = None,
        linger: float | None = None,
        *,
        input_name: str = "input",
    ) -> None:
        """`deadline` is for the whole run; `idle_timeout` since the last byte either way; `linger` since the end of
        input, which messages call `input_name`.
        """
        self._deadline = deadline
        self._idle = Deadline(idle_timeout)
        self._linger_time = linger
        self._linger: Deadline | None = None  # set once the input has ended
        self._input = input_name

    def moved(self, sent: int, received: int, *, draining: bool) -> None:
        """So many bytes went and came since the last call. `draining`: the input has ended."""
        if sent or received:
            self._idle.restart()
        if self._linger is not None:
            if sent:
                self._linger.restart()  # the peer still takes what the input had
        elif draining and self._linger_time is not None:
            self._linger = Deadline(self._linger_time)

    def check(self, *, output_blocked: bool) -> None:
        """Raises TimedOut where a limit has passed.

        `output_blocked`: the peer has to wait for whoever reads our output. That is no fault of the peer's, so the
        time does not count for the idle timeout or for linger.
        """
        if self._deadline.expired:
            raise deadline_passed(self._deadline)
        if _passed(self._idle, output_blocked):
            raise TimedOut(f"nothing was sent or received for {self._idle.seconds:g} s")
        if self._linger is not None and _passed(self._linger, output_blocked):
            raise TimedOut(f"the peer did not finish within {self._linger.seconds:g} s of the end of {self._input}")

    def next(self) -> Deadline:
        """When to `check` again though nothing happened."""
        nearest = self._deadline.earlier(self._idle)
        return nearest if self._linger is None else nearest.earlier(self._linger)


def _passed(limit: Deadline, output_blocked: bool) -> bool:
    if not limit.expired:
        return False
    if output_blocked:
        limit.restart()
    return not output_blocked
