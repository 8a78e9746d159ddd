"""A Channel without a driver: what is received, answered and sent in which order, and how it ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address, Host
from sockcli.base.poller import READABLE, wait
from sockcli.errors import ProtocolError, Unreachable
from sockcli.net.stream import TcpTransport
from sockcli.net.transport import WANT_READ, WANT_WRITE
from sockcli.telnet import TelnetCodec, TelnetOptions
from sockcli.telnet.constants import AYT, DM, DO, DONT, ECHO, IAC, IP, TIMING_MARK, WILL, WONT
from sockcli.transfer import channel as module
from sockcli.transfer.channel import Channel, SendState
from tests.transfer.relaying import grant
from tests.waiting import PATIENCE


class Pair:
    """Both ends of a connection."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname(), PATIENCE)
            self.peer, _ = listener.accept()
        self.peer.settimeout(PATIENCE)
        host, port = ours.getpeername()
        self.ours = ours
        self.transport = TcpTransport(ours, grant(), Address(Host.parse(host), port))

    def close(self) -> None:
        self.transport.close()
        self.peer.close()

    def arrives(self, channel: Channel) -> bytes:
        """What the channel receives once there is something."""
        assert wait([(self.transport.fileno(), READABLE)], Deadline(PATIENCE))
        return channel.receive()

    def told(self, size: int) -> bytes:
        """The next `size` bytes that the peer gets."""
        data = b""
        while len(data) < size:
            data += self.peer.recv(size - len(data))
        return data


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def handed_out(channel: Channel) -> list[object]:
    """All that the codec has, a step at a time."""
    events: list[object] = []
    channel.deliver(events.append)
    while channel.has_buffered_events:
        channel.deliver(events.append)
    return events


def data_of(events: list[object]) -> bytes:
    return b"".join(getattr(event, "data", b"") for event in events)


# Receiving


def test_without_a_codec_bytes_are_passed_on_and_counted(pair: Pair) -> None:
    channel = Channel(pair.transport)
    assert channel.receive() == b""
    pair.peer.sendall(b"abc")
    assert pair.arrives(channel) == b"abc"
    assert (channel.received, channel.eof_received, channel.ended) == (3, False, False)
    assert channel.read_interest() == WANT_READ
    pair.peer.shutdown(socket.SHUT_WR)
    assert pair.arrives(channel) == b""
    assert (channel.eof_received, channel.ended, channel.read_interest()) == (True, True, 0)
    assert not channel.has_buffered_events


def test_with_one_the_end_comes_after_what_it_has(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec())
    pair.peer.sendall(b"abc" + bytes([IAC]))
    assert pair.arrives(channel) == b"abc" + bytes([IAC])
    pair.peer.shutdown(socket.SHUT_WR)
    pair.arrives(channel)
    assert (channel.eof_received, channel.ended) == (True, False)
    assert channel.has_buffered_events
    assert data_of(handed_out(channel)) == b"abc"
    assert channel.ended
    assert not channel.has_buffered_events


def test_a_read_takes_less_while_the_codec_is_active(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec(active=False), read_limit=4)
    pair.peer.sendall(b"abcdef")
    assert pair.arrives(channel) == b"abcdef"
    handed_out(channel)
    pair.peer.sendall(bytes([IAC, DO, ECHO]) + b"abcdef")
    pair.arrives(channel)
    handed_out(channel)
    pair.peer.sendall(b"ghijkl")
    assert pair.arrives(channel) == b"ghij"


def test_a_fault_of_the_protocol_ends_receiving(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec(TelnetOptions(binary=True)))
    pair.peer.sendall(bytes([IAC, WONT, 0]))
    pair.arrives(channel)
    channel.deliver(lambda _: None)
    while channel.has_buffered_events:
        channel.deliver(lambda _: None)
    assert isinstance(channel.receive_failure, ProtocolError)
    assert channel.ended
    with pytest.raises(ProtocolError):
        channel.is_settled(exhausted=True)


def test_what_is_urgent_drops_what_is_before_its_mark(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec())
    pair.peer.sendall(b"dropped")
    pair.peer.send(bytes([IAC, DM]), socket.MSG_OOB)
    pair.peer.sendall(b"kept")
    seen = b""
    while not seen.endswith(b"kept"):
        pair.arrives(channel)
        seen += data_of(handed_out(channel))
    assert seen == b"kept"


