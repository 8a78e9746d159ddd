"""What is ready, when a wait is over, and who may end it; the Poller waits for what was asked last, and only that."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.poller import BROKEN, FAILED, NO_INTERRUPT, READABLE, WRITABLE, Poller, wait
from sockcli.errors import Interrupted
from tests.waiting import PATIENCE


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    yield read, write
    for fd in (read, write):
        with contextlib.suppress(OSError):  # the test closed it
            os.close(fd)


# One wait


class Trigger:
    """An Interrupt that gives in the nth time it is asked, and until then lets the descriptor be woken in vain."""

    def __init__(self, fd: int, at: int) -> None:
        self.fd = fd
        self.at = at
        self.asked = 0

    def fileno(self) -> int:
        return self.fd

    def check(self) -> None:
        self.asked += 1
        if self.asked == self.at:
            raise Interrupted(2)
        if self.asked > 1:  # the first time it is asked before the wait
            with contextlib.suppress(BlockingIOError):
                os.read(self.fd, 1)


def test_ready_with_its_events(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    assert wait([(reader, READABLE), (writer, WRITABLE)], NEVER) == {writer: WRITABLE}
    os.write(writer, b"x")
    assert wait([(reader, READABLE)], NEVER) == {reader: READABLE}


def test_deadline(pipe: tuple[int, int]) -> None:
    deadline = Deadline(0.01)
    assert wait([(pipe[0], READABLE)], deadline) == {}
    assert deadline.expired


def test_what_is_ready_is_seen_after_the_deadline_too(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"x")
    assert wait([(pipe[0], READABLE)], Deadline(0)) == {pipe[0]: READABLE}


def test_no_interest_is_a_pause() -> None:
    deadline = Deadline(0.01)
    assert wait((), deadline) == {}
    assert deadline.expired


def test_one_descriptor_named_twice_is_waited_for_both_ways() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        both = [(ours.fileno(), READABLE), (ours.fileno(), WRITABLE)]
        assert wait(both, Deadline(PATIENCE)) == {ours.fileno(): READABLE | WRITABLE}


def test_regular_files_are_ready_at_once() -> None:
    with open(os.devnull, "rb") as null, open(__file__, "rb") as file:
        ready = wait([(null.fileno(), READABLE), (file.fileno(), READABLE)], NEVER)
        assert set(ready) == {null.fileno(), file.fileno()}


def test_interrupt_that_came_before(pipe: tuple[int, int]) -> None:
    """Its descriptor may have been read already."""
    with pytest.raises(Interrupted):
        wait([], NEVER, Trigger(pipe[0], at=1))


def test_interrupt_while_waiting(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"x")
    with pytest.raises(Interrupted):
        wait([], NEVER, Trigger(pipe[0], at=2))


def test_wake_that_is_none_waits_on(pipe: tuple[int, int]) -> None:
    """A signal that is not for us (a window's new size) wakes the descriptor as well."""
    os.write(pipe[1], b"x")
    trigger = Trigger(pipe[0], at=99)
    assert wait([], Deadline(0.01), trigger) == {}
    assert trigger.asked >= 2


def test_nothing_interrupts_a_library() -> None:
    assert NO_INTERRUPT.fileno() < 0
    NO_INTERRUPT.check()


# The Poller, which is kept from turn to turn


def now() -> Deadline:
    return Deadline(0)


def test_interest_can_come_change_and_go(pipe: tuple[int, int]) -> None:
    read, write = pipe
    poller = Poller()
    assert poller.wait(now()) == {}
    poller.watch(((read, READABLE), (write, WRITABLE)))
    assert poller.wait(now()) == {write: WRITABLE}
    os.write(write, b"x")
    assert poller.wait(now()) == {read: READABLE, write: WRITABLE}
    poller.watch(((read, READABLE), (write, 0)))
    assert poller.wait(now()) == {read: READABLE}
    poller.watch(((write, WRITABLE),))
    assert poller.wait(now()) == {write: WRITABLE}
    poller.watch(())
    assert poller.wait(now()) == {}


def test_a_descriptor_may_stand_there_twice(pipe: tuple[int, int]) -> None:
    _, write = pipe
    poller = Poller()
    poller.watch(((write, WRITABLE), (write, 0)))
    assert poller.wait(now()) == {write: WRITABLE}


def test_no_events_are_for_the_end_of_the_reader(pipe: tuple[int, int]) -> None:
    read, write = pipe
    poller = Poller()
    poller.watch(((write, 0),))
    assert poller.wait(now()) == {}
    os.close(read)
    assert poller.wait(now())[write] & FAILED & BROKEN


class Button:
    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.pressed = False

    def fileno(self) -> int:
        return self._fd

    def check(self) -> None:
        if self.pressed:
            raise Interrupted(2)


def test_an_interrupt_ends_it_and_is_not_among_the_ready(pipe: tuple[int, int]) -> None:
    read, write = pipe
    button = Button(read)
    poller = Poller(button)
    os.write(write, b"x")
    assert poller.wait(now()) == {}
    button.pressed = True
    with pytest.raises(Interrupted):
        poller.wait(now())
    with pytest.raises(Interrupted):
        wait([], now(), button)
