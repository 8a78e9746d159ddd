"""The race of RFC 8305: a table of scenarios with a clock of their own, then real sockets."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from typing import NamedTuple

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.poller import Interrupt, NoInterrupt, wait
from sockcli.errors import Denied, Interrupted, LocalFailure, SockcliError, TimedOut, Unreachable
from sockcli.net.bind import BindAddress
from sockcli.net.os_errors import NoDescriptors
from sockcli.net.stream import TcpTransport
from sockcli.net.system import Net
from sockcli.net.tcp_connect import MAX_ADDRESSES, dial, interleave
from tests.net.support import DEAD, LOOPBACK, FakeNet, Link, address, grant, open_descriptors, reset
from tests.waiting import PATIENCE

REFUSED = Link(0.01, errno.ECONNREFUSED)
GAVE_UP = Link(0.1, errno.ETIMEDOUT)
NO_ROUTE = Link(0, errno.ENETUNREACH)
NAME = "tcp-connect:printer.test:80"

SIX = ("2001:db8::1", "2001:db8::2", "2001:db8::3")
FOUR = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


class Scenario(NamedTuple):
    """Addresses in the resolver's order, and what is to come of them."""

    links: dict[str, Link]
    tried: list[tuple[float, str]]
    at: float
    winner: str | None = None
    error: type[SockcliError] | None = None
    message: str = ""
    limit: float | None = None