def test_a_connection_that_both_sides_have_ended_is_not_taken_for_an_urgent_one(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec())
    pair.transport.send_eof()
    assert pair.peer.recv(1) == b""
    pair.peer.sendall(b"bye")
    pair.peer.close()
    assert pair.arrives(channel) == b"bye"
    assert data_of(handed_out(channel)) == b"bye"


# Answering


def test_a_reply_follows_what_was_handed_out(pair: Pair) -> None:
    """RFC 860: a timing mark says that all before it was dealt with."""
    channel = Channel(pair.transport, TelnetCodec())
    pair.peer.sendall(b"first" + bytes([IAC, DO, TIMING_MARK]))
    pair.arrives(channel)
    pending_at: list[int] = []
    channel.deliver(lambda _: pending_at.append(channel.pending))
    assert set(pending_at) == {0}
    channel.flush()
    assert pair.told(3) == bytes([IAC, WILL, TIMING_MARK])


def test_replies_are_no_input_of_the_users(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec(), input_left=lambda: channel.unsent)
    pair.peer.sendall(bytes([IAC, DO, 200]))
    pair.arrives(channel)
    channel.deliver(lambda _: None)
    assert (channel.pending, channel.unsent) == (3, 0)
    channel.send_data(b"x")
    assert (channel.pending, channel.unsent) == (4, 4)  # it is behind them, so they count as well


# Sending


def test_bytes_go_out_in_order_and_are_told_of(pair: Pair) -> None:
    told = bytearray()
    channel = Channel(pair.transport, on_sent=told.extend)
    channel.send_data(b"")
    assert channel.write_interest() == 0
    channel.send_data(b"one ")
    channel.send_raw(b"two")
    assert channel.write_interest() == WANT_WRITE
    channel.flush()
    assert pair.told(7) == bytes(told) == b"one two"
    assert (channel.sent, channel.pending, channel.unsent) == (7, 0, 0)


def test_what_is_urgent_goes_between_what_was_said_before_and_after_it(pair: Pair) -> None:
    pair.peer.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    codec = TelnetCodec()
    channel = Channel(pair.transport, codec)
    channel.send_data(b"before")
    codec.interrupt()
    channel.queue_commands()
    codec.send_command("ayt")
    channel.queue_commands()
    channel.send_data(b"after")
    channel.flush()
    synch = bytes([IAC, IP, IAC, DM])
    assert pair.told(17) == b"before" + synch + bytes([IAC, AYT]) + b"after"
    assert channel.pending == 0


def test_the_end_of_input_without_a_codec(pair: Pair) -> None:
    channel = Channel(pair.transport)
    channel.send_data(b"x")
    channel.end_input()
    assert (channel.send_state, channel.all_sent) == (SendState.DRAINING, False)
    channel.flush()
    assert (channel.send_state, channel.all_sent) == (SendState.FINISHED, True)
    assert pair.told(1) == b"x"
    assert pair.peer.recv(1) == b""


def test_the_end_of_input_without_a_fin(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec(), shutdown=False)
    channel.end_input()
    channel.flush()
    assert channel.send_state is SendState.FINISHED
    pair.peer.sendall(bytes([IAC, DO, 200]))
    pair.arrives(channel)
    channel.deliver(lambda _: None)
    channel.flush()
    assert pair.told(3) == bytes([IAC, WONT, 200])


