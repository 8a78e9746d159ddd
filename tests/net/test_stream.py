"""TcpTransport: nothing that came in is lost, and no loss looks like an end."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.poller import URGENT, wait
from sockcli.errors import TimedOut, Unreachable
from sockcli.net import stream
from sockcli.net.stream import TcpTransport
from sockcli.net.transport import NotReady
from tests.net.support import LOOPBACK, TcpPair, address, grant, put, readable, reset, take, take_all, tcp_pair
from tests.waiting import PATIENCE, until


@pytest.fixture(params=LOOPBACK)
def pair(request: pytest.FixtureRequest) -> Iterator[TcpPair]:
    with tcp_pair(request.param) as made:
        yield made


def broken(transport: TcpTransport) -> bool:
    """The reset has come in."""
    poller = select.poll()
    poller.register(transport.fileno(), 0)
    return bool(poller.poll(0))


def fill(transport: TcpTransport) -> int:
    """Send until no more is taken."""
    block, sent = memoryview(bytes(65_536)), 0
    while isinstance(taken := transport.send(block), int):
        sent += taken
    assert taken is NotReady.WOULD_BLOCK
    return sent


def test_end_of_the_peer(pair: TcpPair) -> None:
    pair.peer.sendall(b"bye")
    pair.peer.shutdown(socket.SHUT_WR)
    assert take(pair.transport) == b"bye"
    assert take(pair.transport) is NotReady.EOF
    assert pair.transport.receive() is NotReady.EOF
    assert pair.transport.receive_into(bytearray(10)) is NotReady.EOF
    put(pair.transport, b"still open this way")
    assert pair.peer.recv(100) == b"still open this way"


def test_our_end(pair: TcpPair) -> None:
    put(pair.transport, b"bye")
    pair.transport.send_eof()
    assert pair.peer.recv(100) == b"bye"
    assert pair.peer.recv(100) == b""


def test_small_messages_are_not_held_back(pair: TcpPair) -> None:
    with socket.socket(fileno=socket.dup(pair.transport.fileno())) as same:
        assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_receives_no_more_than_asked(pair: TcpPair) -> None:
    pair.peer.sendall(b"abcdef")
    assert readable(pair.transport)
    assert pair.transport.receive(4) == b"abcd"
    assert pair.transport.receive(4) == b"ef"


def test_receives_into_a_buffer(pair: TcpPair) -> None:
    buffer = bytearray(4)
    assert pair.transport.receive_into(buffer) is NotReady.WOULD_BLOCK
    pair.peer.sendall(b"abcdef")
    assert readable(pair.transport)
    assert pair.transport.receive_into(buffer) == 4
    assert buffer == b"abcd"
    assert pair.transport.receive_into(memoryview(buffer)[1:3]) == 2
    assert buffer == b"aefd"


class TestLoss:
    def test_what_came_before_a_reset_is_received_first(self, pair: TcpPair) -> None:
        pair.peer.sendall(b"last words")
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        assert pair.transport.receive(4) == b"last"
        assert pair.transport.receive() == b" words"
        for _ in range(2):
            with pytest.raises(Unreachable, match="connection reset by the peer") as caught:
                pair.transport.receive()
            assert str(pair.transport.peer) in str(caught.value)
        with pytest.raises(Unreachable, match="reset"):
            pair.transport.receive_into(bytearray(10))
        with pytest.raises(Unreachable, match="reset"):
            pair.transport.send(memoryview(b"x"))

    @pytest.mark.parametrize("into", [False, True])
    def test_failed_send_does_not_make_it_a_clean_end(self, pair: TcpPair, into: bool) -> None:
        """The kernel tells of a reset once. Whoever hears of it first, reading must not end as if all were well."""
        pair.peer.sendall(b"last words")
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        for _ in range(2):
            with pytest.raises(Unreachable, match="connection reset by the peer"):
                pair.transport.send(memoryview(b"x"))
        assert pair.transport.receive() == b"last words"
        with pytest.raises(Unreachable, match="connection reset by the peer"):
            pair.transport.receive_into(bytearray(10)) if into else pair.transport.receive()

    def test_half_close_after_a_reset_is_harmless_and_hides_nothing(self, pair: TcpPair) -> None:
        pair.peer.sendall(b"last words")
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        pair.transport.send_eof()
        assert pair.transport.receive() == b"last words"
        with pytest.raises(Unreachable, match="connection reset by the peer"):
            pair.transport.receive()

    def test_reset_after_the_peers_end_is_no_clean_end_once_we_hear_of_it(self, pair: TcpPair) -> None:
        """The kernel gives the end and keeps the reset to itself; half-closing brings it out."""
        pair.peer.sendall(b"last words")
        pair.peer.shutdown(socket.SHUT_WR)
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        pair.transport.send_eof()
        assert pair.transport.receive() == b"last words"
        with pytest.raises(Unreachable, match="connection with"):
            pair.transport.receive()

    def test_half_close_after_everything_was_told(self, pair: TcpPair) -> None:
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        with pytest.raises(Unreachable):
            pair.transport.receive()
        pair.transport.send_eof()
        with pytest.raises(Unreachable, match="reset"):
            pair.transport.receive()

    def test_peer_that_closed_takes_no_more(self, pair: TcpPair) -> None:
        pair.peer.close()
        assert take(pair.transport) is NotReady.EOF
        pair.transport.send(memoryview(b"x"))
        until(lambda: broken(pair.transport), "the reset")
        with pytest.raises(Unreachable, match="the peer closed the connection and takes no more"):
            pair.transport.send(memoryview(b"x"))

    @pytest.mark.parametrize("how", ["read", "send", "half-close"])
    @pytest.mark.parametrize("ended", [True, False], ids=["after its end", "instead of its end"])
    def test_whether_all_came_that_the_peer_sent(self, pair: TcpPair, how: str, ended: bool) -> None:
        """A reset takes away only what was still to come, whoever is told of it first."""
        pair.peer.sendall(b"last words")
        if ended:
            pair.peer.shutdown(socket.SHUT_WR)
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        if how == "send":
            with pytest.raises(Unreachable):
                pair.transport.send(memoryview(b"x"))
        elif how == "half-close":
            pair.transport.send_eof()
        assert pair.transport.receive() == b"last words"
        assert not pair.transport.received_eof
        with suppress(Unreachable):
            pair.transport.receive()
        assert pair.transport.received_eof == ended

    def test_how_much_was_lost(self, pair: TcpPair) -> None:
        sent = fill(pair.transport)
        got = len(pair.peer.recv(1000))
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        with pytest.raises(Unreachable):
            pair.transport.send(memoryview(b"x"))
        assert 0 < pair.transport.unacknowledged() <= sent - got

    def test_kernel_that_gave_up_is_a_time_out(self, pair: TcpPair, monkeypatch: pytest.MonkeyPatch) -> None:
        class Dead:
            def recv(self, limit: int) -> bytes:  # noqa: ARG002
                raise OSError(errno.ETIMEDOUT, "")

        with monkeypatch.context() as patch:
            patch.setattr(pair.transport, "_sock", Dead())
            with pytest.raises(TimedOut, match="no longer answers"):
                pair.transport.receive()


class TestUnacknowledged:
    def test_counts_down_to_nothing(self, pair: TcpPair) -> None:
        assert pair.transport.unacknowledged() == 0
        sent = fill(pair.transport)
        assert 0 < pair.transport.unacknowledged() <= sent
        pair.transport.send_eof()
        total = 0
        while data := pair.peer.recv(1 << 20):
            total += len(data)
        assert total == sent
        until(lambda: pair.transport.unacknowledged() == 0, "the last acknowledgement")

    def test_an_end_that_nobody_confirms_is_no_byte(self, pair: TcpPair) -> None:
        fill(pair.transport)  # the peer's window is shut, so that the end waits behind what does not fit into it
        before = pair.transport.unacknowledged()
        pair.transport.send_eof()
        assert 0 < pair.transport.unacknowledged() <= before

    def test_an_end_that_could_not_be_sent_takes_nothing_off(self, pair: TcpPair) -> None:
        fill(pair.transport)
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        before = pair.transport.unacknowledged()
        pair.transport.send_eof()
        assert pair.transport.unacknowledged() == before > 0


class TestClose:
    def test_last_bytes_arrive_though_much_is_unread(self, pair: TcpPair) -> None:
        """Closing with something unread is a reset, and that throws away what the peer has not read yet."""
        pair.peer.sendall(b"question " * 10_000)
        assert readable(pair.transport)
        put(pair.transport, b"the answer")
        pair.transport.close()
        received = b""
        while data := pair.peer.recv(100):
            received += data
        assert received == b"the answer"

    def test_sends_the_end(self, pair: TcpPair) -> None:
        pair.transport.close()
        assert pair.peer.recv(1) == b""

    def test_peer_that_goes_on_sending_cannot_hold_it_up(self, pair: TcpPair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stream, "_DRAIN_LIMIT", 1000)
        calls: list[str] = []

        class Endless:
            def __init__(self, real: socket.socket) -> None:
                self.real = real

            def recv_into(self, buffer: bytearray) -> int:
                calls.append("read")
                return min(len(buffer), 300)

            def fileno(self) -> int:
                return self.real.fileno()

            def shutdown(self, how: int) -> None:
                calls.append("end")
                self.real.shutdown(how)

            def close(self) -> None:
                self.real.close()

        monkeypatch.setattr(pair.transport, "_sock", Endless(pair.transport._sock))
        pair.transport.close()
        assert calls == ["end", "read", "read", "read", "read"]
        assert pair.transport.fileno() == -1


class TestUrgent:
    """Telnet's Synch: a mark in the stream, and everything before it still there."""

    def test_no_read_crosses_the_mark_and_its_byte_stays_in_the_stream(self, pair: TcpPair) -> None:
        transport = pair.transport
        pair.peer.send(b"before")
        pair.peer.send(b"!", socket.MSG_OOB)
        pair.peer.sendall(b"after")
        pair.peer.shutdown(socket.SHUT_WR)
        assert wait([(transport.fileno(), URGENT)], Deadline(PATIENCE))
        assert take(transport) == b"before"
        assert take_all(transport) == b"!after"

    def test_sends_the_last_byte_as_urgent(self, pair: TcpPair) -> None:
        assert pair.transport.send_urgent(memoryview(b"ab")) == 2
        poller = select.poll()
        poller.register(pair.peer.fileno(), select.POLLPRI)
        assert poller.poll(PATIENCE * 1000)
        assert pair.peer.recv(10, socket.MSG_OOB) == b"b"
        assert pair.peer.recv(10) == b"a"

    def test_loss_is_a_loss(self, pair: TcpPair) -> None:
        reset(pair.peer)
        until(lambda: broken(pair.transport), "the reset")
        for _ in range(2):
            with pytest.raises(Unreachable):
                pair.transport.send_urgent(memoryview(b"x"))


def test_socket_that_was_reset_before_it_was_wrapped() -> None:
    """As accept() may give it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        client.sendall(b"last words")
        reset(client)
        sock, _ = server.accept()
    transport = TcpTransport(sock, grant("tcp-connect:127.0.0.1:9"), address("127.0.0.1:9"))
    assert take(transport) == b"last words"
    with pytest.raises(Unreachable):
        take(transport)
    transport.close()
