"""A session hears the peer's Synch (RFC 854): data up to the mark is dropped, and commands in it are obeyed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sockcli.telnet.constants import AYT, DM, DO, ECHO, IAC, WILL
from tests.console.conftest import receive
from tests.sessions.test_tcp import Ends
from tests.waiting import PATIENCE

MARK = bytes([IAC, DM])
# The sessions read less than this at once, so that they meet the mark only after some reads.
MUCH = b"never mind this " * 2_000


@contextmanager
def session(telnet: str) -> Iterator[Ends]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname(), PATIENCE)
        peer, _ = listener.accept()
    peer.settimeout(PATIENCE)
    with peer:
        ends = Ends(ours, peer, {"telnet": telnet})
        try:
            yield ends
        finally:
            ends.session.close()


@pytest.fixture
def telnet() -> Iterator[Ends]:
    """A session that speaks telnet from the start."""
    with session("on") as ends:
        yield ends


@pytest.fixture
def plain() -> Iterator[Ends]:
    with session("off") as ends:
        yield ends


def urgent(ends: Ends, data: bytes) -> None:
    """Send it with its last byte marked as urgent, which is DM's place in a Synch."""
    ends.peer.sendall(data[:-1])
    ends.peer.send(data[-1:], socket.MSG_OOB)


def test_what_stands_before_the_mark_is_dropped(telnet: Ends) -> None:
    urgent(telnet, MUCH + MARK)
    telnet.peer.sendall(b"done")
    telnet.shown(b"done")


def test_what_was_handed_out_before_the_mark_came_stays(telnet: Ends) -> None:
    telnet.peer.sendall(b"before ")
    telnet.shown(b"before ")
    urgent(telnet, MUCH + MARK)
    telnet.peer.sendall(b"after")
    telnet.shown(b"after")


def test_commands_in_what_is_dropped_are_obeyed(telnet: Ends) -> None:
    urgent(telnet, b"x" * 100 + bytes([IAC, WILL, ECHO]) + MUCH + MARK)
    telnet.peer.sendall(b"done")
    telnet.shown(b"done")
    assert telnet.session.echo_off
    telnet.flush()
    receive(telnet.peer, bytes([IAC, DO, ECHO]))


def test_a_second_synch_is_heard_as_the_first_was(telnet: Ends) -> None:
    for number in (b"one", b"two"):
        urgent(telnet, MUCH + MARK)
        telnet.peer.sendall(number)
        telnet.shown(number)


def test_a_mark_in_the_stream_that_is_not_urgent_drops_nothing(telnet: Ends) -> None:
    telnet.peer.sendall(b"before " + MARK + b"after")
    telnet.shown(b"before after")


def test_another_command_does_not_end_it(telnet: Ends) -> None:
    """Only DM does. What is urgent may be followed by more commands before it."""
    urgent(telnet, MUCH + bytes([IAC, AYT]) + MUCH + MARK)
    telnet.peer.sendall(b"done")
    telnet.shown(b"done")


def test_where_no_telnet_is_spoken_nothing_is_dropped(plain: Ends) -> None:
    """The urgent byte is then one of the stream's, in its place."""
    urgent(plain, b"all of this!")
    plain.shown(b"all of this!")
