"""The flow from a source to a channel, a step at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sockcli.base.poller import READABLE
from sockcli.net.zero_copy import KernelTransfer, Method, ZeroCopyRefused
from sockcli.stdio.source import BULK_CHUNK, BULK_IDLE, INPUT_IDLE, Source
from sockcli.transfer.channel import Channel
from sockcli.transfer.send_flow import SendFlow
from tests.transfer.relaying import Session, new_session


@pytest.fixture
def session() -> Iterator[Session]:
    with new_session() as session:
        yield session


def step(flow: SendFlow, session: Session, data: bytes) -> None:
    session.type(data)
    flow.step({session.stdin_read: READABLE})


def test_line_ends_are_left_alone_unless_it_is_asked_for(session: Session) -> None:
    channel = Channel(session.transport)
    step(SendFlow(channel, Source(session.stdin_read)), session, b"a\n")
    step(SendFlow(channel, Source(session.stdin_read), crlf=True), session, b"b\n")
    assert session.peer.recv(10) == b"a\nb\r\n"


def test_after_one_large_chunk_the_input_is_a_programs_for_good(session: Session) -> None:
    flow = SendFlow(Channel(session.transport), Source(session.stdin_read))
    step(flow, session, bytes(BULK_CHUNK - 1))
    assert flow.input_idle.seconds == INPUT_IDLE
    step(flow, session, bytes(BULK_CHUNK))
    step(flow, session, b"x")
    assert flow.input_idle.seconds == BULK_IDLE


def test_a_transfer_that_the_kernel_refused_is_not_tried_again(session: Session) -> None:
    tried = []

    def refuse() -> int:
        tried.append(1)
        raise ZeroCopyRefused

    transfer = KernelTransfer(refuse, Method.SPLICE, session.stdin_read)
    flow = SendFlow(Channel(session.transport), Source(session.stdin_read), kernel_transfer=transfer)
    step(flow, session, b"a")
    flow.step({session.stdin_read: READABLE})
    assert session.peer.recv(10) == b"a"
    assert tried == [1]