def test_the_fin_waits_for_what_telnet_may_still_ask(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET_BEFORE_FIN", PATIENCE)
    channel = Channel(pair.transport, TelnetCodec())
    channel.end_input()
    channel.flush()
    assert (channel.send_state, channel.all_sent) == (SendState.FIN_PENDING, True)
    due = channel.next_moment()
    assert due.seconds == PATIENCE
    before = due.remaining()
    pair.peer.sendall(bytes([IAC, DO, 200]))
    pair.arrives(channel)
    channel.deliver(lambda _: None)
    channel.flush()
    assert pair.told(3) == bytes([IAC, WONT, 200])
    after = channel.next_moment().remaining()
    assert before is not None
    assert after is not None
    assert PATIENCE >= after > before - PATIENCE
    channel.fin_due = Deadline(0)
    channel.flush()
    assert channel.send_state is SendState.FINISHED
    assert pair.peer.recv(1) == b""


def test_a_codec_that_only_listens_keeps_no_fin(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec(active=False))
    channel.end_input()
    channel.flush()
    assert channel.send_state is SendState.FINISHED


def test_after_our_fin_nothing_is_answered(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec())
    channel.end_input()
    channel.flush()
    channel.fin_due = Deadline(0)
    channel.flush()
    pair.peer.sendall(bytes([IAC, DONT, ECHO, IAC, DO, 200]))
    pair.arrives(channel)
    channel.deliver(lambda _: None)
    assert channel.pending == 0


def test_input_that_waits_for_binary_mode_keeps_the_end_open(pair: Pair) -> None:
    channel = Channel(pair.transport, TelnetCodec(TelnetOptions(binary=True)))
    channel.send_data(b"x")
    assert (channel.holds_input, channel.room, channel.unsent) == (True, False, 1)
    channel.end_input()
    channel.flush()
    assert (channel.send_state, channel.unsent) == (SendState.DRAINING, 1)


# The end


def test_it_is_settled_once_the_peer_has_all(pair: Pair) -> None:
    channel = Channel(pair.transport, input_left=lambda: channel.unsent)
    channel.send_data(b"x")
    channel.flush()
    assert pair.told(1) == b"x"
    pair.peer.shutdown(socket.SHUT_WR)
    pair.arrives(channel)
    assert not channel.is_settled(exhausted=False)
    while not channel.is_settled(exhausted=True):
        wait((), channel.next_moment())


def test_a_last_acknowledgement_is_not_awaited_for_ever(pair: Pair) -> None:
    channel = Channel(_Unconfirmed(pair.transport), input_left=lambda: 0)
    pair.peer.shutdown(socket.SHUT_WR)
    pair.arrives(channel)
    assert not channel.is_settled(exhausted=True)
    assert channel.next_ack_check.seconds == module.ACK_FIRST
    channel._ack_limit = Deadline(0)
    assert channel.is_settled(exhausted=True)


def test_the_kernel_is_asked_for_it_less_and_less_often(pair: Pair) -> None:
    channel = Channel(_Unconfirmed(pair.transport))
    asked = []
    for _ in range(8):
        assert not channel.is_acknowledged()
        asked.append(channel.next_ack_check.seconds)
        wait((), channel.next_ack_check)
    assert asked == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05]


class _Unconfirmed:
    """A transport whose peer never confirms anything."""

    received_eof = True

    def __init__(self, transport: TcpTransport) -> None:
        self._transport = transport
        self.grant, self.peer, self.local = transport.grant, transport.peer, transport.local
        self.fileno, self.receive, self.send = transport.fileno, transport.receive, transport.send
        self.pending, self.interest = transport.pending, transport.interest
        self.send_eof, self.close = transport.send_eof, transport.close

    def unacknowledged(self) -> int:
        return 5


def test_input_that_is_left_is_a_loss(pair: Pair) -> None:
    channel = Channel(pair.transport, input_left=lambda: 7)
    channel.send_data(b"x")
    pair.peer.shutdown(socket.SHUT_WR)
    pair.arrives(channel)
    with pytest.raises(Unreachable, match="the peer ended it; 7 bytes of input were not sent"):
        channel.is_settled(exhausted=True)


def test_who_sends_nothing_loses_nothing(pair: Pair) -> None:
    channel = Channel(pair.transport, input_left=None)
    failure = Unreachable("gone")
    assert channel.lost(failure) is failure


def test_what_is_urgent_counts_as_the_users(pair: Pair) -> None:
    codec = TelnetCodec()
    channel = Channel(pair.transport, codec)
    codec.interrupt()
    channel.queue_commands()
    assert (channel.pending, channel.unsent) == (4, 4)


def test_data_alone_does_not_put_the_fin_off(pair: Pair) -> None:
    """Only what has to be answered does."""
    channel = Channel(pair.transport, TelnetCodec())
    channel.end_input()
    channel.flush()
    channel.fin_due = Deadline(0)
    pair.peer.sendall(b"no question")
    pair.arrives(channel)
    channel.deliver(lambda _: None)
    assert channel.fin_due.expired
