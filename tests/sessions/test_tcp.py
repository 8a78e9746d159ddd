"""A session on a real connection, without loop and screen: what goes out in which order, and how it ends."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from sockcli.base.byte_queue import HIGH_WATER
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address, Host
from sockcli.base.poller import READABLE, WRITABLE, wait
from sockcli.errors import LocalFailure, SockcliError, TimedOut, Unreachable, UsageError
from sockcli.net.stream import TcpTransport
from sockcli.sessions.session import Session
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import SessionLimits, TcpTarget, TelnetUse
from sockcli.sessions.tcp import TcpSession
from sockcli.telnet.constants import DM, DO, ECHO, IAC, IP, NAWS, SB, SE, SGA, WILL
from tests.console.conftest import receive
from tests.transfer.relaying import grant
from tests.waiting import PATIENCE

BUFFER = 128 * 1024
SYNCH = bytes([IAC, IP, IAC, DM])


class Ears:
    """A manager that only listens."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.over = 0

    def session_output(self, session: Session) -> None: ...
    def session_changed(self, session: Session) -> None: ...
    def session_accepted(self, session: Session, accepted: object) -> None: ...
    def session_unrecorded(self, session: Session, failure: SockcliError) -> None: ...
    def session_notice(self, _session: Session, text: str) -> None:
        self.notices.append(text)

    def session_over(self, _session: Session) -> None:
        self.over += 1


def taken(session: Session) -> bytes:
    """All that its inbox has."""
    data = b""
    while (chunk := session.inbox.take(1 << 20)) is not None:
        data += chunk.data
    return data


class Ends:
    """Both ends of a connection; `session` is ours."""

    def __init__(self, ours: socket.socket, peer: socket.socket, options: dict[str, Any]) -> None:
        self.peer = peer
        self.ears = Ears()
        telnet: TelnetUse = options.pop("telnet", "auto")
        settings = SessionSettings(**options.pop("settings", {}))
        target = TcpTarget(grant().request, telnet=telnet, limits=options.pop("limits", SessionLimits()), **options)
        host, port = ours.getpeername()
        transport = TcpTransport(ours, grant(), Address(Host.parse(host), port))
        self.session = TcpSession(transport, target, settings, self.ears, (80, 24))

    def turn(self, seconds: float = PATIENCE) -> bool:
        """Wait for what the session waits for, and let it do it; False if that does not come."""
        reads, writes = self.session.interest()
        events = (READABLE if reads else 0) | (WRITABLE if writes else 0)
        if not self.session.has_buffered_events and not wait([(self.session.fileno(), events)], Deadline(seconds)):
            return False
        self.session.ready()
        return True

    def flush(self) -> None:
        while self.session.interest()[1]:
            assert self.turn()

    def run_out(self) -> SockcliError | None:
        while not self.session.over:
            assert self.turn()
        return self.session.failure

    def shown(self, text: bytes) -> None:
        """All that comes is this."""
        seen = b""
        while len(seen) < len(text):
            assert self.turn()
            seen += taken(self.session)
        assert seen == text

    def fill(self) -> None:
        """Send until neither the kernels nor the session take any more."""
        while self.session.room or self.turn(0.1):
            if self.session.room:
                self.session.send_bytes(bytes(10_000))

    def reset(self) -> None:
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Any:
    def connect(**options: Any) -> Ends:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # a size that is set does not grow
            ours = socket.create_connection(listener.getsockname(), PATIENCE)
            peer, _ = listener.accept()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        peer.settimeout(PATIENCE)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        ends = Ends(ours, peer, options)
        request.addfinalizer(ends.session.close)
        request.addfinalizer(peer.close)
        return ends

    return connect


# What goes out


def test_a_line_ends_as_the_protocol_has_it(connect: Any) -> None:
    plain, telnet = connect(), connect(telnet="on")
    for ends in (plain, telnet):
        ends.session.send_line("a\xff")
        ends.flush()
    receive(plain.peer, "a\xff\n".encode())
    receive(telnet.peer, "a\xff\r\n".encode())


