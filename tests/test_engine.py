"""The engine: authorize, resolve, admit, open; what is tried again and what is not; and no step before the first."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest

from sockcli.base.connect_options import DialOptions, ListenOptions, LocalAddress
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Host, Operation
from sockcli.base.poller import Interrupt, NoInterrupt
from sockcli.engine import Answer, Engine
from sockcli.errors import Denied, Interrupted, LocalFailure, TimedOut, Unreachable, Unresolved, UsageError
from sockcli.net.sockaddr import from_sockaddr, to_sockaddr
from sockcli.net.stream import TcpTransport
from sockcli.net.system import SockAddr
from sockcli.net.udp import UdpTransport
from sockcli.policy import Policy, Request
from tests.net.support import (
    DEAD,
    LOOPBACK,
    FakeNet,
    Link,
    address,
    open_descriptors,
    policy,
    put,
    readable,
    request,
    take,
)
from tests.waiting import PATIENCE

REFUSED = Link(0.01, 111)


class Names(FakeNet):
    """A fake network with a resolver; a lookup takes `lookup` seconds."""

    def __init__(
        self, names: dict[str, list[str]], links: dict[str, Link] | None = None, *, lookup: float | None = 0
    ) -> None:
        super().__init__(links)
        self.names = names
        self.lookup = lookup
        self.pauses: list[float] = []

    def getaddrinfo(self, name: str, family: int, kind: int) -> list[tuple[int, SockAddr]]:  # noqa: ARG002
        self.looked_up.append(name)
        name = name.removesuffix(".")
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "")
        answers: list[tuple[int, SockAddr]] = [
            (socket.AF_INET6, (text, 0, 0, 0)) if ":" in text else (socket.AF_INET, (text, 0))
            for text in self.names[name]
        ]
        return [answer for answer in answers if family in (0, answer[0])]

    def wait(self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt) -> dict[int, int]:
        interest = list(interest)
        if not interest:
            self.pauses.append(round(deadline.remaining() or 0, 6))
        if all(fd >= 1000 for fd, _ in interest):
            return super().wait(interest, deadline, interrupt)
        left = deadline.remaining()
        if self.lookup is None or (left is not None and self.lookup > left):
            assert left is not None
            self.now += left
            return {}
        self.now += self.lookup
        return super(FakeNet, self).wait(interest, Deadline(PATIENCE), interrupt)


def plain_socket(host: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.bind((host, 0))
    sock.settimeout(PATIENCE)
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


@pytest.fixture(params=LOOPBACK)
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(host: str) -> Iterator[socket.socket]:
    with plain_socket(host) as sock:
        yield sock


@pytest.fixture
def udp_server(host: str) -> Iterator[socket.socket]:
    with plain_socket(host, socket.SOCK_DGRAM) as sock:
        yield sock


def ask(operation: Operation, sock: socket.socket, name: str | None = None) -> Request:
    address = from_sockaddr(sock.family, sock.getsockname())
    return Request(operation, Host.parse(name) if name else address.host, address.port)


class TestOpen:
    def test_tcp(self, server: socket.socket) -> None:
        wanted = ask(Operation.TCP_CONNECT, server)
        transport = Engine(policy(str(wanted))).open(wanted)
        assert isinstance(transport, TcpTransport)
        with closing(transport), server.accept()[0] as peer:
            assert transport.grant.request == wanted
            assert str(transport.peer) == str(wanted.endpoint)
            put(transport, b"hello")
            assert peer.recv(10) == b"hello"
            peer.sendall(b"hi")
            assert take(transport) == b"hi"

    def test_udp(self, udp_server: socket.socket) -> None:
        wanted = ask(Operation.UDP_SEND_TO, udp_server)
        transport = Engine(policy(str(wanted))).open(wanted)
        assert isinstance(transport, UdpTransport)
        with closing(transport):
            put(transport, b"hello")
            data, sender = udp_server.recvfrom(10)
            assert data == b"hello"
            udp_server.sendto(b"hi", sender)
            assert take(transport) == b"hi"

    def test_localhost_reaches_either_loopback(self, server: socket.socket) -> None:
        wanted = ask(Operation.TCP_CONNECT, server, "localhost")
        with closing(Engine(policy(str(wanted))).open(wanted)) as transport:
            assert to_sockaddr(transport.peer) == server.getsockname()

    def test_family(self, server: socket.socket, host: str) -> None:
        wanted = ask(Operation.TCP_CONNECT, server, "localhost")
        engine = Engine(policy(str(wanted)))
        right, wrong = (6, 4) if ":" in host else (4, 6)
        engine.open(wanted, DialOptions(family=right)).close()
        with pytest.raises(Unreachable, match="connection refused"):
            engine.open(wanted, DialOptions(family=wrong))

    def test_address_of_the_other_family(self) -> None:
        with pytest.raises(Unresolved, match=r"127\.0\.0\.1 has no IPv6 address"):
            Engine(policy("tcp-connect:*")).open(request("tcp-connect:127.0.0.1:9"), DialOptions(family=6))

    @pytest.mark.parametrize("text", ["tcp-listen:127.0.0.1:9", "udp-bind:127.0.0.1:9"])
    def test_listening_is_not_connecting(self, text: str) -> None:
        with pytest.raises(UsageError, match="not for connecting"):
            Engine(policy(text)).open(request(text))

    def test_another_policys_grant_opens_nothing(self) -> None:
        wanted = request("tcp-connect:a.test:80")
        net = Names({"a.test": ["127.0.0.1"]})
        with pytest.raises(Denied):
            Engine(policy("tcp-connect:b.test"), net=net).open(policy(str(wanted)).authorize(wanted))
        assert net.looked_up == []

    def test_port_0_is_nothing_to_connect_to(self) -> None:
        with pytest.raises(UsageError, match="port 0"):
            Engine(policy("tcp-connect:*")).open(request("tcp-connect:127.0.0.1:0"))

    def test_only_admitted_addresses_are_tried(self) -> None:
        net = Names({"printer.test": ["127.0.0.1", "192.0.2.7", "169.254.0.1"]}, {"192.0.2.7": REFUSED})
        with pytest.raises(Unreachable, match=r"192\.0\.2\.7"):
            Engine(policy("tcp-connect:printer.test:80"), net=net).open(request("tcp-connect:printer.test:80"))
        assert [host for _, host in net.tried] == ["192.0.2.7"]

    @pytest.mark.parametrize("operation", ["tcp-connect", "udp-send-to"])
    def test_name_that_leads_where_it_may_not(self, operation: str) -> None:
        net = Names({"printer.test": ["127.0.0.1", "::1"]})
        with pytest.raises(Denied, match="loopback"):
            Engine(policy(f"{operation}:printer.test:80"), net=net).open(request(f"{operation}:printer.test:80"))
        assert net.looked_up == ["printer.test."]
        assert not net.made

    def test_unknown_name(self) -> None:
        net = Names({})
        with pytest.raises(Unresolved, match=r"printer\.test: no such host name"):
            Engine(policy("tcp-connect:*"), net=net).open(request("tcp-connect:printer.test:80"))
        assert not net.made

    def test_attempts_are_told(self) -> None:
        notes: list[str] = []
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": REFUSED})
        with pytest.raises(Unreachable):
            Engine(policy("tcp-connect:*"), net=net).open(
                request("tcp-connect:printer.test:80"), DialOptions(retry=1, on_attempt=notes.append)
            )
        assert notes == [
            "trying 192.0.2.7:80",
            "192.0.2.7:80: connection refused",
            "tcp-connect printer.test:80: 192.0.2.7:80 connection refused; try 2 of 2 in 1 s",
            "trying 192.0.2.7:80",
            "192.0.2.7:80: connection refused",
        ]

    def test_addresses_left_out_are_told_once(self) -> None:
        notes: list[str] = []
        net = Names({"printer.test": ["127.0.0.1", "192.0.2.7"]}, {"192.0.2.7": REFUSED})
        with pytest.raises(Unreachable):
            Engine(policy("tcp-connect:printer.test"), net=net).open(
                request("tcp-connect:printer.test:80"), DialOptions(retry=1, on_attempt=notes.append)
            )
        assert (
            [note for note in notes if "127.0.0.1" in note]
            == notes[:1]
            == ["left out: printer.test leads to 127.0.0.1 (loopback), and that needs a rule for the address"]
        )


class TestTimeLimits:
    def open(self, net: Names, options: DialOptions) -> None:
        Engine(policy("tcp-connect:*"), net=net).open(request("tcp-connect:printer.test:80"), options)

    def test_lookup_counts_towards_the_limit(self) -> None:
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": DEAD}, lookup=3)
        with pytest.raises(TimedOut, match="not connected within 10 s"):
            self.open(net, DialOptions())
        assert net.now == pytest.approx(10)

    def test_lookup_that_hangs(self) -> None:
        net = Names({"printer.test": []}, lookup=None)
        with pytest.raises(TimedOut, match="name lookup took longer than 10 s"):
            self.open(net, DialOptions())
        assert net.now == pytest.approx(10)

    def test_deadline_of_the_run_is_earlier(self) -> None:
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": DEAD})
        with pytest.raises(TimedOut, match="not connected within 4 s"):
            self.open(net, DialOptions(deadline=Deadline(4, clock=net.clock)))
        assert net.now == pytest.approx(4)

    def test_no_limit(self) -> None:
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": Link(1000, 110)}, lookup=500)
        with pytest.raises(TimedOut, match="no answer"):
            self.open(net, DialOptions(connect_timeout=None))
        assert net.now == pytest.approx(1500)


class TestRetry:
    def open(self, net: Names, options: DialOptions, interrupt: Interrupt | None = None) -> None:
        engine = Engine(policy("tcp-connect:printer.test"), net=net, interrupt=interrupt or NoInterrupt())
        engine.open(request("tcp-connect:printer.test:80"), options)

    def test_same_addresses_and_no_second_lookup(self) -> None:
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": REFUSED})
        with pytest.raises(Unreachable) as caught:
            self.open(net, DialOptions(retry=2, retry_delay=3))
        assert str(caught.value) == "tcp-connect printer.test:80: 192.0.2.7:80 connection refused (3 tries)"
        assert net.looked_up == ["printer.test."]
        assert net.tried == [(0, "192.0.2.7"), (3.01, "192.0.2.7"), (6.02, "192.0.2.7")]
        assert net.pauses == [3, 3]

    def test_each_try_has_the_whole_limit(self) -> None:
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": DEAD}, lookup=1)
        with pytest.raises(TimedOut, match=r"not connected within 5 s: .*\(2 tries\)"):
            self.open(net, DialOptions(connect_timeout=5, retry=1, retry_delay=0.5))
        assert net.now == pytest.approx(5 + 0.5 + 5)

    def test_lookup_that_hangs_is_tried_again(self) -> None:
        net = Names({"printer.test": []}, lookup=None)
        with pytest.raises(TimedOut, match="2 tries"):
            self.open(net, DialOptions(connect_timeout=5, retry=1))
        assert net.now == pytest.approx(11)

    @pytest.mark.parametrize("failures", [1, 2, 3])
    def test_name_server_that_cannot_be_asked_is_asked_again(self, failures: int) -> None:
        class Late(Names):
            def getaddrinfo(self, name: str, family: int, kind: int) -> list[tuple[int, SockAddr]]:
                if len(self.looked_up) < failures:
                    self.looked_up.append(name)
                    raise socket.gaierror(socket.EAI_AGAIN, "")
                return super().getaddrinfo(name, family, kind)

        net = Late({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": REFUSED})
        with pytest.raises((Unreachable, Unresolved), match=r"\(3 tries\)") as caught:
            self.open(net, DialOptions(retry=2, retry_delay=3))
        assert caught.type is (Unresolved if failures == 3 else Unreachable)
        assert net.pauses == [3, 3]

    def test_success_after_failure(self) -> None:
        with plain_socket("127.0.0.1") as sock:
            wanted = ask(Operation.TCP_CONNECT, sock)
            where = sock.getsockname()
        servers: list[socket.socket] = []

        def start(note: str) -> None:
            if "try 2 of 4" in note:
                servers.append(socket.create_server(where))

        options = DialOptions(retry=3, retry_delay=0.001, on_attempt=start)
        Engine(policy(str(wanted))).open(wanted, options).close()
        assert len(servers) == 1
        servers[0].close()

    @pytest.mark.parametrize("names", [{}, {"printer.test": ["127.0.0.1"]}])
    def test_unknown_and_denied_are_final(self, names: dict[str, list[str]]) -> None:
        net = Names(names)
        with pytest.raises((Unresolved, Denied)):
            self.open(net, DialOptions(retry=5))
        assert net.looked_up == ["printer.test."]
        assert not net.pauses

    def test_local_failure_is_final(self) -> None:
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": Link(0)})
        net.left = 0
        with pytest.raises(LocalFailure):
            self.open(net, DialOptions(retry=5))
        assert not net.pauses

    def test_deadline_ends_the_pause(self) -> None:
        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": REFUSED})
        with pytest.raises(TimedOut, match=r"connection refused \(2 of 10 tries within 1\.5 s\)"):
            self.open(net, DialOptions(retry=9, deadline=Deadline(1.5, clock=net.clock)))
        assert net.now == pytest.approx(1.5)

    def test_interrupt_ends_the_pause(self) -> None:
        class InThePause(NoInterrupt):
            def check(self) -> None:
                if net.pauses:
                    raise Interrupted(15)

        net = Names({"printer.test": ["192.0.2.7"]}, {"192.0.2.7": REFUSED})
        with pytest.raises(Interrupted):
            self.open(net, DialOptions(retry=9), InThePause())
        assert len(net.tried) == 1


class TestSource:
    def test_address(self, server: socket.socket) -> None:
        wanted = ask(Operation.TCP_CONNECT, server)
        engine = Engine(policy(str(wanted)))
        with closing(engine.open(wanted, DialOptions(source=LocalAddress(wanted.host)))) as transport:
            assert transport.local.host == wanted.host
        if server.family == socket.AF_INET:
            with closing(engine.open(wanted, DialOptions(source=LocalAddress(Host.parse("127.0.0.9"))))) as transport:
                assert transport.local.host.text == "127.0.0.9"

    def test_port(self, server: socket.socket, host: str) -> None:
        with plain_socket(host) as probe:
            port = probe.getsockname()[1]
        wanted = ask(Operation.TCP_CONNECT, server, "localhost")
        with closing(
            Engine(policy(str(wanted))).open(wanted, DialOptions(source=LocalAddress(None, port)))
        ) as transport:
            assert transport.local.port == port

    def test_port_0_is_the_systems_choice(self, udp_server: socket.socket) -> None:
        wanted = ask(Operation.UDP_SEND_TO, udp_server)
        with closing(Engine(policy(str(wanted))).open(wanted, DialOptions(source=LocalAddress(None, 0)))) as transport:
            assert transport.local.port

    def test_its_family_is_the_only_one_looked_up_and_tried(self) -> None:
        net = Names({"printer.test": ["2001:db8::7", "192.0.2.7"]}, {"192.0.2.7": REFUSED, "2001:db8::7": REFUSED})
        with pytest.raises(Unreachable):
            Engine(policy("tcp-connect:*"), net=net).open(
                request("tcp-connect:printer.test:80"), DialOptions(source=LocalAddress(Host.parse("192.0.2.1")))
            )
        assert [host for _, host in net.tried] == ["192.0.2.7"]
        assert net.made[0].bound == ("192.0.2.1", 0)

    @pytest.mark.parametrize(
        ("source", "target", "family"),
        [
            ("::1", "127.0.0.1", 0),
            ("127.0.0.1", "[::1]", 0),
            ("127.0.0.1", "printer.test", 6),
            ("::1", "printer.test", 4),
            ("localhost", "127.0.0.1", 0),
        ],
    )
    @pytest.mark.parametrize("operation", ["tcp-connect", "udp-send-to"])
    def test_that_does_not_fit(self, operation: str, source: str, target: str, family: int) -> None:
        net = Names({})
        options = DialOptions(family=family, source=LocalAddress(Host.parse(source), 5000))
        with pytest.raises(UsageError, match="bad source"):
            Engine(policy(operation, "udp-bind"), net=net).open(request(f"{operation}:{target}:80"), options)
        assert not net.looked_up
        assert not net.made

    def test_that_contradicts_the_target_is_no_address(self) -> None:
        with pytest.raises(Unresolved, match="has no IPv4 address"):
            Engine(policy("tcp-connect:*")).open(
                request("tcp-connect:[::1]:80"), DialOptions(family=4, source=LocalAddress(None, 5000))
            )


class TestUdpSourcePort:
    """A port of one's own is bound only with leave for it, asked for before anything else happens."""

    def open(self, rules: Policy, source: LocalAddress, target: str = "printer.test", family: int = 0) -> Names:
        net = Names({"printer.test": ["2001:db8::7", "192.0.2.7"]})
        engine = Engine(rules, net=net)
        with pytest.raises(Denied) as caught:
            engine.open(request(f"udp-send-to:{target}:53"), DialOptions(family=family, source=source))
        assert not net.looked_up
        assert not net.made
        self.suggestion = caught.value.suggestion
        return net

    def test_address_and_port(self) -> None:
        rules = policy("udp-send-to:*", "udp-bind:192.0.2.9:5001", "udp-bind:192.0.2.8:5000", "udp-bind:*:99")
        self.open(rules, LocalAddress(Host.parse("192.0.2.9"), 5000))
        assert self.suggestion == "udp-bind:192.0.2.9:5000"

    @pytest.mark.parametrize(
        ("target", "family", "suggestion"),
        [
            ("printer.test", 0, "udp-bind:0.0.0.0:5000"),
            ("printer.test", 6, "udp-bind:[::]:5000"),
            ("192.0.2.7", 0, "udp-bind:0.0.0.0:5000"),
            ("[2001:db8::7]", 0, "udp-bind:[::]:5000"),
            ("localhost", 4, "udp-bind:0.0.0.0:5000"),
        ],
    )
    def test_port_alone(self, target: str, family: int, suggestion: str) -> None:
        self.open(policy("udp-send-to:*", "udp-bind:127.0.0.1:5000"), LocalAddress(None, 5000), target, family)
        assert self.suggestion == suggestion

    def test_deny_rule(self) -> None:
        rules = policy("udp-send-to:*", "udp-bind:*", deny=["udp-bind:*:5000"])
        self.open(rules, LocalAddress(None, 5000))
        assert self.suggestion is None

    @pytest.mark.parametrize(("rule", "chosen"), [("0.0.0.0", 4), ("[::]", 6)])
    def test_only_the_allowed_family_is_used(self, rule: str, chosen: int) -> None:
        with plain_socket("0.0.0.0", socket.SOCK_DGRAM) as probe:
            port = probe.getsockname()[1]
        engine = Engine(policy("udp-send-to:localhost", f"udp-bind:{rule}:{port}"))
        options = DialOptions(source=LocalAddress(None, port))
        with closing(engine.open(request("udp-send-to:localhost:9"), options)) as transport:
            assert transport.peer.family == chosen
            assert transport.local.port == port

    def test_tcp_needs_none(self, server: socket.socket, host: str) -> None:
        with plain_socket(host) as probe:
            port = probe.getsockname()[1]
        wanted = ask(Operation.TCP_CONNECT, server)
        Engine(policy(str(wanted))).open(wanted, DialOptions(source=LocalAddress(wanted.host, port))).close()

    def test_address_alone_needs_none(self, udp_server: socket.socket) -> None:
        wanted = ask(Operation.UDP_SEND_TO, udp_server)
        Engine(policy(str(wanted))).open(wanted, DialOptions(source=LocalAddress(wanted.host))).close()


