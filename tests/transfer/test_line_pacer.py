"""Lines with a pause between them, each of them whole, however they were read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.deadline import Deadline
from sockcli.transfer.line_pacer import LONGEST_LINE, LinePacer


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_line_waits_for_nothing_and_each_other_for_its_time() -> None:
    clock = FakeClock()
    pacer = LinePacer(Deadline(2, clock=clock))
    clock.now = 0.5
    pacer.put(b"one\ntwo\nthr")
    assert pacer.due.remaining() == 0
    assert pacer.take() == b"one\n"
    assert pacer.take() == b""
    assert pacer.due.remaining() == 2
    clock.now = 2.4
    assert pacer.take() == b""
    clock.now = 2.5
    assert pacer.take() == b"two\n"
    clock.now = 10
    assert pacer.take() == b"", "not whole"
    assert pacer.due.remaining() is None
    assert (pacer.hungry, pacer.pending) == (True, 3)
    pacer.put(b"ee\n")
    assert not pacer.hungry
    assert pacer.take() == b"three\n"


def test_the_end_completes_the_last_line() -> None:
    clock = FakeClock()
    pacer = LinePacer(Deadline(2, clock=clock))
    pacer.put(b"no newline")
    assert pacer.take() == b""
    pacer.end()
    assert not pacer.hungry
    assert pacer.take() == b"no newline"
    assert pacer.pending == 0


def test_an_endless_line_is_not_kept_forever() -> None:
    clock = FakeClock()
    pacer = LinePacer(Deadline(2, clock=clock))
    while pacer.hungry:
        pacer.put(b"x" * 1000)
    assert pacer.pending < LONGEST_LINE + 1000
    assert pacer.take() == b"x" * LONGEST_LINE


@given(st.lists(st.text("a\n", max_size=6).map(str.encode), max_size=10))
def test_any_split_gives_the_same_lines(chunks: list[bytes]) -> None:
    clock = FakeClock()
    pacer = LinePacer(Deadline(1, clock=clock))
    lines = []
    for chunk in [*chunks, None]:
        if chunk is None:
            pacer.end()
        else:
            pacer.put(chunk)
        clock.now += 1
        while line := pacer.take():
            lines.append(line)
            clock.now += 1
    assert lines == b"".join(chunks).splitlines(keepends=True)
