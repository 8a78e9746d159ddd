"""The wait that is kept from turn to turn waits for what was asked last, and only that."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.poller import BROKEN, FAILED, READABLE, WRITABLE, Poller, wait
from sockcli.errors import Interrupted


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            continue  # the test closed it


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
