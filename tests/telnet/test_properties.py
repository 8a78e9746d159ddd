"""The codec's promises for any input: hypothesis's own, and a fixed lot of the fuzzer's."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_telnet import OPTIONS, check, check_sending, converse, inputs

telnetish = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.sampled_from([b"\xff", b"\r", b"\0", b"\n", b"text", b"\xff\xf0", b"\xff\xf2", b"\xff\xef"]),
        st.builds(
            lambda verb, option: bytes([255, verb, option]),
            st.integers(250, 254),
            st.sampled_from([0, 1, 3, 6, 24, 31, 39, 42, 44, 86, 99, 201, 255]),
        ),
        st.sampled_from(
            [b"\xff\xfa\x18\x01\xff\xf0", b"\xff\xfa\x27\x01\x03X\xff\xf0", b"\xff\xfa\x2a\x01;UTF-8\xff\xf0"]
        ),
    ),
    max_size=12,
).map(b"".join)


@given(stream=telnetish, setting=st.integers(0, 15), cuts=st.binary(max_size=8))
@example(stream=b"\xff\xfb\x56\xff\xfa\x56\xff\xf0garbage", setting=2, cuts=b"")
@settings(max_examples=400, deadline=None)
def test_any_input_in_any_cut(stream: bytes, setting: int, cuts: bytes) -> None:
    check(bytes([setting]) + cuts.ljust(8, b"\0") + stream)


@given(stream=telnetish, at=st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_a_cut_at_every_place(stream: bytes, at: int) -> None:
    for options, active, urgent in itertools.product(OPTIONS, (True, False), (True, False)):
        whole = converse(options, active, urgent, [stream])
        assert converse(options, active, urgent, [stream[:at], stream[at:]]) == whole


@given(data=st.binary(), cuts=st.binary(max_size=4))
def test_what_is_sent_arrives(data: bytes, cuts: bytes) -> None:
    check_sending(data, cuts)


@pytest.mark.parametrize("seed", range(4))
def test_the_fuzzers_inputs(seed: int) -> None:
    for data in itertools.islice(inputs(random.Random(seed)), 100):
        check(data)
