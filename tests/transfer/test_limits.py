"""The limits of a connection, on a clock of the test's own."""

from __future__ import annotations

import pytest

from sockcli.base import deadline
from sockcli.base.deadline import Deadline
from sockcli.errors import TimedOut
from sockcli.transfer import limits as module
from sockcli.transfer.limits import TransferLimits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "Deadline", lambda seconds=None: deadline.Deadline(seconds, clock=clock))
    return clock


def test_nothing_passes_where_there_is_no_limit(clock: Clock) -> None:
    limits = TransferLimits()
    limits.moved(0, 0, draining=True)
    clock.now += 1e9
    limits.check(output_blocked=False)
    assert limits.next().remaining() is None


def test_the_deadline_is_for_the_whole_run(clock: Clock) -> None:
    limits = TransferLimits(Deadline(5, clock=clock))
    clock.now += 4
    limits.moved(1, 1, draining=False)
    clock.now += 1
    with pytest.raises(TimedOut, match="the deadline of 5 s passed"):
        limits.check(output_blocked=True)


@pytest.mark.parametrize("moved", [(1, 0), (0, 1)])
def test_bytes_either_way_restart_the_idle_timeout(clock: Clock, moved: tuple[int, int]) -> None:
    limits = TransferLimits(idle_timeout=5)
    clock.now += 4
    limits.moved(*moved, draining=False)
    clock.now += 4
    limits.check(output_blocked=False)
    assert limits.next().remaining() == 1
    clock.now += 1
    limits.moved(0, 0, draining=False)
    with pytest.raises(TimedOut, match="nothing was sent or received for 5 s"):
        limits.check(output_blocked=False)


def test_lingering_begins_at_the_end_of_input(clock: Clock) -> None:
    limits = TransferLimits(linger=5, input_name="stdin")
    clock.now += 100
    limits.check(output_blocked=False)
    limits.moved(0, 0, draining=True)
    assert limits.next().remaining() == 5
    clock.now += 4
    limits.moved(0, 1, draining=True)  # what comes does not put it off
    clock.now += 1
    with pytest.raises(TimedOut, match="the peer did not finish within 5 s of the end of stdin"):
        limits.check(output_blocked=False)


def test_a_peer_that_still_takes_input_is_not_late(clock: Clock) -> None:
    limits = TransferLimits(linger=5)
    limits.moved(0, 0, draining=True)
    clock.now += 4
    limits.moved(1, 0, draining=True)
    clock.now += 4
    limits.check(output_blocked=False)


@pytest.mark.parametrize(("idle_timeout", "linger"), [(5.0, None), (None, 5.0)])
def test_the_time_that_our_output_takes_does_not_count(
    clock: Clock, idle_timeout: float | None, linger: float | None
) -> None:
    limits = TransferLimits(idle_timeout=idle_timeout, linger=linger)
    limits.moved(0, 0, draining=True)
    clock.now += 6
    limits.check(output_blocked=True)
    clock.now += 4
    limits.check(output_blocked=False)
    clock.now += 1
    with pytest.raises(TimedOut):
        limits.check(output_blocked=False)


def test_the_nearest_limit_comes_next(clock: Clock) -> None:
    limits = TransferLimits(Deadline(9, clock=clock), idle_timeout=7, linger=5)
    assert limits.next().remaining() == 7
    limits.moved(0, 0, draining=True)
    assert limits.next().remaining() == 5
    clock.now += 4
    limits.moved(1, 1, draining=True)
    assert limits.next().remaining() == 5
