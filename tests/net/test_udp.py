"""UDP: a datagram is whole or an error, only the peer's are taken, and what became of them is told."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from sockcli.base.endpoint import Address
from sockcli.errors import Denied, LocalFailure, Unreachable
from sockcli.net import udp
from sockcli.net.bind import BindAddress, bind
from sockcli.net.sockaddr import from_sockaddr
from sockcli.net.system import Net
from sockcli.net.transport import NotReady
from sockcli.net.udp import UdpReceiver, UdpTransport
from tests.net.support import LOOPBACK, UdpPair, address, grant, open_descriptors, readable, take, udp_pair
from tests.waiting import PATIENCE

LIMITS = {"127.0.0.1": 65_507, "::1": 65_527}


@pytest.fixture(params=LOOPBACK)
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pair(host: str) -> Iterator[UdpPair]:
    with udp_pair(host) as made:
        yield made


def af_of(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def at(host: str, port: int = 0) -> Address:
    return address(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def bound(host: str) -> socket.socket:
    sock = socket.socket(af_of(host), socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.settimeout(PATIENCE)
    return sock


def transport_to(sock: socket.socket) -> UdpTransport:
    where = from_sockaddr(sock.family, sock.getsockname())
    return udp.connect(grant(f"udp-send-to:{where}"), [where])


@pytest.fixture
def closed_port(host: str) -> Iterator[UdpTransport]:
    """Connected to a port that nobody has any more."""
    with bound(host) as sock:
        made = transport_to(sock)
    with closing(made):
        yield made


class TestWhole:
    def test_empty_datagram_is_one_and_no_end(self, pair: UdpPair) -> None:
        pair.peer.send(b"")
        pair.peer.send(b"x")
        assert take(pair.transport) == b""
        assert take(pair.transport) == b"x"
        assert pair.transport.send(memoryview(b"")) == 0
        assert pair.peer.recv(10) == b""

    def test_each_is_received_by_itself_and_never_cut(self, pair: UdpPair, host: str) -> None:
        pair.peer.send(b"a" * 1000)
        pair.peer.send(b"b" * LIMITS[host])
        assert take(pair.transport) == b"a" * 1000
        assert pair.transport.receive(10) == b"b" * LIMITS[host]

    def test_largest_is_sent(self, pair: UdpPair, host: str) -> None:
        assert pair.transport.send(memoryview(bytes(LIMITS[host]))) == LIMITS[host]
        assert len(pair.peer.recv(100_000)) == LIMITS[host]

    def test_one_more_is_refused_and_nothing_of_it_sent(self, pair: UdpPair, host: str) -> None:
        with pytest.raises(LocalFailure, match=f"at most {LIMITS[host]:,} bytes") as caught:
            pair.transport.send(memoryview(bytes(LIMITS[host] + 1)))
        assert caught.value.exit_code == 1
        assert f"{LIMITS[host] + 1:,}" in str(caught.value)
        pair.transport.send(memoryview(b"next"))
        assert pair.peer.recv(10) == b"next"

    def test_limit_is_checked_before_the_kernel_is_asked(self, pair: UdpPair, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(pair.transport, "_sock", None)
            with pytest.raises(LocalFailure, match="at most"):
                pair.transport.send(memoryview(bytes(70_000)))

    def test_limits(self) -> None:
        assert (udp.limit(4), udp.limit(6)) == (65_507, 65_527)

    def test_cut_datagram_is_an_error(self, pair: UdpPair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(udp, "_BUFFER", 10)
        pair.peer.send(b"0123456789abc")
        assert readable(pair.transport)
        with pytest.raises(LocalFailure, match="dropped, not cut"):
            pair.transport.receive()
        receiver = udp.receiver(grant("udp-bind:127.0.0.1:0", "udp-bind"), [at("127.0.0.1")])
        with closing(receiver), bound("127.0.0.1") as sender:
            sender.sendto(b"0123456789abc", ("127.0.0.1", receiver.local.port))
            assert readable(receiver)
            with pytest.raises(LocalFailure, match="dropped, not cut"):
                receiver.receive_from()


class TestForeign:
    """What others send is not the peer's reply."""

    def test_kernel_drops_it_once_connected(self, pair: UdpPair, host: str) -> None:
        with bound(host) as stranger:
            stranger.sendto(b"forged", (host, pair.transport.local.port))
        pair.peer.send(b"real")
        assert take(pair.transport) == b"real"
        assert pair.transport.foreign == 0

    def test_what_was_queued_before_is_dropped_and_counted(self, host: str) -> None:
        """Between bind() and connect() a socket takes datagrams from anyone."""

        class Meanwhile(socket.socket):
            def connect(self, where: object) -> None:
                with bound(host) as stranger:
                    for text in (b"forged", b""):
                        stranger.sendto(text, (host, self.getsockname()[1]))
                server.sendto(b"early", (host, self.getsockname()[1]))
                super().connect(where)  # type: ignore[arg-type]

        class Racing(Net):
            def socket(self, family: int, kind: int) -> socket.socket:
                return Meanwhile(family, kind | socket.SOCK_NONBLOCK)

        with bound(host) as server:
            where = from_sockaddr(server.family, server.getsockname())
            leave = grant(f"udp-send-to:{where}")
            ends = {where.family: BindAddress(at(host), leave)}
            with closing(udp.connect(leave, [where], sources=ends, net=Racing())) as transport:
                assert take(transport) == b"early"
                assert transport.foreign == 2
                assert transport.receive() is NotReady.WOULD_BLOCK

    def test_same_address_with_another_port_is_another(self, pair: UdpPair, host: str) -> None:
        with bound(host) as stranger:
            stranger.connect((host, pair.transport.local.port))
            assert stranger.getsockname()[0] == pair.peer.getsockname()[0]
            stranger.send(b"forged")
        assert pair.transport.receive() is NotReady.WOULD_BLOCK