class TestListen:
    def test_accepts(self, host: str) -> None:
        engine = Engine(policy("tcp-listen"))
        wanted = Request(Operation.TCP_LISTEN, Host.parse(host), 0)
        with closing(engine.listen(wanted)) as listener:
            assert listener.local.host.text == host
            with socket.create_connection(to_sockaddr(listener.local)[:2]):
                assert readable(listener)
                peer = listener.accept()
                assert isinstance(peer, TcpTransport)
                peer.close()

    def test_receives(self, host: str) -> None:
        wanted = Request(Operation.UDP_BIND, Host.parse(host), 0)
        with (
            closing(Engine(policy("udp-bind")).bind(wanted)) as receiver,
            plain_socket(host, socket.SOCK_DGRAM) as sender,
        ):
            sender.sendto(b"hello", to_sockaddr(receiver.local))
            assert readable(receiver)
            assert receiver.receive_from() == (b"hello", from_sockaddr(sender.family, sender.getsockname()))

    def test_localhost_is_ipv4_unless_told(self) -> None:
        engine = Engine(policy("tcp-listen:localhost", "udp-bind:localhost"))
        for family, expected in ((0, "127.0.0.1"), (4, "127.0.0.1"), (6, "::1")):
            options = ListenOptions(family=family)
            with closing(engine.listen(request("tcp-listen:localhost:0"), options)) as listener:
                assert listener.local.host.text == expected
            with closing(engine.bind(request("udp-bind:localhost:0"), options)) as receiver:
                assert receiver.local.host.text == expected

    def test_name_that_leads_where_it_may_not(self) -> None:
        net = Names({"printer.test": ["127.0.0.1"]})
        engine = Engine(policy("tcp-listen:printer.test:99", "udp-bind:printer.test:99"), net=net)
        with pytest.raises(Denied, match="loopback"):
            engine.listen(request("tcp-listen:printer.test:99"))
        with pytest.raises(Denied, match="loopback"):
            engine.bind(request("udp-bind:printer.test:99"))
        assert not net.made

    def test_lookup_is_under_the_deadline(self) -> None:
        net = Names({}, lookup=None)
        with pytest.raises(TimedOut):
            Engine(policy("tcp-listen:*"), net=net).listen(
                request("tcp-listen:printer.test:99"), ListenOptions(deadline=Deadline(2, clock=net.clock))
            )

    def test_one_is_not_the_other(self) -> None:
        engine = Engine(policy("tcp-listen", "udp-bind", "tcp-connect"))
        with pytest.raises(UsageError):
            engine.listen(request("udp-bind:127.0.0.1:9"))
        with pytest.raises(UsageError):
            engine.bind(request("tcp-listen:127.0.0.1:9"))
        with pytest.raises(UsageError):
            engine.listen(request("tcp-connect:127.0.0.1:9"))

    def test_backlog(self) -> None:
        engine = Engine(policy("tcp-listen"))
        with (
            closing(engine.listen(request("tcp-listen:127.0.0.1:0"), ListenOptions(backlog=0))) as listener,
            socket.create_connection(to_sockaddr(listener.local)[:2]),
            socket.socket() as second,
        ):
            second.settimeout(0.05)
            with pytest.raises(TimeoutError):
                second.connect(to_sockaddr(listener.local))