def test_an_end_of_line_can_be_set_in_between(connect: Any) -> None:
    for ends, first in ((connect(), b"\n"), (connect(telnet="on"), b"\r\n")):
        ends.session.send_line("a")
        ends.session.change("eol", "cr")
        ends.session.send_line("b")
        ends.session.change("eol", "auto")
        ends.session.send_line("c")
        ends.flush()
        receive(ends.peer, b"a" + first + b"b\rc" + first)


def test_lines_entered_as_one_go_out_all_or_none(connect: Any) -> None:
    ends = connect(settings={"encoding": "latin-1"})
    with pytest.raises(UsageError, match="has no form"):
        ends.session.send_lines(["one", "€", "three"])
    ends.session.send_lines(["1"])
    ends.flush()
    receive(ends.peer, b"1\n")


def test_what_is_urgent_goes_behind_what_was_sent_before(connect: Any) -> None:
    ends = connect(telnet="on")
    ends.session.send_bytes(b"x" * 100_000)
    ends.session.interrupt()
    ends.session.send_line("after")
    ends.flush()
    receive(ends.peer, b"x" * 100_000 + SYNCH + b"after\r\n")


def test_the_last_byte_of_a_synch_is_marked(connect: Any) -> None:
    ends = connect(telnet="on")
    ends.peer.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 0)
    ends.session.interrupt()
    ends.flush()
    receive(ends.peer, SYNCH[:-1])
    ends.peer.settimeout(None)  # with a time limit Python would wait for what is not urgent
    assert ends.peer.recv(1, socket.MSG_OOB) == SYNCH[-1:]


def test_a_peer_that_does_not_read_is_told_no_more(connect: Any) -> None:
    ends = connect(telnet="on")
    ends.fill()
    assert ends.session.unsent <= HIGH_WATER + 10_000
    for refused in (lambda: ends.session.send_line("x"), lambda: ends.session.ayt(), ends.session.send_eof):
        with pytest.raises(UsageError, match="the peer does not read"):
            refused()
    ends.session.interrupt()  # that is what it is for


def test_the_end_of_input_goes_behind_everything(connect: Any) -> None:
    ends = connect()
    ends.session.send_line("last")
    ends.session.send_eof()
    ends.flush()
    receive(ends.peer, b"last\n")
    assert ends.peer.recv(10) == b""
    with pytest.raises(UsageError, match="the end of input was sent"):
        ends.session.send_line("x")


def test_closing_sends_what_was_entered_just_before(connect: Any) -> None:
    ends = connect()
    ends.session.send_line("quit")
    ends.session.close()
    receive(ends.peer, b"quit\n")
    assert ends.peer.recv(10) == b""


# What comes in


def test_data_knows_in_which_mode_it_came(connect: Any) -> None:
    ends = connect(telnet="on")
    ends.peer.sendall(b"before" + bytes([IAC, WILL, ECHO, IAC, WILL, SGA]) + b"after")
    assert ends.turn()
    modes = []
    while (chunk := ends.session.inbox.take(100)) is not None:
        modes.append((chunk.data, chunk.character))
    assert modes == [(b"before", False), (b"after", True)]


def test_in_front_it_reads_only_while_there_is_room(connect: Any) -> None:
    ends = connect()
    ends.session.is_current = True
    ends.peer.setblocking(False)
    sent = 0
    while ends.session.interest()[0]:
        try:
            sent += ends.peer.send(bytes(65_536))
        except BlockingIOError:
            assert ends.turn()
    assert ends.session.inbox.full
    taken(ends.session)
    assert ends.session.interest()[0]


def test_a_size_is_told_when_it_changes(connect: Any) -> None:
    ends = connect(telnet="on")
    ends.peer.sendall(bytes([IAC, DO, NAWS]))
    assert ends.turn()
    ends.session.resize(81, 24)
    ends.flush()
    sizes = [bytes([IAC, SB, NAWS, 0, columns, 0, 24, IAC, SE]) for columns in (80, 81)]
    receive(ends.peer, bytes([IAC, WILL, NAWS]) + b"".join(sizes))