class TestPortUnreachable:
    def test_is_seen_at_once_on_the_loopback(self, closed_port: UdpTransport) -> None:
        closed_port.check_error()
        closed_port.send(memoryview(b"anyone?"))
        with pytest.raises(Unreachable, match="port unreachable") as caught:
            closed_port.check_error()
        assert str(caught.value) == f"udp-send-to {closed_port.peer}: port unreachable"
        closed_port.check_error()

    def test_receive_tells_it(self, closed_port: UdpTransport) -> None:
        closed_port.send(memoryview(b"anyone?"))
        assert readable(closed_port)
        with pytest.raises(Unreachable, match="port unreachable"):
            closed_port.receive()
        assert closed_port.receive() is NotReady.WOULD_BLOCK

    def test_next_send_tells_it_and_sends_all_the_same(self, host: str) -> None:
        with bound(host) as sock:
            where = sock.getsockname()
            made = transport_to(sock)
        with closing(made):
            made.send(memoryview(b"lost"))
            with socket.socket(af_of(host), socket.SOCK_DGRAM) as server:
                server.bind(where)
                server.settimeout(PATIENCE)
                with pytest.raises(Unreachable, match="port unreachable"):
                    made.send(memoryview(b"second"))
                assert server.recv(10) == b"second"
                assert made.send(memoryview(b"third")) == 5
                assert server.recv(10) == b"third"

    def test_replies_that_came_before_are_received_first(self, pair: UdpPair) -> None:
        """The kernel gives the error first, and whoever stops there has lost the replies."""
        pair.peer.send(b"one")
        pair.peer.send(b"two")
        pair.peer.close()
        pair.transport.send(memoryview(b"too late"))
        assert take(pair.transport) == b"one"
        assert pair.transport.pending(), "poll() has nothing to report of the error any more"
        assert take(pair.transport) == b"two"
        assert pair.transport.pending()
        with pytest.raises(Unreachable, match="port unreachable"):
            pair.transport.receive()
        assert not pair.transport.pending()
        assert pair.transport.receive() is NotReady.WOULD_BLOCK

    def test_error_found_by_receiving_is_known_to_check_error(self, pair: UdpPair) -> None:
        pair.peer.send(b"one")
        pair.peer.close()
        pair.transport.send(memoryview(b"too late"))
        assert take(pair.transport) == b"one"
        with pytest.raises(Unreachable, match="port unreachable"):
            pair.transport.check_error()
        assert not pair.transport.pending()

    def test_receiving_from_a_closed_transport_ends(self, pair: UdpPair) -> None:
        pair.transport.close()
        with pytest.raises(Unreachable, match="bad file descriptor"):
            pair.transport.receive()