SCENARIOS = {
    "the only address": Scenario({FOUR[0]: Link(0.1)}, [(0, FOUR[0])], 0.1, FOUR[0]),
    "connected at once": Scenario({FOUR[0]: Link(0)}, [(0, FOUR[0])], 0, FOUR[0]),
    "a good first address has the field to itself": Scenario(
        {SIX[0]: Link(0.2), FOUR[0]: Link(0.01)}, [(0, SIX[0])], 0.2, SIX[0]
    ),
    "a dead family costs 250 ms": Scenario(
        {SIX[0]: DEAD, FOUR[0]: Link(0.05)}, [(0, SIX[0]), (0.25, FOUR[0])], 0.3, FOUR[0]
    ),
    "a slow first address still wins if it is first": Scenario(
        {SIX[0]: Link(0.3), FOUR[0]: Link(0.2)}, [(0, SIX[0]), (0.25, FOUR[0])], 0.3, SIX[0]
    ),
    "and loses if it is not": Scenario(
        {SIX[0]: Link(0.3), FOUR[0]: Link(0.02)}, [(0, SIX[0]), (0.25, FOUR[0])], 0.27, FOUR[0]
    ),
    "a failure starts the next at once": Scenario(
        {SIX[0]: REFUSED, FOUR[0]: Link(0.02)}, [(0, SIX[0]), (0.01, FOUR[0])], 0.03, FOUR[0]
    ),
    "an immediate failure costs nothing": Scenario(
        {SIX[0]: NO_ROUTE, SIX[1]: NO_ROUTE, FOUR[0]: Link(0.02)},
        [(0, SIX[0]), (0, FOUR[0])],
        0.02,
        FOUR[0],
    ),
    "after a failure the delay counts from the next start": Scenario(
        {SIX[0]: REFUSED, FOUR[0]: DEAD, SIX[1]: Link(0.02)},
        [(0, SIX[0]), (0.01, FOUR[0]), (0.26, SIX[1])],
        0.28,
        SIX[1],
    ),
    "the families take turns": Scenario(
        {SIX[0]: DEAD, SIX[1]: DEAD, SIX[2]: Link(0.1), FOUR[0]: DEAD, FOUR[1]: DEAD},
        [(0, SIX[0]), (0.25, FOUR[0]), (0.5, SIX[1]), (0.75, FOUR[1]), (1.0, SIX[2])],
        1.1,
        SIX[2],
    ),
    "a failure late in the race": Scenario(
        {SIX[0]: Link(0.4, errno.ECONNREFUSED), FOUR[0]: Link(0.3)},
        [(0, SIX[0]), (0.25, FOUR[0])],
        0.55,
        FOUR[0],
    ),
    "all refused": Scenario(
        {SIX[0]: REFUSED, FOUR[0]: REFUSED},
        [(0, SIX[0]), (0.01, FOUR[0])],
        0.02,
        error=Unreachable,
        message="tcp-connect printer.test:80: [2001:db8::1]:80 connection refused; 192.0.2.1:80 connection refused",
    ),
    "no route to any": Scenario(
        {SIX[0]: NO_ROUTE, FOUR[0]: NO_ROUTE},
        [(0, SIX[0]), (0, FOUR[0])],
        0,
        error=Unreachable,
        message="tcp-connect printer.test:80: [2001:db8::1]:80 network is unreachable; "
        "192.0.2.1:80 network is unreachable",
    ),
    "the kernel gave up on all": Scenario(
        {SIX[0]: GAVE_UP, FOUR[0]: GAVE_UP},
        [(0, SIX[0]), (0.1, FOUR[0])],
        0.2,
        error=TimedOut,
        message="tcp-connect printer.test:80: [2001:db8::1]:80 no answer; 192.0.2.1:80 no answer",
    ),
    "one refusal is more than a time-out": Scenario(
        {SIX[0]: GAVE_UP, FOUR[0]: REFUSED},
        [(0, SIX[0]), (0.1, FOUR[0])],
        0.11,
        error=Unreachable,
        message="tcp-connect printer.test:80: [2001:db8::1]:80 no answer; 192.0.2.1:80 connection refused",
    ),
    "the limit passes": Scenario(
        {SIX[0]: REFUSED, FOUR[0]: DEAD, FOUR[1]: DEAD, FOUR[2]: DEAD},
        [(0, SIX[0]), (0.01, FOUR[0]), (0.26, FOUR[1])],
        0.4,
        error=TimedOut,
        message="tcp-connect printer.test:80: not connected within 0.4 s: [2001:db8::1]:80 connection refused; "
        "192.0.2.1:80 no answer; 192.0.2.2:80 no answer; 1 more not tried",
        limit=0.4,
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_race(scenario: Scenario) -> None:
    net = FakeNet(scenario.links)
    addresses = [address(f"[{host}]:80" if ":" in host else f"{host}:80") for host in scenario.links]
    deadline = Deadline(scenario.limit, clock=net.clock)
    if scenario.error is None:
        _, winner = dial(grant(NAME), addresses, net=net, deadline=deadline)
        assert winner.host.text == scenario.winner
        assert list(net.open_sockets()) == [scenario.winner]
    else:
        with pytest.raises(scenario.error) as caught:
            dial(grant(NAME), addresses, net=net, deadline=deadline)
        assert str(caught.value) == scenario.message
        assert type(caught.value) is scenario.error
        assert not list(net.open_sockets())
    assert net.tried == scenario.tried
    assert net.now == pytest.approx(scenario.at)


def test_the_first_address_chooses_the_first_family() -> None:
    given = [address(text) for text in ("1.0.0.1:1", "1.0.0.2:1", "1.0.0.3:1", "[2001::1]:1")]
    assert [str(each) for each in interleave(given)] == ["1.0.0.1:1", "[2001::1]:1", "1.0.0.2:1", "1.0.0.3:1"]
    assert interleave(list(reversed(given)))[0].family == 6
    assert interleave([]) == []


def test_interrupted_race_closes_every_socket() -> None:
    class AtSecondWait(NoInterrupt):
        checks = 0

        def check(self) -> None:
            self.checks += 1
            if self.checks == 2:
                raise Interrupted(2)

    net = FakeNet({SIX[0]: DEAD, FOUR[0]: DEAD})
    with pytest.raises(Interrupted):
        dial(grant(NAME), [address(f"[{SIX[0]}]:80"), address(f"{FOUR[0]}:80")], net=net, interrupt=AtSecondWait())
    assert len(net.made) == 2
    assert not list(net.open_sockets())


def test_address_that_is_not_admitted_is_not_tried() -> None:
    """dial() asks the Grant itself, whatever it is given."""
    net = FakeNet({FOUR[0]: Link(0)})
    addresses = [address("127.0.0.1:80"), address(f"{FOUR[0]}:80")]
    _, winner = dial(grant(NAME), addresses, net=net)
    assert str(winner) == f"{FOUR[0]}:80"
    assert net.tried == [(0, FOUR[0])]
    net = FakeNet()
    with pytest.raises(Denied, match="loopback"):
        dial(grant(NAME), addresses[:1], net=net)
    assert not net.made


def test_number_of_addresses_is_limited() -> None:
    hosts = [f"10.0.{high}.{low}" for high in range(2) for low in range(200)]
    net = FakeNet(dict.fromkeys(hosts, NO_ROUTE))
    with pytest.raises(Unreachable):
        dial(grant(NAME), [address(f"{host}:80") for host in hosts], net=net)
    assert len(net.tried) == MAX_ADDRESSES


def test_no_descriptors_left_is_a_local_failure() -> None:
    net = FakeNet({SIX[0]: REFUSED, FOUR[0]: Link(0.1)}, sockets=1)
    with pytest.raises(NoDescriptors, match="too many open files") as caught:
        dial(grant(NAME), [address(f"[{SIX[0]}]:80"), address(f"{FOUR[0]}:80")], net=net)
    assert caught.value.exit_code == 1
    assert "ulimit" in str(caught.value.hint)


def test_no_descriptors_for_the_second_does_not_end_the_first() -> None:
    net = FakeNet({SIX[0]: Link(0.4), FOUR[0]: Link(0.1)}, sockets=1)
    _, winner = dial(grant(NAME), [address(f"[{SIX[0]}]:80"), address(f"{FOUR[0]}:80")], net=net)
    assert winner.host.text == SIX[0]


def test_each_attempt_and_failure_is_noted() -> None:
    notes: list[str] = []
    net = FakeNet({SIX[0]: REFUSED, FOUR[0]: Link(0.1)})
    dial(grant(NAME), [address(f"[{SIX[0]}]:80"), address(f"{FOUR[0]}:80")], net=net, on_attempt=notes.append)
    assert notes == [f"trying [{SIX[0]}]:80", f"[{SIX[0]}]:80: connection refused", f"trying {FOUR[0]}:80"]


class TestSource:
    """The local end is bound before connecting, that of the attempt's family."""

    def test_each_family_has_its_own(self) -> None:
        net = FakeNet({SIX[0]: REFUSED, FOUR[0]: Link(0.1)})
        leave = grant(NAME)
        ends = {4: BindAddress(address("0.0.0.0:5000"), leave), 6: BindAddress(address("[::]:5000"), leave)}
        dial(leave, [address(f"[{SIX[0]}]:80"), address(f"{FOUR[0]}:80")], sources=ends, net=net)
        assert [sock.bound for sock in net.made] == [("::", 5000, 0, 0), ("0.0.0.0", 5000)]

    def test_one_that_is_taken_is_a_local_failure_and_said_once(self) -> None:
        net = FakeNet({FOUR[0]: Link(0), FOUR[1]: Link(0)})
        net.taken.add(("192.0.2.9", 5000))
        leave = grant(NAME)
        with pytest.raises(LocalFailure) as caught:
            dial(
                leave,
                [address(f"{FOUR[0]}:80"), address(f"{FOUR[1]}:80")],
                sources={4: BindAddress(address("192.0.2.9:5000"), leave)},
                net=net,
            )
        assert str(caught.value) == (
            "tcp-connect printer.test:80: cannot bind to 192.0.2.9:5000: address already in use"
        )
        assert caught.value.hint
        assert caught.value.exit_code == 1
        assert not net.tried
        assert not list(net.open_sockets())

    def test_one_that_is_not_ours(self) -> None:
        leave = grant("tcp-connect:127.0.0.1:9")
        with pytest.raises(LocalFailure, match=r"cannot bind to 192\.0\.2\.99: cannot assign"):
            dial(leave, [address("127.0.0.1:9")], sources={4: BindAddress(address("192.0.2.99:0"), leave)})

    def test_interface_that_is_not_there(self) -> None:
        leave = grant("tcp-connect:[fe80::1%nosuch]:9")
        with pytest.raises(LocalFailure, match="no network interface is called nosuch"):
            dial(leave, [address("[fe80::1%nosuch]:9")])


@pytest.fixture(params=LOOPBACK)
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as sock:
        yield sock


def target(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class TestRealSockets:
    def test_connects(self, listener: socket.socket) -> None:
        sock, winner = dial(grant(f"tcp-connect:{target(listener)}"), [address(target(listener))])
        with sock:
            assert str(winner) == target(listener)
            assert not sock.getblocking()
            assert not os.get_inheritable(sock.fileno())
            peer, where = listener.accept()
            peer.close()
            assert where[:2] == sock.getsockname()[:2]

    def test_source_port_serves_again_but_not_for_the_same_two_ends(self, listener: socket.socket) -> None:
        """A connection, and what is left of it for a minute, holds its two ends, not our port."""
        host = listener.getsockname()[0]
        with ExitStack() as stack:
            other = stack.enter_context(socket.create_server((host, 0), family=listener.family))
            with socket.socket(listener.family) as probe:
                probe.bind((host, 0))
                port = probe.getsockname()[1]
            source = address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
            for server in (listener, other):
                leave = grant(f"tcp-connect:{target(server)}")
                ends = {source.family: BindAddress(source, leave)}
                stack.enter_context(dial(leave, [address(target(server))], sources=ends)[0])
                assert stack.enter_context(server.accept()[0]).getpeername()[1] == port
            with pytest.raises(LocalFailure, match="cannot assign requested address") as caught:
                dial(leave, [address(target(other))], sources=ends)
            assert f"cannot bind to {source}" in str(caught.value)

    def test_refused(self, listener: socket.socket) -> None:
        where = target(listener)
        listener.close()
        before = open_descriptors()
        with pytest.raises(Unreachable) as caught:
            dial(grant(f"tcp-connect:{where}"), [address(where)])
        assert str(caught.value) == f"tcp-connect {where}: connection refused"
        assert not open_descriptors() - before

    def test_what_came_before_a_reset_is_there_to_be_received(self, listener: socket.socket) -> None:
        """As a server that is too busy does it: a word, and a reset, before anybody has looked at the connection."""

        class Late(Net):
            """The connection is looked at once the reset has come."""

            def wait(
                self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt
            ) -> dict[int, int]:
                connection, _ = listener.accept()
                connection.sendall(b"421 too busy")
                reset(connection)
                (waited,) = interest
                assert wait([(waited[0], 0)], Deadline(PATIENCE))
                return super().wait([waited], deadline, interrupt)

        leave = grant(f"tcp-connect:{target(listener)}")
        sock, peer = dial(leave, [address(target(listener))], net=Late())
        transport = TcpTransport(sock, leave, peer)
        with closing(transport):
            assert transport.receive() == b"421 too busy"
            with pytest.raises(Unreachable, match="reset by the peer"):
                transport.receive()

    def test_a_reset_with_nothing_before_it_is_no_connection(self, listener: socket.socket) -> None:
        class Late(Net):
            def wait(
                self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt
            ) -> dict[int, int]:
                reset(listener.accept()[0])
                (waited,) = interest
                assert wait([(waited[0], 0)], Deadline(PATIENCE))
                return super().wait([waited], deadline, interrupt)

        with pytest.raises(Unreachable, match="connection reset by the peer"):
            dial(grant(f"tcp-connect:{target(listener)}"), [address(target(listener))], net=Late())

    def test_no_answer(self, listener: socket.socket) -> None:
        """A full queue of connections to accept: the kernel drops what else comes."""
        listener.listen(0)
        with ExitStack() as stack:
            for _ in range(4):
                filler = stack.enter_context(socket.socket(listener.family))
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            where = target(listener)
            before = open_descriptors()
            with pytest.raises(TimedOut) as caught:
                dial(grant(f"tcp-connect:{where}"), [address(where)], deadline=Deadline(0.05))
            assert str(caught.value) == f"tcp-connect {where}: not connected within 0.05 s: no answer"
            assert not open_descriptors() - before

    def test_dead_family_is_passed_over(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            leave = grant(f"tcp-connect:localhost:{port}")
            sock, winner = dial(leave, [address(f"[::1]:{port}"), address(f"127.0.0.1:{port}")])
            sock.close()
            assert winner.family == 4

    def test_is_not_connected_to_itself(self, listener: socket.socket) -> None:
        """Dialling a port nobody listens on, from that very port, TCP connects the socket to itself."""
        where = address(target(listener))
        listener.close()
        leave = grant(f"tcp-connect:{where}")
        with pytest.raises(Unreachable, match="connection refused"):
            dial(leave, [where], sources={where.family: BindAddress(where, leave)})
