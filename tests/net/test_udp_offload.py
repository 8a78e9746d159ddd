"""Many datagrams in one call: the same ones, in the same order, with the same boundaries."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.errors import Unreachable
from sockcli.net import udp
from sockcli.net.transport import NotReady
from sockcli.net.udp import UdpTransport
from sockcli.net.udp_offload import SOL_UDP, UDP_GRO, batch, cut_at, split
from tests.net.support import LOOPBACK, UdpPair, address, grant, readable, udp_pair
from tests.waiting import until

SO_NO_CHECK = 11  # asm-generic/socket.h
LIMIT = 65_507


@pytest.fixture(params=LOOPBACK)
def pair(request: pytest.FixtureRequest) -> Iterator[UdpPair]:
    with udp_pair(request.param) as made:
        yield made


def send_all(transport: UdpTransport, datagrams: list[bytes]) -> list[int]:
    """How many went in each call."""
    counts = []
    queue = deque(datagrams)
    while queue:
        count = transport.send_many(queue)
        assert isinstance(count, int)
        counts.append(count)
        for _ in range(count):
            queue.popleft()
    return counts


def received(peer: socket.socket, count: int) -> list[bytes]:
    return [peer.recv(65_536) for _ in range(count)]


# What goes together


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=200))
def test_a_batch_is_what_the_kernel_can_cut_again(datagrams: list[bytes]) -> None:
    taken = batch(datagrams, 100)
    assert taken == datagrams[: len(taken)]
    assert len(taken) <= 64
    length = len(taken[0])
    assert len(taken) == 1 or sum(map(len, taken)) <= 100
    assert len(taken) == 1 or split(b"".join(taken), [(SOL_UDP, UDP_GRO, length.to_bytes(4, "little"))]) == taken


@pytest.mark.parametrize(
    ("datagrams", "count"),
    [
        ([b"aa", b"bb", b"cc"], 3),
        ([b"aa", b"bb", b"c", b"dd"], 3),  # the last may be shorter
        ([b"aa", b"bbb"], 1),
        ([b"aa", b"", b"bb"], 1),  # an empty one would vanish
        ([b"", b""], 1),
        ([b"x"] * 100, 64),
        ([bytes(1_400)] * 100, LIMIT // 1_400),
        ([bytes(LIMIT)] * 2, 1),
    ],
)
def test_how_many_go_together(datagrams: list[bytes], count: int) -> None:
    assert batch(datagrams, LIMIT) == datagrams[:count]


def test_what_did_not_come_together_is_one_datagram() -> None:
    assert split(b"", []) == [b""]
    assert split(b"data", [(socket.IPPROTO_IP, 1, b"")]) == [b"data"]


# Out


def test_every_boundary_is_kept(pair: UdpPair) -> None:
    datagrams = [b"one", b"two", b"3", b"four", b"", b"", b"seven", b"eight", b"nine!", b"x" * 1_400, b"y" * 1_400]
    assert send_all(pair.transport, datagrams) == [3, 1, 1, 1, 3, 2]
    assert received(pair.peer, len(datagrams)) == datagrams


def test_a_kernel_that_refuses_gets_them_one_by_one() -> None:
    with udp_pair() as pair:
        # Without checksums it does no batches.
        pair.transport._sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        datagrams = [b"one", b"two", b"six"]
        assert send_all(pair.transport, datagrams) == [1, 1, 1]
        assert received(pair.peer, 3) == datagrams


def test_a_kernel_that_has_no_room(pair: UdpPair) -> None:
    class Full(socket.socket):
        def sendmsg(self, *_: object) -> NoReturn:
            raise BlockingIOError

    pair.transport._sock = Full(fileno=pair.transport._sock.detach())
    assert pair.transport.send_many([b"one", b"two"]) is NotReady.WOULD_BLOCK
    assert send_all(pair.transport, [b"one"]) == [1]


def test_an_unreachable_port_is_told_and_all_is_sent_all_the_same() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with closing(connected(port)) as transport:
        assert send_all(transport, [b"a"]) == [1]
        until(lambda: readable(transport), "the answer")
        with socket.socket(type=socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", port))
            peer.settimeout(10)
            assert send_all(transport, [b"b", b"c", b"d"]) == [3]
            assert received(peer, 3) == [b"b", b"c", b"d"]
        assert transport.pending()
        with pytest.raises(Unreachable, match="port unreachable"):
            transport.receive()
        assert not transport.pending()


def connected(port: int) -> UdpTransport:
    where = address(f"127.0.0.1:{port}")
    return udp.connect(grant(f"udp-send-to:{where}"), [where])


# In


def test_what_came_together_is_taken_apart(pair: UdpPair) -> None:
    pair.peer.sendmsg([b"one", b"two", b"3"], cut_at(3))
    assert readable(pair.transport)
    assert pair.transport.receive() == b"one"
    assert pair.transport.pending()
    assert [pair.transport.receive() for _ in range(2)] == [b"two", b"3"]
    assert not pair.transport.pending()
    assert pair.transport.receive() is NotReady.WOULD_BLOCK


def test_it_does_come_together(pair: UdpPair) -> None:
    """Else the test above shows nothing."""
    pair.peer.sendmsg([b"one", b"two"], cut_at(3))
    data, ancillary, _, _ = pair.transport._sock.recvmsg(100, 100)
    assert data == b"onetwo"
    assert [(level, kind) for level, kind, _ in ancillary] == [(SOL_UDP, UDP_GRO)]


def test_a_receiver_takes_them_apart_too() -> None:
    leave = grant("udp-bind:127.0.0.1:0", "udp-bind")
    with (
        closing(udp.receiver(leave, [address("127.0.0.1:0")])) as receiver,
        socket.socket(type=socket.SOCK_DGRAM) as first,
        socket.socket(type=socket.SOCK_DGRAM) as second,
    ):
        for sock in (first, second):
            sock.connect(("127.0.0.1", receiver.local.port))
        receiver.join_batches()
        first.sendmsg([b"one", b"two", b"3"], cut_at(3))
        second.send(b"other")
        came = []
        for _ in range(2):
            assert readable(receiver)
            many = receiver.receive_many()
            assert not isinstance(many, NotReady)
            came.append((many[0], many[1].port))
        ports = [sock.getsockname()[1] for sock in (first, second)]
    assert came == [([b"one", b"two", b"3"], ports[0]), ([b"other"], ports[1])]


def test_a_receiver_of_single_ones_gets_single_ones() -> None:
    leave = grant("udp-bind:127.0.0.1:0", "udp-bind")
    with (
        closing(udp.receiver(leave, [address("127.0.0.1:0")])) as receiver,
        socket.socket(type=socket.SOCK_DGRAM) as peer,
    ):
        peer.connect(("127.0.0.1", receiver.local.port))
        peer.sendmsg([b"one", b"two"], cut_at(3))
        came = []
        for _ in range(2):
            assert readable(receiver)
            came.append(receiver.receive_from())
    assert [one[0] for one in came if not isinstance(one, NotReady)] == [b"one", b"two"]