class FailingOnce:
    """Passes on to a socket, after failing as the kernel does for a datagram sent before."""

    def __init__(self, real: socket.socket, *codes: int) -> None:
        self.real = real
        self.codes = list(codes)

    def send(self, data: memoryview) -> int:
        if self.codes:
            raise OSError(self.codes.pop(0), "")
        return self.real.send(data)

    def close(self) -> None:
        self.real.close()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EMSGSIZE, LocalFailure, "too large for the way there"),
        (errno.EHOSTUNREACH, Unreachable, "no route to host"),
        (errno.EPERM, LocalFailure, "operation not permitted"),
    ],
)
def test_other_errors_on_the_way(
    pair: UdpPair, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception], words: str
) -> None:
    monkeypatch.setattr(pair.transport, "_sock", FailingOnce(pair.transport._sock, code))
    with pytest.raises(kind, match=words):
        pair.transport.send(memoryview(b"again"))
    assert pair.peer.recv(10) == b"again"


def test_full_buffer_takes_nothing_for_now(pair: UdpPair) -> None:
    """On the loopback a sent datagram lies in the receiver's queue, so that only a fake has a full one."""

    class Full:
        def send(self, data: memoryview) -> int:  # noqa: ARG002
            raise BlockingIOError

    real, pair.transport._sock = pair.transport._sock, Full()  # type: ignore[assignment]
    assert pair.transport.send(memoryview(b"x")) is NotReady.WOULD_BLOCK
    pair.transport._sock = real


class TestConnect:
    def test_first_address_that_there_is_a_way_to(self) -> None:
        """connect() on UDP finds out about routes, not about peers."""

        class NoRoute(Net):
            def socket(self, family: int, kind: int) -> socket.socket:
                class Sock(socket.socket):
                    def connect(self, where: object) -> None:
                        if where == ("192.0.2.1", 9):
                            raise OSError(errno.ENETUNREACH, "")
                        super().connect(where)  # type: ignore[arg-type]

                return Sock(family, kind)

        before = open_descriptors()
        leave = grant("udp-send-to:printer.test:9", "udp-send-to:*:9")
        made = udp.connect(leave, [address("192.0.2.1:9"), address("127.0.0.1:9")], net=NoRoute())
        assert str(made.peer) == "127.0.0.1:9"
        made.close()
        with pytest.raises(Unreachable) as caught:
            udp.connect(leave, [address("192.0.2.1:9")], net=NoRoute())
        assert str(caught.value) == "udp-send-to printer.test:9: 192.0.2.1:9 network is unreachable"
        assert not open_descriptors() - before

    def test_asks_the_grant(self) -> None:
        class NoSocket(Net):
            def socket(self, family: int, kind: int) -> socket.socket:
                raise AssertionError(f"opened a socket {family} {kind}")

        with pytest.raises(Denied):
            udp.connect(grant("udp-send-to:printer.test:9"), [address("127.0.0.1:9")], net=NoSocket())
        with pytest.raises(Denied):
            udp.receiver(grant("udp-bind:printer.test:9"), [address("127.0.0.1:9")], net=NoSocket())

    def test_no_descriptors(self) -> None:
        class Full(Net):
            def socket(self, family: int, kind: int) -> socket.socket:  # noqa: ARG002
                raise OSError(errno.EMFILE, "")

        with pytest.raises(LocalFailure, match="too many open files"):
            udp.connect(grant("udp-send-to:127.0.0.1:9"), [address("127.0.0.1:9")], net=Full())

    def test_nothing_is_sent(self, pair: UdpPair) -> None:
        pair.peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            pair.peer.recv(10)

    @pytest.mark.parametrize("rule", ["udp-send-to:127.255.255.255:9", "udp-send-to:*:9"])
    def test_broadcast_where_the_kernel_wants_to_be_told(self, rule: str) -> None:
        """127.255.255.255 is the loopback's own broadcast address."""
        leave = grant("udp-send-to:127.255.255.255:9", rule)
        with closing(udp.connect(leave, [address("127.255.255.255:9")])) as made:
            assert made.send(memoryview(b"x")) == 1

    def test_broadcast_of_a_block_is_denied(self) -> None:
        with pytest.raises(Denied, match="broadcast") as caught:
            udp.connect(
                grant("udp-send-to:127.255.255.255:9", "udp-send-to:127.0.0.0/8"), [address("127.255.255.255:9")]
            )
        assert caught.value.suggestion == "udp-send-to:127.255.255.255:9"

    def test_source(self, host: str) -> None:
        with bound(host) as server:
            where = from_sockaddr(server.family, server.getsockname())
            with bound(host) as probe:
                port = probe.getsockname()[1]
            leave = grant(f"udp-send-to:{where}")
            own = BindAddress(at(host, port), grant(f"udp-bind:{at(host, port)}"))
            with closing(udp.connect(leave, [where], sources={where.family: own})) as made:
                made.send(memoryview(b"x"))
                assert server.recvfrom(10)[1][1] == port == made.local.port
                with pytest.raises(LocalFailure, match="already in use"):
                    udp.connect(leave, [where], sources={where.family: own})

    def test_port_of_ones_own_takes_a_grant_to_bind(self) -> None:
        leave = grant("udp-send-to:127.0.0.1:9")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            with pytest.raises(TypeError, match="does not allow UDP port 5000"):
                bind(sock, BindAddress(address("127.0.0.1:5000"), leave))
            other = grant("udp-bind:127.0.0.1:5000")
            with pytest.raises((ValueError, Denied)):
                bind(sock, BindAddress(address("127.0.0.1:5001"), other))
            assert sock.getsockname()[1] == 0