class TestResolve:
    def test_each_address_and_whether_it_may_be_used(self) -> None:
        net = Names({"printer.test": ["192.0.2.7", "127.0.0.1", "198.51.100.1"]})
        rules = policy("tcp-connect:printer.test:80", deny=["tcp-connect:198.51.100.0/24"])
        answers = Engine(rules, net=net).resolve(request("tcp-connect:printer.test:80"))
        assert [str(answer.address) for answer in answers] == ["192.0.2.7:80", "127.0.0.1:80", "198.51.100.1:80"]
        allowed, loopback, forbidden = answers
        assert allowed.denied is None
        assert loopback.denied is not None
        assert loopback.denied.suggestion == "tcp-connect:127.0.0.1:80"
        assert forbidden.denied is not None
        assert forbidden.denied.rule == "tcp-connect:198.51.100.0/24:*"
        assert not net.made

    def test_family_deadline_and_addresses(self) -> None:
        net = Names({"printer.test": ["192.0.2.7", "2001:db8::7"]})
        engine = Engine(policy("tcp-connect:*"), net=net)
        answers = engine.resolve(request("tcp-connect:printer.test:80"), family=6)
        assert [str(answer.address) for answer in answers] == ["[2001:db8::7]:80"]
        assert engine.resolve(request("tcp-connect:127.0.0.1:80")) == [Answer(address("127.0.0.1:80"), None)]
        net.lookup = None
        with pytest.raises(TimedOut):
            engine.resolve(request("tcp-connect:printer.test:80"), deadline=Deadline(1, clock=net.clock))

    def test_operation_without_an_address(self) -> None:
        with pytest.raises(UsageError, match="takes no address"):
            Engine(policy("resolve-host")).resolve(Request(Operation.RESOLVE_HOST))

    def test_interrupt(self) -> None:
        class Now(NoInterrupt):
            def check(self) -> None:
                raise Interrupted(2)

        net = Names({"printer.test": ["192.0.2.7"]})
        with pytest.raises(Interrupted):
            Engine(policy("tcp-connect:*"), net=net, interrupt=Now()).resolve(request("tcp-connect:printer.test:80"))


@pytest.mark.parametrize("host", ["239.1.2.3", "[ff15::7]", "group.test"])
def test_a_multicast_group_is_not_bound_without_a_grant_to_join_it(host: str) -> None:
    net = Names({"group.test": ["239.1.2.3"]})
    for rules, deny in ((["udp-bind"], []), (["udp-bind", "udp-multicast-membership"], ["udp-multicast-membership"])):
        with pytest.raises(Denied, match="udp-multicast-membership denied"):
            Engine(policy(*rules, deny=deny), net=net).bind(request(f"udp-bind:{host}:9"))
    assert not net.made


def test_failures_leave_no_descriptor() -> None:
    with plain_socket("127.0.0.1") as sock:
        wanted = ask(Operation.TCP_CONNECT, sock, "localhost")
    engine = Engine(policy("tcp-connect:localhost"))
    before = open_descriptors()
    with pytest.raises(Unreachable):
        engine.open(wanted, DialOptions(retry=3, retry_delay=0))
    with pytest.raises(LocalFailure):
        engine.open(wanted, DialOptions(source=LocalAddress(Host.parse("192.0.2.99"))))
    assert not open_descriptors() - before
