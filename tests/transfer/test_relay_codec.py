"""A relay that speaks a protocol: what the peer says of it is answered, and its bytes are not the user's."""

from __future__ import annotations

import os
import socket
import zlib
from collections.abc import Iterator

import pytest

from sockcli.base.byte_queue import HIGH_WATER
from sockcli.base.deadline import AT_ONCE, NEVER
from sockcli.base.outcome import Ending
from sockcli.errors import Interrupted, ProtocolError, Unreachable
from sockcli.net.transport import CHUNK
from sockcli.stdio.source import Source
from sockcli.telnet import TelnetCodec, TelnetOptions
from sockcli.telnet.events import Data
from sockcli.transfer import channel
from sockcli.transfer.channel import Channel
from sockcli.transfer.relay import RelayOptions
from sockcli.transfer.send_flow import SendFlow
from tests.transfer.relaying import Outcome, Session, new_session
from tests.waiting import PATIENCE, until

IAC, DONT, DO, WONT, WILL, SB, SE, DM = 255, 254, 253, 252, 251, 250, 240, 242
BINARY, TIMING_MARK, COMPRESS = 0, 6, 86


@pytest.fixture
def session() -> Iterator[Session]:
    with new_session() as opened:
        yield opened


def receive(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = peer.recv(size - len(data))
        assert chunk
        data += chunk
    return data


class Wire:
    """A tap that keeps what it sees."""

    def __init__(self) -> None:
        self.passed: list[tuple[str, bytes]] = []

    def sent(self, data: bytes) -> None:
        self.passed.append((">", data))

    def received(self, data: bytes) -> None:
        self.passed.append(("<", data))

    def close(self) -> None:
        raise AssertionError("taps belong to whoever made them")


def test_offers_are_answered_and_data_is_translated(session: Session) -> None:
    wire = Wire()
    events: list[object] = []
    session.start(codec=TelnetCodec(), taps=[wire], on_event=events.append)
    session.peer.sendall(bytes([IAC, WILL, 200, 65, IAC, IAC, 66]))
    assert session.printed(3) == bytes([65, IAC, 66])
    assert receive(session.peer, 3) == bytes([IAC, DONT, 200])
    session.type(bytes([67, IAC, 10]))
    assert receive(session.peer, 5) == bytes([67, IAC, IAC, 13, 10])
    session.peer.close()
    assert session.finish() is Ending.PEER
    assert wire.passed == [
        ("<", bytes([IAC, WILL, 200, 65, IAC, IAC, 66])),
        (">", bytes([IAC, DONT, 200])),
        (">", bytes([67, IAC, IAC, 13, 10])),
    ]
    assert not any(isinstance(event, Data) for event in events)


def test_a_codec_may_have_the_first_word(session: Session) -> None:
    session.start(codec=TelnetCodec(TelnetOptions(initiate=True)))
    assert receive(session.peer, 1) == bytes([IAC])


def test_what_a_codec_still_holds_at_the_end_of_stdin_is_sent(session: Session) -> None:
    session.start(codec=TelnetCodec())
    session.type(b"a\r")
    session.end_input()
    assert receive(session.peer, 3) == b"a\r\0"
    assert session.peer.recv(1) == b""
    session.peer.close()
    assert session.finish() is Ending.INPUT


def test_our_end_waits_as_long_as_the_peer_asks(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "QUIET_BEFORE_FIN", PATIENCE)
    session.end_input()
    session.start(codec=TelnetCodec())
    for option in (200, 201):
        session.peer.sendall(bytes([IAC, DO, option]))
        assert receive(session.peer, 3) == bytes([IAC, WONT, option])
    session.peer.close()
    assert session.finish() is Ending.INPUT


def test_after_our_end_nothing_is_answered_and_that_is_no_error(session: Session) -> None:
    session.end_input()
    session.start(codec=TelnetCodec())
    assert session.peer.recv(1) == b""
    session.peer.sendall(bytes([IAC, DO, 200]) + b"bye")
    session.peer.close()
    assert session.finish() is Ending.INPUT
    assert session.rest() == b"bye"


@pytest.mark.parametrize("ended", [False, True], ids=["more input may come", "the input has ended"])
def test_an_answer_that_a_peer_no_longer_takes_is_no_loss(session: Session, ended: bool) -> None:
    session.type(b"bye\n")
    session.start(codec=TelnetCodec())
    assert receive(session.peer, 5) == b"bye\r\n"
    if ended:
        session.end_input()
        assert session.peer.recv(1) == b""
    # In one segment with its end: an answer in between would be unread at the close, which makes that a reset.
    session.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    session.peer.sendall(bytes([IAC, DO, 200]) + b"bye")
    session.peer.close()
    assert session.finish() is (Ending.INPUT if ended else Ending.PEER)
    assert session.rest() == b"bye"


def test_our_end_and_an_answer_that_meet_a_peer_that_has_ended_are_no_loss(session: Session) -> None:
    """The answer is refused, and then there is nothing left for our end to go to."""
    session.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    session.peer.sendall(bytes([IAC, DO, 200]) + b"bye")
    session.peer.close()
    session.end_input()
    session.start(codec=TelnetCodec())
    assert session.finish() is Ending.INPUT
    assert session.rest() == b"bye"


def test_answers_after_the_first_one_that_was_refused_are_no_loss_either(session: Session) -> None:
    """They cannot even be sent."""
    question = bytes([IAC, DO, 200])
    session.peer.sendall(question + bytes(CHUNK) + bytes([IAC, WILL, 200]) + b"bye")
    session.peer.close()
    session.start(codec=TelnetCodec())
    assert session.printed(CHUNK + 3) == bytes(CHUNK) + b"bye"
    assert session.finish() is Ending.PEER


def test_input_may_still_come_for_a_moment_after_an_answer_was_refused(session: Session) -> None:
    """Or nobody would be told that it was not taken."""
    session.peer.close()
    codec = TelnetCodec()
    of = Channel(session.transport, codec)
    outgoing = SendFlow(of, Source(session.stdin_read))
    while of.send_failure is None:
        codec.receive_data(bytes([IAC, DO, TIMING_MARK, 65]))
        of.deliver(lambda _: None)
        outgoing.step({})
    outgoing.input_idle = NEVER
    assert not outgoing.exhausted()
    outgoing.input_idle = AT_ONCE
    assert outgoing.exhausted()


def test_input_that_a_peer_no_longer_takes_is_a_loss_whatever_is_answered(session: Session) -> None:
    session.peer.sendall(bytes([IAC, DO, 200]) + b"bye")
    session.peer.close()
    session.type(b"late\n")
    session.start(codec=TelnetCodec())
    with pytest.raises(Unreachable, match=r"not acknowledged|not sent"):
        session.finish()
    assert session.rest() == b"bye"


def test_input_waits_until_the_codec_lets_it_pass(session: Session) -> None:
    session.start(codec=TelnetCodec(TelnetOptions(binary=True)))
    session.type(b"\n\r")
    session.end_input()
    asked = receive(session.peer, 6)
    assert {asked[:3], asked[3:]} == {bytes([IAC, WILL, BINARY]), bytes([IAC, DO, BINARY])}
    session.peer.sendall(bytes([IAC, DO, BINARY]))
    session.peer.sendall(b"-")
    assert session.printed(1) == b"-"
    session.peer.sendall(bytes([IAC, WILL, BINARY]))
    assert receive(session.peer, 2) == b"\n\r"
    assert session.peer.recv(1) == b""
    session.peer.close()
    session.finish()


def test_a_protocol_fault_is_raised_after_what_came_before_it(session: Session) -> None:
    session.type(b"held back")
    session.start(codec=TelnetCodec(TelnetOptions(binary=True)))
    session.peer.sendall(b"before")
    assert session.printed(6) == b"before"
    relay = session.relay
    assert relay is not None
    until(lambda: relay._sending.unsent == 9, "the input to be read")
    session.peer.shutdown(socket.SHUT_WR)
    with pytest.raises(ProtocolError, match="binary"):
        session.finish()


def test_urgent_data_makes_it_skip_to_the_mark_once(session: Session) -> None:
    session.start(codec=TelnetCodec())
    # The mark on the DM itself: TCP's urgent byte is the last one sent with MSG_OOB.
    session.peer.send(b"dropped" + bytes([IAC, DM]), socket.MSG_OOB)
    session.peer.sendall(b"kept")
    assert session.printed(4) == b"kept"
    session.peer.send(bytes([IAC, DM]), socket.MSG_OOB)
    session.peer.sendall(b"and again")
    assert session.printed(9) == b"and again"
    session.peer.close()
    session.finish()
    assert session.rest() == b""


@pytest.mark.parametrize("mark", [-3, -2, -1, 0], ids=["before", "on the IAC", "on the DM", "behind"])
def test_wherever_the_mark_of_a_synch_sits(session: Session, mark: int) -> None:
    """BSD's telnetd has it on the IAC; RFC 1123 on the DM, and some stacks a byte further."""
    session.start(codec=TelnetCodec())
    stream = b"dropped" + bytes([IAC, WILL, 200]) + b"!" + bytes([IAC, DM]) + b" kept"
    at = stream.index(DM) + 2 + mark
    session.peer.send(stream[:at], socket.MSG_OOB)
    session.peer.sendall(stream[at:])
    session.peer.shutdown(socket.SHUT_WR)
    session.end_input()
    session.finish()
    assert session.rest() == b" kept"


def test_a_kilobyte_that_is_a_hundred_megabytes_does_not_fill_the_memory(session: Session) -> None:
    size = 100_000_000
    session.start(codec=TelnetCodec(TelnetOptions(compress=True)))
    session.peer.sendall(bytes([IAC, WILL, COMPRESS]))
    assert receive(session.peer, 3) == bytes([IAC, DO, COMPRESS])
    squeezed = zlib.compress(bytes(size), 9)
    sending = Outcome(lambda: session.peer.sendall(bytes([IAC, SB, COMPRESS, IAC, SE]) + squeezed))
    relay = session.relay
    assert relay is not None
    until(lambda: not relay._sink.room, "stdout to be full")
    most = 0
    left = size
    while left:
        left -= len(os.read(session.stdout, min(left, 1 << 20)))
        most = max(most, relay._sink.pending)
    assert most < 8 * HIGH_WATER
    sending.result()
    session.peer.close()
    session.finish()


class Hoarder:
    """Gives everything at the end, in pieces that each fill stdout."""

    active = True
    blocked = False
    held = 0

    def __init__(self) -> None:
        self._events: list[list[object]] = []

    @property
    def pending(self) -> bool:
        return bool(self._events)

    def receive_data(self, data: bytes) -> None:
        assert data == b"x"

    def receive_urgent(self) -> None:
        raise AssertionError

    def receive_eof(self) -> None:
        self._events = [[Data(bytes(2 * HIGH_WATER))], [Data(bytes(2 * HIGH_WATER))]]

    def events_received(self) -> list[object]:
        return self._events.pop(0) if self._events else []

    def send_data(self, data: bytes) -> None:
        raise AssertionError(data)

    def send_eof(self) -> None:
        raise AssertionError

    def data_to_send(self) -> bytes:
        return b""

    urgent_to_send = data_to_send


def test_what_a_codec_has_at_the_end_may_fill_stdout(session: Session) -> None:
    session.start(codec=Hoarder())
    session.peer.sendall(b"x")
    session.peer.close()
    assert session.printed(4 * HIGH_WATER) == bytes(4 * HIGH_WATER)
    assert session.finish() is Ending.PEER


def test_a_peer_that_asks_on_and_on_but_reads_no_answer_is_not_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockcli.transfer.channel.MAX_ANSWER_BACKLOG", 20_000)
    session.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    session.ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    session.start(RelayOptions(send_only=True), codec=TelnetCodec())
    # With data in between, or the codec itself would stop to answer.
    question = (bytes([IAC, DO, TIMING_MARK]) + b"A" * 64) * 1000
    session.peer.settimeout(0)
    relay = session.relay
    assert relay is not None

    def full() -> bool:
        try:
            while True:
                session.peer.send(question)
        except BlockingIOError:
            return relay._channel.answer_backlog_full
        return False

    until(full, "the peer to be held up")
    assert relay._channel.pending < 40_000
    assert relay._sending.unsent < 40_000
    session.button.press()
    with pytest.raises(Interrupted):
        session.finish()


def test_send_only_speaks_too(session: Session) -> None:
    session.start(RelayOptions(send_only=True), codec=TelnetCodec())
    session.peer.sendall(bytes([IAC, WILL, 200]) + b"dropped")
    assert receive(session.peer, 3) == bytes([IAC, DONT, 200])
    session.type(bytes([IAC]))
    session.end_input()
    assert receive(session.peer, 2) == bytes([IAC, IAC])
    assert session.finish() is Ending.INPUT
    assert session.rest() == b""
