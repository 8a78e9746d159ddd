"""The queue between two ends: nothing lost, nothing reordered, and no more held than its marks say."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.byte_queue import HIGH_WATER, LOW_WATER, ByteQueue


def drain(pump: ByteQueue, step: int) -> bytes:
    result = bytearray()
    while pump.pending:
        front = pump.front()[:step]
        result += front
        pump.consume(len(front))
    return bytes(result)


@given(st.lists(st.binary(max_size=50)), st.integers(1, 70))
def test_what_goes_in_comes_out(pieces: list[bytes], step: int) -> None:
    pump = ByteQueue()
    for piece in pieces:
        pump.put(piece)
    assert pump.pending == sum(map(len, pieces))
    assert drain(pump, step) == b"".join(pieces)
    assert len(pump.front()) == 0


@given(st.lists(st.one_of(st.integers(-3000, 9000), st.integers(1, 20))))
def test_filling_and_draining_in_any_order(steps: list[int]) -> None:
    pump = ByteQueue(high=8192, low=4096)
    put, taken = bytearray(), bytearray()
    for step in steps:
        if step > 0:
            data = bytes([len(put) % 251]) * step
            pump.put(data)
            put += data
        else:
            front = pump.front()[:-step]
            taken += front
            pump.consume(len(front))
        assert pump.pending == len(put) - len(taken)
    taken += drain(pump, 65_536)
    assert taken == put


def test_it_says_stop_at_the_high_mark_and_go_on_at_the_low_one() -> None:
    pump = ByteQueue(high=10, low=4)
    pump.put(b"123456789")
    assert pump.room
    pump.put(b"0")
    assert not pump.room
    pump.consume(5)
    assert not pump.room, "not for every few bytes"
    pump.consume(4)
    assert pump.room
    assert LOW_WATER < HIGH_WATER


def test_small_pieces_are_written_together() -> None:
    pump = ByteQueue()
    for _ in range(100):
        pump.put(b"line\n")
    pump.consume(len(pump.front()))
    assert bytes(pump.front()) == b"line\n" * 99


def test_many_small_pieces_take_little_more_memory_than_their_bytes() -> None:
    tracemalloc.start()
    pump = ByteQueue()
    while pump.room:
        pump.put(b"x")
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used < 2 * HIGH_WATER


def test_a_large_piece_is_not_copied() -> None:
    data = bytes(100_000)
    pump = ByteQueue()
    pump.put(data)
    pump.put(data)
    assert pump.front().obj is data


def test_no_bytes_are_no_piece() -> None:
    pump = ByteQueue()
    pump.put(b"")
    pump.consume(0)
    assert not pump.pending
