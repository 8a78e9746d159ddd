"""Sending datagrams and printing replies: what is sent, how long is waited, and what is an error."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address
from sockcli.datagram import exchange
from sockcli.datagram.exchange import DatagramExchange, SendOptions
from sockcli.datagram.framing import FrameBy, Framing, MessageEncoding
from sockcli.datagram.receiver import BATCH
from sockcli.errors import Interrupted, LocalFailure, OutputGone, TimedOut, Unreachable
from sockcli.net import udp
from sockcli.net.sockaddr import to_sockaddr
from sockcli.net.transport import NotReady
from sockcli.net.udp import UdpTransport
from sockcli.stdio.sink import Sink
from sockcli.stdio.source import Source
from tests.net.support import UdpPair, grant, udp_pair
from tests.running import SIGNUM, Ends

# A wait that no test sits out: whoever leaves before the thread is given up did not wait for it.
LONG = 600.0


@pytest.fixture
def ends() -> Iterator[Ends]:
    with closing(Ends()) as made:
        yield made


@pytest.fixture
def pair() -> Iterator[UdpPair]:
    with udp_pair() as made:
        yield made


class Tap:
    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []

    def sent(self, data: bytes) -> None:
        self.seen.append(("sent", data))

    def received(self, data: bytes) -> None:
        self.seen.append(("received", data))

    def close(self) -> None:
        pass


Start = Callable[..., DatagramExchange]


@pytest.fixture
def start(ends: Ends, pair: UdpPair) -> Start:
    """Start a DatagramExchange: with messages if they are given, else with what the test types."""

    def start(*messages: bytes, options: SendOptions | None = None, **arguments: Any) -> DatagramExchange:
        if not messages:
            arguments.setdefault("source", ends.source)
        transport = arguments.pop("transport", pair.transport)
        sender = DatagramExchange(
            transport,
            arguments.pop("sink", ends.sink),
            options or SendOptions(),
            messages=messages,
            interrupt=ends.interrupt,
            **arguments,
        )
        ends.start(sender.run)
        return sender

    return start


def received(peer: socket.socket, count: int) -> list[bytes]:
    """`count` datagrams, after which there must be none. For when the run is over."""
    came = [peer.recv(65_536) for _ in range(count)]
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)
    return came


class TestWhatIsSent:
    def test_each_message_and_nothing_is_waited_for(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(b"one", b"", b"three\n")
        assert ends.finish_well() == b""
        assert received(pair.peer, 3) == [b"one", b"", b"three\n"]

    @pytest.mark.parametrize(
        ("framing", "typed", "sent"),
        [
            (Framing(), [], []),
            (Framing(), [b"one\ntw", b"o\nthree"], [b"one\n", b"two\n", b"three"]),
            (Framing(chomp=True), [b"one\n\n"], [b"one", b""]),
            (Framing(notation=MessageEncoding.HEX), [b"00 f", b"f\n"], [b"\0\xff"]),
            (Framing(FrameBy.ALL), [b"one\n", b"two\n"], [b"one\ntwo\n"]),
            (Framing(FrameBy.SIZE, 4), [b"123", b"456789"], [b"1234", b"5678", b"9"]),
        ],
    )
    def test_stdin_as_it_is_cut(
        self, start: Start, ends: Ends, pair: UdpPair, framing: Framing, typed: Sequence[bytes], sent: list[bytes]
    ) -> None:
        start(options=SendOptions(framing))
        for data in typed:
            ends.type(data)
        ends.end_input()
        ends.finish_well()
        assert received(pair.peer, len(sent)) == sent

    def test_a_file_is_sent_to_its_end(self, start: Start, ends: Ends, pair: UdpPair, tmp_path: Path) -> None:
        lines = [b"%d\n" % number for number in range(100)]
        (tmp_path / "input").write_bytes(b"".join(lines))
        with (tmp_path / "input").open("rb") as file:
            start(source=Source(file.fileno()))
            ends.finish_well()
        assert received(pair.peer, 100) == lines

    def test_dev_null_sends_nothing(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        with open(os.devnull, "rb") as null:
            start(source=Source(null.fileno()), options=SendOptions(Framing(FrameBy.ALL)))
            ends.finish_well()
        assert received(pair.peer, 0) == []

    def test_nothing_where_a_message_is_over_the_limit(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(b"good", bytes(65_508))
        failure = ends.finish()
        assert isinstance(failure, LocalFailure)
        assert "message 2" in str(failure)
        assert "65,507" in str(failure)
        assert received(pair.peer, 0) == []

    def test_what_came_before_a_line_over_the_limit(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        """An endless line: nobody waits for its end."""
        start()
        ends.type(b"good\n")
        assert pair.peer.recv(10) == b"good\n"
        for _ in range(17):
            ends.type(bytes(4096))
        failure = ends.finish()
        assert isinstance(failure, LocalFailure)
        assert "line 2 of the input" in str(failure)
        assert "65,507" in str(failure)
        assert received(pair.peer, 0) == []

    def test_what_came_before_a_line_that_is_no_hex(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(options=SendOptions(Framing(notation=MessageEncoding.HEX), wait=LONG))
        ends.type(b"41\nxy\n42\n")
        failure = ends.finish()
        assert isinstance(failure, LocalFailure)
        assert "line 2 of the input" in str(failure)
        assert received(pair.peer, 1) == [b"A"]

    def test_a_fault_ends_the_reading(self, start: Start, ends: Ends, pair: UdpPair, tmp_path: Path) -> None:
        (tmp_path / "input").write_bytes(bytes(1_000_000))
        with (tmp_path / "input").open("rb", buffering=0) as file:
            start(source=Source(file.fileno()))
            assert isinstance(ends.finish(), LocalFailure)
            assert file.tell() <= 2 * 65_536
        assert received(pair.peer, 0) == []

    def test_ipv6_takes_more(self, ends: Ends) -> None:
        with udp_pair("::1") as pair:
            ends.start(DatagramExchange(pair.transport, ends.sink, messages=[bytes(65_527)]).run)
            ends.finish_well()
            assert received(pair.peer, 1) == [bytes(65_527)]

    def test_counts_and_taps(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        tap = Tap()
        sender = start(b"ping", b"", taps=[tap], options=SendOptions(replies=2, wait=LONG))
        pair.peer.recv(10)
        pair.peer.send(b"pong!")
        pair.peer.send(b"")
        ends.finish_well()
        assert (sender.sent, sender.datagrams_sent, sender.received, sender.datagrams_received) == (4, 2, 5, 2)
        assert tap.seen == [("sent", b"ping"), ("sent", b""), ("received", b"pong!"), ("received", b"")]


class TestReplies:
    def test_are_printed_as_they_come_while_stdin_is_open(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start()
        for number in range(3):
            ends.type(b"ping %d\n" % number)
            assert pair.peer.recv(10) == b"ping %d\n" % number
            pair.peer.send(b"pong %d" % number)
            assert ends.read(6) == b"pong %d" % number
        ends.end_input()
        assert ends.finish_well() == b""

    def test_wait_prints_all_of_that_time(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        began = time.monotonic()
        start(b"hello", options=SendOptions(wait=0.3))
        pair.peer.recv(10)
        pair.peer.send(b"one ")
        assert ends.read(4) == b"one "
        pair.peer.send(b"")
        pair.peer.send(b"two")
        assert ends.finish_well() == b"two"
        assert time.monotonic() - began >= 0.3

    def test_wait_counts_from_the_last_datagram(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(options=SendOptions(wait=0.1))
        ends.type(b"first\n")
        pair.peer.recv(10)
        assert ends.still_runs_after(0.2)
        ends.type(b"last\n")
        assert pair.peer.recv(10) == b"last\n"
        ends.end_input()
        assert isinstance(ends.finish(), TimedOut)

    @pytest.mark.parametrize("options", [SendOptions(wait=0.1), SendOptions(wait=0.1, replies=1)])
    def test_none_is_a_timeout(self, start: Start, ends: Ends, options: SendOptions) -> None:
        began = time.monotonic()
        start(b"hello", options=options)
        failure = ends.finish()
        assert isinstance(failure, TimedOut)
        assert "no reply within 0.1 s" in str(failure)
        assert time.monotonic() - began >= 0.1

    def test_fewer_than_wanted_are_printed_and_a_timeout(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(b"hello", options=SendOptions(wait=0.2, replies=3))
        pair.peer.recv(10)
        pair.peer.send(b"a")
        pair.peer.send(b"b")
        failure = ends.finish()
        assert isinstance(failure, TimedOut)
        assert "2 of 3 replies within 0.2 s" in str(failure)
        assert ends.rest() == b"ab"

    def test_it_leaves_with_the_last_wanted_one(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        pair.peer.send(b"a")
        pair.peer.send(b"")
        pair.peer.send(b"not wanted")
        start(b"hello", options=SendOptions(wait=LONG, replies=2))
        assert ends.finish_well() == b"a"

    def test_the_wait_if_none_is_given(self, start: Start, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
        assert exchange.REPLY_WAIT == 5
        monkeypatch.setattr(exchange, "REPLY_WAIT", 0.1)
        start(b"hello", options=SendOptions(replies=1))
        assert "no reply within 0.1 s" in str(ends.finish())

    def test_it_leaves_though_stdin_is_open(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(options=SendOptions(replies=1))
        ends.type(b"hello\n")
        pair.peer.recv(10)
        pair.peer.send(b"bye")
        assert ends.finish_well() == b"bye"

    def test_input_that_is_there_is_sent_first(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        pair.peer.send(b"early")
        for number in range(200):
            ends.type(b"%d\n" % number)
        start(options=SendOptions(replies=1))
        assert ends.finish_well() == b"early"
        assert received(pair.peer, 200) == [b"%d\n" % number for number in range(200)]

    def test_a_writer_between_two_lines_is_waited_for(
        self, start: Start, ends: Ends, pair: UdpPair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As in `{ echo one; echo two; } | sockcli udp -n 1`: the first may be answered before the second is there."""
        monkeypatch.setattr(exchange, "INPUT_IDLE", LONG)
        start(options=SendOptions(replies=1))
        ends.type(b"one\n")
        pair.peer.recv(10)
        pair.peer.send(b"answer")
        assert ends.read(6) == b"answer"
        assert ends.still_runs_after(0.05)
        ends.type(b"two\n")
        ends.end_input()
        ends.finish_well()
        assert received(pair.peer, 1) == [b"two\n"]

    def test_and_that_counts_from_the_last_line(
        self, start: Start, ends: Ends, pair: UdpPair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exchange, "INPUT_IDLE", 0.5)
        start(options=SendOptions(replies=1))
        assert ends.still_runs_after(0.6)
        ends.type(b"one\n")
        pair.peer.recv(10)
        pair.peer.send(b"answer")
        assert ends.read(6) == b"answer"
        assert ends.still_runs_after(0.05)
        assert ends.finish_well() == b""

    def test_endless_input_does_not_keep_it(
        self, start: Start, ends: Ends, pair: UdpPair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exchange, "INPUT_IDLE", 0)
        pair.peer.send(b"early")
        with open("/dev/zero", "rb") as zero:
            sender = start(source=Source(zero.fileno()), options=SendOptions(Framing(FrameBy.SIZE, 1024), replies=1))
            assert ends.finish_well() == b"early"
        # As much as a pipe can hold: what was there when the reply came was sent.
        assert 1024 * 1024 <= sender.sent < 2 * 1024 * 1024

    def test_what_is_there_is_printed_without_a_wait(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        pair.peer.send(b"early ")
        pair.peer.send(b"birds")
        start(b"hello")
        assert ends.finish_well() == b"early birds"

    def test_however_many_are_there(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        for number in range(BATCH + 10):
            pair.peer.send(b"%4d" % number)
        start(b"hello")
        assert ends.finish_well() == b"".join(b"%4d" % number for number in range(BATCH + 10))

    def test_do_not_hide_a_fault_of_the_input(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        pair.peer.send(b"early")
        ends.type(b"not hex\n")
        start(options=SendOptions(Framing(notation=MessageEncoding.HEX), replies=1))
        assert isinstance(ends.finish(), LocalFailure)

    def test_show_says_what_to_print(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        def show(data: bytes, sender: Address) -> bytes:
            return b"<%s %s>" % (str(sender).encode(), data)

        start(b"hello", show=show, options=SendOptions(replies=2, wait=LONG))
        pair.peer.send(b"a")
        pair.peer.send(b"")
        peer = str(pair.transport.peer).encode()
        assert ends.finish_well() == b"<%s a><%s >" % (peer, peer)


class TestRetries:
    def test_all_is_sent_again_and_the_wait_split(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        began = time.monotonic()
        start(b"one", b"two", options=SendOptions(replies=1, wait=0.5, retries=2))
        failure = ends.finish()
        assert isinstance(failure, TimedOut)
        assert "within 0.5 s" in str(failure)
        assert time.monotonic() - began >= 0.5
        assert received(pair.peer, 6) == [b"one", b"two"] * 3

    def test_stdin_is_kept_for_it(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(options=SendOptions(replies=1, wait=LONG, retries=100_000))
        ends.type(b"one\n")
        assert pair.peer.recv(10) == b"one\n"
        ends.type(b"two")
        ends.end_input()
        assert [pair.peer.recv(10) for _ in range(5)] == [b"two", b"one\n", b"two", b"one\n", b"two"]
        pair.peer.send(b"heard")
        assert ends.finish_well() == b"heard"

    def test_replies_to_every_try_count(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(b"one", options=SendOptions(replies=2, wait=LONG, retries=100_000))
        pair.peer.recv(10)
        pair.peer.send(b"a")
        assert ends.read(1) == b"a"
        pair.peer.recv(10)
        pair.peer.send(b"b")
        assert ends.finish_well() == b"b"

    def test_end_with_the_last_wanted_reply(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(b"one", options=SendOptions(replies=1, wait=LONG, retries=3))
        pair.peer.recv(10)
        pair.peer.send(b"heard")
        assert ends.finish_well() == b"heard"
        assert received(pair.peer, 0) == []

    def test_what_is_kept_has_a_limit(
        self, start: Start, ends: Ends, pair: UdpPair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exchange, "_KEPT", 1000)
        start(options=SendOptions(Framing(FrameBy.SIZE, 1), replies=1, wait=LONG, retries=1))
        ends.type(bytes(20))
        failure = ends.finish()
        assert isinstance(failure, LocalFailure)
        assert "--retries" in str(failure)
        assert received(pair.peer, 20) == [b"\0"] * 20


class Scripted(UdpTransport):
    """A transport whose sends go as told, one entry a call: an error to raise, WOULD_BLOCK, or None for a real one."""

    __slots__ = ("calls", "script")

    script: list[Unreachable | NotReady | None]
    calls: list[bytes]

    def send(self, data: memoryview) -> int | NotReady:
        self.calls.append(bytes(data))
        what = self.script.pop(0) if self.script else None
        if isinstance(what, Unreachable):
            raise what
        return super().send(data) if what is None else what


@pytest.fixture
def scripted(pair: UdpPair) -> Iterator[Scripted]:
    """From the same port as the pair's own transport, which it takes the place of."""
    sock = socket.socket(type=socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    pair.transport.close()
    sock.bind(to_sockaddr(pair.transport.local))
    sock.connect(to_sockaddr(pair.transport.peer))
    with closing(Scripted(sock, pair.transport.grant, pair.transport.peer)) as made:
        made.script = []
        made.batches = False
        made.calls = []
        yield made


class TestTheKernelHasNoRoom:
    def test_it_waits_and_sends_it_again(self, start: Start, ends: Ends, pair: UdpPair, scripted: Scripted) -> None:
        scripted.script = [None, NotReady.WOULD_BLOCK, NotReady.WOULD_BLOCK]
        tap = Tap()
        sender = start(b"a", b"b", b"c", transport=scripted, taps=[tap])
        ends.finish_well()
        assert received(pair.peer, 3) == [b"a", b"b", b"c"]
        assert [data for _, data in tap.seen] == [b"a", b"b", b"c"]
        assert sender.datagrams_sent == 3

    def test_replies_are_printed_meanwhile(self, start: Start, ends: Ends, pair: UdpPair, scripted: Scripted) -> None:
        pair.peer.send(b"reply")
        scripted.script = [NotReady.WOULD_BLOCK] * 3
        start(b"a", transport=scripted, options=SendOptions(replies=1))
        assert ends.finish_well() == b"reply"
        assert received(pair.peer, 1) == [b"a"]

    def test_the_deadline_ends_that_as_well(self, start: Start, ends: Ends, pair: UdpPair, scripted: Scripted) -> None:
        pair.peer.send(b"reply")
        scripted.script = [NotReady.WOULD_BLOCK] * 1_000_000
        start(b"a", transport=scripted, options=SendOptions(replies=1, deadline=Deadline(0.1)))
        assert isinstance(ends.finish(), TimedOut)

    def test_no_more_is_read_and_nothing_tried_in_vain(self, ends: Ends, pair: UdpPair, tmp_path: Path) -> None:
        (tmp_path / "input").write_bytes(b"a\n" * 1_000_000)
        with closing(Stuck(pair)) as stuck, (tmp_path / "input").open("rb", buffering=0) as file:
            options = SendOptions(deadline=Deadline(0.1))
            with pytest.raises(TimedOut):
                DatagramExchange(stuck, ends.sink, options, source=Source(file.fileno())).run()
            assert file.tell() <= 65_536
        assert stuck.calls < 10


class Stuck(UdpTransport):
    """There is never room for more, and poll() says so."""

    __slots__ = ("_ends", "calls")

    def __init__(self, pair: UdpPair) -> None:
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.connect(to_sockaddr(pair.transport.peer))
        super().__init__(sock, pair.transport.grant, pair.transport.peer)
        self.batches = False
        self._ends = socket.socketpair()
        self._ends[0].setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._ends[0].send(bytes(65_536))
        self.calls = 0

    def fileno(self) -> int:
        return self._ends[0].fileno()

    def send(self, data: memoryview) -> int | NotReady:  # noqa: ARG002
        self.calls += 1
        return NotReady.WOULD_BLOCK

    def close(self) -> None:
        for end in self._ends:
            end.close()
        super().close()


@pytest.fixture
def nobody() -> Iterator[UdpTransport]:
    """Connected to a port that nobody has."""
    with udp_pair() as pair:
        address = pair.transport.peer
    with closing(udp.connect(grant(f"udp-send-to:{address}"), [address])) as transport:
        yield transport


class TestUnreachable:
    @pytest.mark.parametrize(
        "options",
        [
            SendOptions(),
            SendOptions(wait=LONG),
            SendOptions(replies=1, wait=LONG),
            SendOptions(replies=1, retries=2, wait=LONG),
        ],
    )
    @pytest.mark.parametrize("messages", [[b"one"], [b"one", b"two", b"three"]])
    def test_is_an_error(
        self, start: Start, ends: Ends, nobody: UdpTransport, options: SendOptions, messages: list[bytes]
    ) -> None:
        start(*messages, transport=nobody, options=options)
        assert isinstance(ends.finish(), Unreachable)

    def test_ends_a_run_with_open_stdin(self, start: Start, ends: Ends, nobody: UdpTransport) -> None:
        start(transport=nobody)
        ends.type(b"anybody?\n")
        assert isinstance(ends.finish(), Unreachable)

    def test_all_is_sent_before_it_is_reported(self, start: Start, ends: Ends, scripted: Scripted) -> None:
        first = Unreachable("the first")
        scripted.script = [None, first, Unreachable("the second")]
        start(b"a", b"b", b"c", b"d", transport=scripted, options=SendOptions(wait=LONG))
        assert ends.finish() is first
        assert scripted.calls == [b"a", b"b", b"c", b"d"]

    def test_input_that_is_there_is_sent_before_it_is_reported(
        self, start: Start, ends: Ends, scripted: Scripted
    ) -> None:
        scripted.script = [Unreachable("gone")]
        ends.type(b"a\n" * 10)
        start(transport=scripted)
        assert str(ends.finish()) == "gone"
        assert scripted.calls == [b"a\n"] * 10

    def test_what_was_received_is_printed(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start()
        pair.peer.send(b"last words")
        assert ends.read(10) == b"last words"
        pair.peer.close()
        ends.type(b"still there?\n")
        assert isinstance(ends.finish(), Unreachable)

    def test_what_came_before_it_is_printed(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        pair.peer.send(b"last words")
        pair.peer.close()
        start(b"still there?")
        assert isinstance(ends.finish(), Unreachable)
        assert ends.rest() == b"last words"

    def test_is_noticed_behind_as_many_as_are_taken_at_once(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        """The kernel reports it first, and only once."""
        for _ in range(BATCH):
            pair.peer.send(b"x")
        pair.peer.close()
        pair.transport.send(memoryview(b"still there?"))
        start()
        assert isinstance(ends.finish(), Unreachable)
        assert ends.rest() == b"x" * BATCH

    def test_is_noticed_while_stdout_is_stuck(self, start: Start, ends: Ends, nobody: UdpTransport) -> None:
        before = bytes(500_000)
        ends.sink.write_raw(before)
        assert not ends.sink.room
        start(b"hello?", transport=nobody)
        assert ends.read(len(before)) == before
        assert isinstance(ends.finish(), Unreachable)

    def test_is_none_once_the_wanted_replies_came(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        """A server that answers one question and is gone has not failed the one who asked twice."""
        pair.peer.send(b"answer")
        pair.peer.close()
        start(b"question", b"question", options=SendOptions(replies=1, wait=LONG))
        assert ends.finish_well() == b"answer"

    def test_does_not_hide_a_fault_of_the_input(
        self, start: Start, ends: Ends, nobody: UdpTransport, tmp_path: Path
    ) -> None:
        """The line before is known not to have arrived when this one turns out to be too long."""
        (tmp_path / "input").write_bytes(b"a" * 999 + b"\n" + bytes(200_000))
        with (tmp_path / "input").open("rb") as file:
            start(transport=nobody, source=Source(file.fileno()))
            assert isinstance(ends.finish(), LocalFailure)


class TestEndedFromOutside:
    def test_deadline(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(options=SendOptions(deadline=Deadline(0.2)))
        ends.type(b"hello\n")
        pair.peer.recv(10)
        pair.peer.send(b"got it")
        failure = ends.finish()
        assert isinstance(failure, TimedOut)
        assert "0.2 s" in str(failure)
        assert ends.rest() == b"got it"

    def test_deadline_within_the_wait(self, start: Start, ends: Ends) -> None:
        start(b"hello", options=SendOptions(wait=LONG, deadline=Deadline(0.1)))
        failure = ends.finish()
        assert isinstance(failure, TimedOut)
        assert "0.1 s" in str(failure)

    def test_what_is_there_at_the_deadline_counts(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        pair.peer.send(b"in time")
        start(b"hello", options=SendOptions(replies=1, deadline=Deadline(0)))
        assert ends.finish_well() == b"in time"

    def test_interrupt(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(b"hello", options=SendOptions(wait=LONG))
        pair.peer.recv(10)
        pair.peer.send(b"reply")
        assert ends.read(2) == b"re"
        ends.interrupt.stop()
        failure = ends.finish()
        assert isinstance(failure, Interrupted)
        assert failure.signum == SIGNUM
        assert ends.rest() == b"ply"

    def test_stdouts_reader_goes_away(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        start(b"hello", options=SendOptions(wait=LONG))
        pair.peer.recv(10)
        ends.close_output()
        assert isinstance(ends.finish(), OutputGone)

    def test_stdout_is_full(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        with open("/dev/full", "wb") as full:
            start(b"hello", sink=Sink(full.fileno()), options=SendOptions(wait=LONG))
            pair.peer.send(b"reply")
            assert isinstance(ends.finish(), LocalFailure)

    def test_stdin_that_cannot_be_read(self, start: Start, ends: Ends, tmp_path: Path) -> None:
        directory = os.open(tmp_path, os.O_RDONLY)
        try:
            start(source=Source(directory))
            assert isinstance(ends.finish(), LocalFailure)
        finally:
            os.close(directory)


class TestALotOfIt:
    def test_a_conversation_in_both_directions(self, start: Start, ends: Ends, pair: UdpPair) -> None:
        """Each datagram is answered at once; nothing is lost while no more are on their way than buffers hold."""
        start(options=SendOptions(Framing(FrameBy.SIZE, 1000)))
        for number in range(2000):
            ends.type(b"%01000d" % number)
            data = pair.peer.recv(2000)
            pair.peer.send(data)
            assert ends.read(1000) == b"%01000d" % number

    def test_a_peer_that_floods_a_reader_that_does_not_read(self, ends: Ends, pair: UdpPair) -> None:
        flood = Flood(socket.socket(type=socket.SOCK_DGRAM), pair)
        with closing(flood):
            sender = DatagramExchange(
                flood, ends.sink, SendOptions(wait=LONG, deadline=Deadline(0.2)), messages=[b"go"]
            )
            with pytest.raises(TimedOut):
                sender.run()
        assert sender.received < 1024 * 1024
        assert flood.asked < 100  # and it does not ask in vain, over and over


class Flood(UdpTransport):
    """There is always one more."""

    __slots__ = ("asked",)

    def __init__(self, sock: socket.socket, pair: UdpPair) -> None:
        sock.connect(to_sockaddr(pair.transport.peer))
        super().__init__(sock, pair.transport.grant, pair.transport.peer)
        self.asked = 0

    def receive(self, limit: int = 0) -> bytes | NotReady:  # noqa: ARG002
        return bytes(60_000)

    def pending(self) -> bool:
        self.asked += 1
        return True
