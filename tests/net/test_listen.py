"""Accepting: only what was asked for, no peer lost, and no spinning where there are no descriptors."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.poller import Interrupt, NoInterrupt
from sockcli.errors import Denied, Interrupted, LocalFailure, TimedOut
from sockcli.net.listen import TcpListener, accept_next, listen
from sockcli.net.os_errors import NoDescriptors
from sockcli.net.sockaddr import to_sockaddr
from sockcli.net.system import Net
from sockcli.net.transport import NotReady
from tests.net.support import LOOPBACK, address, grant, open_descriptors, readable, reset, take
from tests.waiting import PATIENCE


def listening(where: str, net: Net | None = None, *, backlog: int = 128) -> TcpListener:
    leave = grant(f"tcp-listen:{where}", "tcp-listen")
    return listen(leave, [address(where)], net=net or Net(), backlog=backlog)


def connected(listener: TcpListener) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if listener.local.family == 6 else socket.AF_INET)
    sock.settimeout(PATIENCE)
    sock.connect(to_sockaddr(listener.local))
    return sock


@pytest.fixture(params=LOOPBACK)
def listener(request: pytest.FixtureRequest) -> Iterator[TcpListener]:
    host = request.param
    with closing(listening(f"[{host}]:0" if ":" in host else f"{host}:0")) as made:
        yield made


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestAccept:
    def test_nobody_is_not_an_error(self, listener: TcpListener) -> None:
        assert listener.accept() is NotReady.WOULD_BLOCK

    def test_peers_come_in_their_order(self, listener: TcpListener) -> None:
        with connected(listener) as one, connected(listener) as two:
            for sock in (one, two):
                assert readable(listener)
                peer = listener.accept()
                assert not isinstance(peer, NotReady)
                with closing(peer):
                    assert to_sockaddr(peer.peer) == sock.getsockname()
                    assert peer.grant is listener.grant
        assert listener.accept() is NotReady.WOULD_BLOCK

    def test_peer_that_is_gone_again_is_still_one_with_its_last_words(self, listener: TcpListener) -> None:
        sock = connected(listener)
        sock.sendall(b"last words")
        reset(sock)
        with closing(accept_next(listener)) as peer:
            assert take(peer) == b"last words"

    @pytest.mark.parametrize("code", [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN])
    def test_what_befell_a_queued_peer_is_no_fault_of_ours(
        self, listener: TcpListener, code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        codes = [code, errno.EAGAIN]

        class Sock:
            def accept(self) -> None:
                raise OSError(codes.pop(0), "")

        with monkeypatch.context() as patch:
            patch.setattr(listener, "_sock", Sock())
            assert listener.accept() is NotReady.WOULD_BLOCK
        assert not codes

    def test_no_descriptors(self, listener: TcpListener) -> None:
        with connected(listener):
            with no_descriptors_left(), pytest.raises(NoDescriptors, match="too many open files") as caught:
                listener.accept()
            assert str(listener.local) in str(caught.value)
            assert caught.value.hint
            assert caught.value.exit_code == 1
            peer = listener.accept()
            assert not isinstance(peer, NotReady)
            peer.close()


class TestAcceptNext:
    def test_waits_for_a_peer(self, listener: TcpListener) -> None:
        class Arriving(Net):
            """Somebody connects once we wait."""

            client: socket.socket | None = None

            def wait(
                self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt
            ) -> dict[int, int]:
                assert self.client is None
                self.client = connected(listener)
                return super().wait(interest, deadline, interrupt)

        net = Arriving()
        with closing(accept_next(listener, net=net, deadline=Deadline(PATIENCE))) as peer:
            assert net.client is not None
            assert to_sockaddr(peer.peer) == net.client.getsockname()
            net.client.close()

    def test_deadline(self, listener: TcpListener) -> None:
        with pytest.raises(TimedOut, match=r"nobody connected within 0\.01 s"):
            accept_next(listener, deadline=Deadline(0.01))

    def test_interrupt(self, listener: TcpListener) -> None:
        class Now(NoInterrupt):
            def check(self) -> None:
                raise Interrupted(2)

        with pytest.raises(Interrupted):
            accept_next(listener, interrupt=Now())

    def test_one_shot_says_that_there_are_no_descriptors(self, listener: TcpListener) -> None:
        with connected(listener), no_descriptors_left(), pytest.raises(NoDescriptors):
            accept_next(listener, deadline=Deadline(PATIENCE))

    def test_patient_one_pauses_longer_and_longer_and_then_takes_the_peer(self, listener: TcpListener) -> None:
        class Pausing(Net):
            """Time passes at once; after the seventh pause there are descriptors again."""

            def __init__(self) -> None:
                self.now = 0.0
                self.pauses: list[float] = []

            def clock(self) -> float:
                return self.now

            def wait(
                self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt
            ) -> dict[int, int]:
                assert not list(interest), "the listener is readable all the time: that would spin"
                interrupt.check()
                left = deadline.remaining()
                assert left is not None
                self.pauses.append(round(left, 6))
                self.now += left
                if len(self.pauses) == 7:
                    limit.__exit__(None, None, None)
                return {}

        net, limit = Pausing(), no_descriptors_left()
        with connected(listener) as sock:
            limit.__enter__()
            with closing(accept_next(listener, patient=True, net=net)) as peer:
                assert to_sockaddr(peer.peer) == sock.getsockname()
        assert net.pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]

    def test_patience_ends_with_the_deadline(self, listener: TcpListener) -> None:
        with connected(listener), no_descriptors_left(), pytest.raises(TimedOut):
            accept_next(listener, patient=True, deadline=Deadline(0.01))


class TestBind:
    def test_belongs_to_nobody_else(self, listener: TcpListener) -> None:
        assert not os.get_inheritable(listener.fileno())
        assert not os.get_blocking(listener.fileno())
        listener.close()
        assert listener.fileno() == -1
        listener.close()

    def test_port_taken(self, listener: TcpListener) -> None:
        before = open_descriptors()
        with pytest.raises(LocalFailure) as caught:
            listen(grant(f"tcp-listen:{listener.local}"), [listener.local])
        assert str(caught.value) == f"cannot bind to {listener.local}: address already in use"
        assert "another port" in str(caught.value.hint)
        assert caught.value.exit_code == 1
        assert not open_descriptors() - before

    def test_port_taken_on_one_loopback_does_not_lead_to_the_other(self) -> None:
        with closing(listening("127.0.0.1:0")) as taken:
            port = taken.local.port
            leave = grant(f"tcp-listen:localhost:{port}")
            with pytest.raises(LocalFailure, match=f"127.0.0.1:{port}: address already in use"):
                listen(leave, [address(f"127.0.0.1:{port}"), address(f"[::1]:{port}")])

    def test_address_that_is_not_ours_is_passed_over(self) -> None:
        leave = grant("tcp-listen:printer.test:0", "tcp-listen")
        with closing(listen(leave, [address("192.0.2.99:0"), address("127.0.0.1:0")])) as made:
            assert made.local.host.text == "127.0.0.1"
        with pytest.raises(LocalFailure, match=r"cannot bind to 192\.0\.2\.99: cannot assign") as caught:
            listen(leave, [address("192.0.2.99:0")])
        assert "ip address" in str(caught.value.hint)

    def test_privileged_port_says_what_to_do(self) -> None:
        class NotRoot(Net):
            def socket(self, family: int, kind: int) -> socket.socket:
                class Sock(socket.socket):
                    def bind(self, where: object) -> None:
                        raise OSError(errno.EACCES, f"{where}")

                return Sock(family, kind)

        with pytest.raises(LocalFailure, match="23: permission denied") as caught:
            listening("127.0.0.1:23", NotRoot())
        assert "1024" in str(caught.value.hint)

    def test_asks_the_grant(self) -> None:
        class NoSocket(Net):
            def socket(self, family: int, kind: int) -> socket.socket:
                raise AssertionError(f"opened a socket {family} {kind}")

        with pytest.raises(Denied):
            listen(grant("tcp-listen:printer.test:99"), [address("127.0.0.1:99")], net=NoSocket())

    def test_no_descriptors(self) -> None:
        class Full(Net):
            def socket(self, family: int, kind: int) -> socket.socket:  # noqa: ARG002
                raise OSError(errno.EMFILE, "")

        with pytest.raises(NoDescriptors):
            listening("127.0.0.1:0", Full())

    def test_all_of_ipv6_is_not_ipv4(self) -> None:
        with closing(listening("[::]:0")) as made, socket.socket() as sock, pytest.raises(ConnectionRefusedError):
            sock.connect(("127.0.0.1", made.local.port))

    def test_port_is_free_again_at_once(self) -> None:
        """Connections that were closed here a moment ago do not hold it."""
        first = listening("127.0.0.1:0")
        with connected(first) as sock:
            accept_next(first).close()
            assert sock.recv(1) == b""
        first.close()
        listening(str(first.local)).close()

    def test_port_is_not_shared(self, listener: TcpListener) -> None:
        with socket.socket(socket.AF_INET6 if listener.local.family == 6 else socket.AF_INET) as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with pytest.raises(OSError, match="in use"):
                thief.bind(to_sockaddr(listener.local))

    def test_backlog(self) -> None:
        """As many wait as were asked for (and one more, as Linux counts)."""
        with closing(listening("127.0.0.1:0", backlog=0)) as made, connected(made), socket.socket() as second:
            second.settimeout(0.05)
            with pytest.raises(TimeoutError):
                second.connect(to_sockaddr(made.local))