class TestReceiver:
    @pytest.fixture
    def receiver(self, host: str) -> Iterator[UdpReceiver]:
        with closing(udp.receiver(grant(f"udp-bind:{at(host)}", "udp-bind"), [at(host)])) as made:
            yield made

    def test_takes_from_anyone_and_says_from_whom(self, receiver: UdpReceiver, host: str) -> None:
        assert receiver.receive_from() is NotReady.WOULD_BLOCK
        with bound(host) as one, bound(host) as two:
            where = (host, receiver.local.port)
            sent = [(one, b"a"), (two, b""), (two, b"c" * LIMITS[host]), (one, b"d")]
            for sock, text in sent:
                sock.sendto(text, where)
            for sock, text in sent:
                assert readable(receiver)
                assert receiver.receive_from() == (text, at(host, sock.getsockname()[1]))

    def test_answers_with_a_grant_to_send(self, receiver: UdpReceiver, host: str) -> None:
        with bound(host) as peer:
            where = from_sockaddr(peer.family, peer.getsockname())
            leave = grant(f"udp-send-to:{where}")
            assert receiver.send_to(memoryview(b"hello"), where, leave) == 5
            data, sender = peer.recvfrom(10)
            assert (data, sender[1]) == (b"hello", receiver.local.port)
            with pytest.raises(TypeError, match="does not allow anything to be sent"):
                receiver.send_to(memoryview(b"x"), where, receiver.grant)
            with pytest.raises((ValueError, Denied)):
                receiver.send_to(memoryview(b"x"), at(host, 9), leave)
            with pytest.raises(LocalFailure, match="at most"):
                receiver.send_to(memoryview(bytes(70_000)), where, leave)

    def test_port_is_not_shared(self, receiver: UdpReceiver, host: str) -> None:
        before = open_descriptors()
        with pytest.raises(LocalFailure, match="already in use") as caught:
            udp.receiver(grant(f"udp-bind:{receiver.local}"), [receiver.local])
        assert f"cannot bind to {receiver.local}" in str(caught.value)
        assert caught.value.hint
        assert not open_descriptors() - before
        with socket.socket(af_of(host), socket.SOCK_DGRAM) as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with pytest.raises(OSError, match="in use"):
                thief.bind((host, receiver.local.port))

    def test_closes_once(self, receiver: UdpReceiver) -> None:
        receiver.close()
        assert receiver.fileno() == -1
        receiver.close()

    def test_all_of_ipv6_is_not_ipv4(self) -> None:
        with closing(udp.receiver(grant("udp-bind:[::]:0", "udp-bind"), [at("::")])) as made:
            with bound("127.0.0.1") as sender:
                sender.connect(("127.0.0.1", made.local.port))
                sender.send(b"x")
                with pytest.raises(ConnectionRefusedError):
                    sender.recv(10)
            assert made.receive_from() is NotReady.WOULD_BLOCK