def test_what_the_user_asks_of_telnet_and_what_is_told_of_it(connect: Any) -> None:
    ends = connect(telnet="on")
    ends.session.telnet_request("do", "status")
    ends.flush()
    receive(ends.peer, bytes([IAC, DO, 5]))
    ends.peer.sendall(bytes([IAC, 252, 5]))  # WONT
    assert ends.turn()
    assert ends.ears.notices == ["the peer refused STATUS"]


@pytest.mark.parametrize("ask", ["interrupt", "ayt", "break_"])
def test_without_telnet_there_is_nothing_to_ask_for(connect: Any, ask: str) -> None:
    with pytest.raises(UsageError, match="does not speak telnet"):
        getattr(connect().session, ask)()


# How it ends


def test_the_peers_end_comes_after_all_that_it_sent(connect: Any) -> None:
    ends = connect()
    ends.peer.sendall(b"bye")
    ends.peer.close()
    assert ends.run_out() is None
    assert taken(ends.session) == b"bye"
    assert ends.ears.over == 1


def test_a_reset_says_how_much_was_left(connect: Any) -> None:
    ends = connect()
    ends.fill()
    ends.peer.sendall(b"enough")
    ends.reset()
    failure = ends.run_out()
    assert isinstance(failure, Unreachable)
    assert "bytes of input were not sent" in str(failure)


def test_a_peer_that_ended_may_still_take_what_is_left(connect: Any) -> None:
    """It half-closed its side only: nothing that the user entered is given up."""
    ends = connect()
    ends.fill()
    sent = ends.session.sent + ends.session.unsent
    ends.peer.shutdown(socket.SHUT_WR)
    while ends.session.interest()[0]:
        assert ends.turn()
    assert not ends.session.over
    taken = 0
    while not ends.session.over:
        ends.turn(0.05)
        ends.session.check_limits()
        if taken < sent:
            taken += len(ends.peer.recv(1 << 20))
    assert (taken, ends.session.failure) == (sent, None)


def test_a_peer_that_ended_and_refuses_what_is_left(connect: Any) -> None:
    ends = connect()
    ends.fill()
    ends.peer.shutdown(socket.SHUT_WR)
    ends.reset()
    failure = ends.run_out()
    assert isinstance(failure, Unreachable)
    assert "of input were not sent" in str(failure)


@pytest.mark.parametrize("limit", ["deadline", "idle_timeout", "linger"])
def test_limits(connect: Any, limit: str) -> None:
    soon = {
        "deadline": SessionLimits(Deadline(0.05)),
        "idle_timeout": SessionLimits(idle_timeout=0.05),
        "linger": SessionLimits(linger=0.05),
    }
    ends = connect(limits=soon[limit])
    if limit == "linger":
        ends.session.send_eof()
    left = ends.session.due().remaining()
    assert left is not None
    assert left <= 0.05
    while not ends.session.over:
        ends.turn(left)
        ends.session.check_limits()
    assert isinstance(ends.session.failure, TimedOut)


def test_bytes_either_way_put_an_idle_timeout_off(connect: Any) -> None:
    ends = connect(limits=SessionLimits(idle_timeout=1_000.0))
    before = ends.session.due().remaining()
    ends.session.send_line("x")
    ends.flush()
    assert ends.session.due().remaining() > before - 1
    ends.session.check_limits()
    assert not ends.session.over


class FullDisk:
    """A record that fails at once."""

    def sent(self, _data: bytes) -> None:
        raise LocalFailure("no space left")

    received = sent

    def close(self) -> None:
        raise LocalFailure("no space left")


def test_a_record_that_cannot_be_written_does_not_keep_the_connection(connect: Any) -> None:
    ends = connect()
    ends.session.records.add([FullDisk()], None, vital=True)
    ends.peer.sendall(b"x")
    with pytest.raises(LocalFailure):
        ends.turn()
    with pytest.raises(LocalFailure):
        ends.session.close()
    assert ends.peer.recv(10) == b""
