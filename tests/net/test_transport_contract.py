"""What every transport keeps to, whatever is underneath. A new one is added to TRANSPORTS."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from typing import Final, NamedTuple, Protocol

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address
from sockcli.base.poller import wait
from sockcli.net.listen import accept_next, listen
from sockcli.net.sockaddr import from_sockaddr, to_sockaddr
from sockcli.net.transport import WANT_READ, WANT_WRITE, NotReady, Transport
from sockcli.policy import Grant
from tests.net.support import LOOPBACK, address, grant, open_descriptors, put, readable, take, tcp_pair, udp_pair
from tests.waiting import PATIENCE


class Pair(Protocol):
    """A transport and the plain socket at its other end."""

    @property
    def transport(self) -> Transport: ...
    @property
    def peer(self) -> socket.socket: ...


class AcceptedPair(NamedTuple):
    transport: Transport
    peer: socket.socket


@contextmanager
def accepted(host: str) -> Iterator[AcceptedPair]:
    where = address(f"[{host}]:0" if ":" in host else f"{host}:0")
    listener = listen(grant(f"tcp-listen:{where}", "tcp-listen"), [where])
    with closing(listener), socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as peer:
        peer.settimeout(PATIENCE)
        peer.connect(to_sockaddr(listener.local))
        with closing(accept_next(listener, deadline=Deadline(PATIENCE))) as transport:
            yield AcceptedPair(transport, peer)


MAKERS: Final[tuple[tuple[str, Callable[[str], AbstractContextManager[Pair]]], ...]] = (
    ("tcp", tcp_pair),
    ("tcp accepted", accepted),
    ("udp", udp_pair),
)
TRANSPORTS: Final[dict[str, Callable[[], AbstractContextManager[Pair]]]] = {
    f"{kind} {host}": partial(make, host) for kind, make in MAKERS for host in LOOPBACK
}


@pytest.fixture(params=TRANSPORTS.values(), ids=[*TRANSPORTS])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with request.param() as made:
        yield AcceptedPair(made.transport, made.peer)


def test_belongs_to_nobody_else(pair: Pair) -> None:
    assert not os.get_blocking(pair.transport.fileno())
    assert not os.get_inheritable(pair.transport.fileno())


def test_knows_both_ends_and_its_grant(pair: Pair) -> None:
    family = pair.peer.family
    assert pair.transport.peer == from_sockaddr(family, pair.peer.getsockname())
    assert pair.transport.local == from_sockaddr(family, pair.peer.getpeername())
    assert isinstance(pair.transport.peer, Address)
    assert isinstance(pair.transport.grant, Grant)


def test_nothing_there_is_not_the_end(pair: Pair) -> None:
    assert pair.transport.receive() is NotReady.WOULD_BLOCK
    assert not pair.transport.pending()
    assert not readable(pair.transport, 0)


def test_sends(pair: Pair) -> None:
    message = memoryview(b"<hello>")[1:-1]
    assert pair.transport.send(message) == 5
    assert pair.peer.recv(100) == b"hello"


def test_receives(pair: Pair) -> None:
    pair.peer.send(b"hello")
    assert readable(pair.transport)
    assert pair.transport.receive() == b"hello"
    assert pair.transport.receive() is NotReady.WOULD_BLOCK


def test_all_byte_values_both_ways(pair: Pair) -> None:
    data = bytes(range(256)) * 4
    put(pair.transport, data)
    assert pair.peer.recv(4096) == data
    pair.peer.send(data)
    assert take(pair.transport) == data


def test_waits_for_what_it_says(pair: Pair) -> None:
    transport = pair.transport
    assert wait([(transport.fileno(), transport.interest(WANT_WRITE))], Deadline(PATIENCE))
    assert not wait([(transport.fileno(), transport.interest(WANT_READ))], Deadline(0))
    pair.peer.send(b"x")
    assert wait([(transport.fileno(), transport.interest(WANT_READ))], Deadline(PATIENCE))


def test_half_close_twice_and_still_receives(pair: Pair) -> None:
    pair.transport.send_eof()
    pair.transport.send_eof()
    pair.peer.send(b"late")
    assert take(pair.transport) == b"late"


def test_close_twice(pair: Pair) -> None:
    pair.transport.close()
    assert pair.transport.fileno() == -1
    pair.transport.close()


def test_close_and_half_close_after_the_peer_is_gone(pair: Pair) -> None:
    pair.transport.send(memoryview(b"never read"))
    pair.peer.close()
    pair.transport.send_eof()
    pair.transport.send_eof()
    pair.transport.close()


@pytest.mark.parametrize("make", TRANSPORTS.values(), ids=[*TRANSPORTS])
def test_leaves_no_descriptor(make: Callable[[], AbstractContextManager[Pair]]) -> None:
    before = open_descriptors()
    with make():
        assert open_descriptors() - before
    assert not open_descriptors() - before
