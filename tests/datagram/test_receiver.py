"""Printing what anyone sends to a port."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address
from sockcli.base.outcome import DRAIN_GRACE
from sockcli.base.poller import NoInterrupt
from sockcli.datagram import printer
from sockcli.datagram.receiver import DatagramReceiver, ReceiveOptions
from sockcli.errors import Interrupted, LocalFailure, OutputGone, TimedOut
from sockcli.net import udp
from sockcli.net.sockaddr import to_sockaddr
from sockcli.net.transport import NotReady
from sockcli.net.udp import UdpReceiver
from sockcli.net.udp_offload import cut_at
from sockcli.stdio.recording import open_records
from sockcli.stdio.sink import Sink
from tests.net.support import address, grant
from tests.running import SIGNUM, Ends
from tests.waiting import PATIENCE, until


@pytest.fixture
def ends() -> Iterator[Ends]:
    with closing(Ends()) as made:
        yield made


@pytest.fixture
def bound() -> Iterator[UdpReceiver]:
    with closing(udp.receiver(grant("udp-bind:127.0.0.1:0", "udp-bind"), [address("127.0.0.1:0")])) as made:
        yield made


Start = Callable[..., DatagramReceiver]


@pytest.fixture
def start(ends: Ends, bound: UdpReceiver) -> Start:
    def start(options: ReceiveOptions | None = None, **arguments: Any) -> DatagramReceiver:
        sink = arguments.pop("sink", ends.sink)
        made = DatagramReceiver(bound, sink, options or ReceiveOptions(), interrupt=ends.interrupt, **arguments)
        ends.start(made.run)
        return made

    return start


@pytest.fixture
def send(bound: UdpReceiver) -> Callable[..., str]:
    """Each call is another sender; says who it was."""

    def send(*datagrams: bytes) -> str:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            for data in datagrams:
                sock.sendto(data, to_sockaddr(bound.local))
            return "{}:{}".format(*sock.getsockname())

    return send


Send = Callable[..., str]


def test_it_prints_what_comes_from_anyone(start: Start, ends: Ends, send: Send) -> None:
    start()
    send(b"one\n")
    assert ends.read(4) == b"one\n"
    send(b"two")
    assert ends.read(3) == b"two"
    assert ends.still_runs_after(0)


def test_it_leaves_after_so_many(start: Start, ends: Ends, send: Send) -> None:
    send(b"one ", b"", b"two", b"too many")
    made = start(ReceiveOptions(most=3))
    assert ends.finish_well() == b"one two"
    assert (made.datagrams_received, made.received) == (3, 7)


def test_what_is_over_the_number_stays_for_others(start: Start, ends: Ends, send: Send, bound: UdpReceiver) -> None:
    send(b"one", b"two")
    start(ReceiveOptions(most=1))
    assert ends.finish_well() == b"one"
    came = bound.receive_from()
    assert not isinstance(came, NotReady)
    assert came[0] == b"two"


def test_show_is_told_who_sent_it(start: Start, ends: Ends, send: Send) -> None:
    def show(data: bytes, sender: Address) -> bytes:
        return b"<%s %s>" % (str(sender).encode(), data)

    first, second = send(b"a"), send(b"")
    start(ReceiveOptions(most=2), show=show)
    assert ends.finish_well() == f"<{first} a><{second} >".encode()


def test_taps_see_each(start: Start, ends: Ends, send: Send) -> None:
    seen = []

    class Tap:
        def sent(self, data: bytes) -> None:
            raise AssertionError(data)

        def received(self, data: bytes) -> None:
            seen.append(data)

        def close(self) -> None:
            raise AssertionError("it belongs to who made it")

    send(b"one", b"", b"three")
    start(ReceiveOptions(most=3), taps=[Tap()])
    ends.finish_well()
    assert seen == [b"one", b"", b"three"]


def test_a_record_that_fails_does_not_cost_what_was_received(start: Start, ends: Ends, send: Send) -> None:
    (log,) = open_records(None, "/dev/full")
    send(b"kept")
    start(taps=[log])
    failure = ends.finish()
    assert isinstance(failure, LocalFailure)
    assert "/dev/full" in str(failure)
    assert ends.rest() == b"kept"


def test_the_deadline(start: Start, ends: Ends, send: Send) -> None:
    send(b"in time")
    start(ReceiveOptions(most=2, deadline=Deadline(0.1)))
    failure = ends.finish()
    assert isinstance(failure, TimedOut)
    assert "0.1 s" in str(failure)
    assert ends.rest() == b"in time"


def test_an_interrupt(start: Start, ends: Ends, send: Send) -> None:
    start()
    send(b"seen")
    assert ends.read(1) == b"s"
    ends.interrupt.stop()
    failure = ends.finish()
    assert isinstance(failure, Interrupted)
    assert failure.signum == SIGNUM
    assert ends.rest() == b"een"


def test_stdouts_reader_goes_away(start: Start, ends: Ends) -> None:
    start()
    ends.close_output()
    assert isinstance(ends.finish(), OutputGone)


def test_stdout_is_full(start: Start, ends: Ends, send: Send) -> None:
    with open("/dev/full", "wb") as full:
        start(sink=Sink(full.fileno()))
        send(b"data")
        assert isinstance(ends.finish(), LocalFailure)


class Brackets:
    """An output filter with something to say at the end, as the one that puts a terminal back."""

    def feed(self, data: bytes) -> bytes:
        return b"[%s]" % data

    def finish(self) -> bytes:
        return b"."


@pytest.mark.parametrize("most", [2, None])
def test_what_came_together_is_counted_one_by_one(
    start: Start, ends: Ends, bound: UdpReceiver, most: int | None
) -> None:
    made = start(ReceiveOptions(most, Deadline(0.3)))
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.connect(to_sockaddr(bound.local))
        peer.sendmsg([b"one", b"two", b"3"], cut_at(3))
    ends.finish()
    assert ends.rest() == (b"onetwo" if most else b"onetwo3")
    assert made.datagrams_received == (most or 3)
    if most:
        came = bound.receive_from()
        assert not isinstance(came, NotReady)
        assert came[0] == b"3"


@pytest.mark.parametrize("most", [1, 2])
def test_the_filter_has_the_last_word(start: Start, ends: Ends, send: Send, most: int) -> None:
    """Whether it ends well or not."""
    ends.sink.filter = Brackets()
    send(b"data")
    start(ReceiveOptions(most=most, deadline=Deadline(0.1)))
    ends.finish()
    assert ends.rest() == b"[data]."


class Flood(UdpReceiver):
    """There is always one more."""

    def receive_many(self) -> tuple[list[bytes], Address] | NotReady:
        return [bytes(60_000)], self.local


@pytest.fixture
def flood(bound: UdpReceiver) -> Iterator[Flood]:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    with closing(Flood(sock, bound.grant)) as made, socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", to_sockaddr(made.local))  # so that poll() accepts
        yield made


class Turns(NoInterrupt):
    """Counts how often it is waited."""

    def __init__(self) -> None:
        self.count = 0

    def check(self) -> None:
        self.count += 1


def test_a_flood_does_not_fill_memory_while_nobody_reads(ends: Ends, flood: Flood) -> None:
    turns = Turns()
    made = DatagramReceiver(flood, ends.sink, ReceiveOptions(deadline=Deadline(0.2)), interrupt=turns)
    with pytest.raises(TimedOut):
        made.run()
    assert made.received < 1024 * 1024
    assert turns.count < 10


def test_the_deadline_holds_for_a_reader_that_does_not_read(ends: Ends, flood: Flood) -> None:
    with pytest.raises(TimedOut):
        DatagramReceiver(flood, ends.sink, ReceiveOptions(most=4, deadline=Deadline(0.1))).run()


def test_a_flood_does_not_keep_it_from_its_end(flood: Flood) -> None:
    with open("/dev/null", "wb") as null, pytest.raises(TimedOut):
        DatagramReceiver(flood, Sink(null.fileno()), ReceiveOptions(deadline=Deadline(0.1))).run()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """All the time that a busy machine may need."""
    monkeypatch.setattr(printer, "DRAIN_GRACE", PATIENCE)


@pytest.mark.usefixtures("patience")
def test_an_interrupt_gives_a_slow_reader_time(ends: Ends, flood: Flood) -> None:
    made = DatagramReceiver(flood, ends.sink, interrupt=ends.interrupt)
    ends.start(made.run)
    until(lambda: not ends.sink.room, "stdout to be full")
    ends.interrupt.stop()
    assert ends.still_runs_after(0.05)
    assert len(ends.read(made.received)) == made.received
    assert isinstance(ends.finish(), Interrupted)


def test_but_not_for_ever(ends: Ends, flood: Flood, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DRAIN_GRACE == 0.5
    monkeypatch.setattr(printer, "DRAIN_GRACE", 0.1)
    ends.start(DatagramReceiver(flood, ends.sink, interrupt=ends.interrupt).run)
    until(lambda: not ends.sink.room, "stdout to be full")
    ends.interrupt.stop()
    assert isinstance(ends.finish(), Interrupted)


@pytest.mark.usefixtures("patience")
def test_so_does_the_deadline(ends: Ends, flood: Flood) -> None:
    made = DatagramReceiver(flood, ends.sink, ReceiveOptions(deadline=Deadline(0.1)))
    ends.start(made.run)
    assert ends.still_runs_after(0.2)
    assert len(ends.read(made.received)) == made.received
    assert isinstance(ends.finish(), TimedOut)


def test_what_is_there_at_the_deadline_counts(start: Start, ends: Ends, send: Send) -> None:
    send(b"in time")
    start(ReceiveOptions(most=1, deadline=Deadline(0)))
    assert ends.finish_well() == b"in time"


def test_a_slow_reader_gets_all_of_it(ends: Ends, flood: Flood) -> None:
    """More than the pipe and the queue hold: it goes on as the reader does, and waits for it at the end."""
    ends.start(DatagramReceiver(flood, ends.sink, ReceiveOptions(most=20)).run)
    until(lambda: not ends.sink.room, "stdout to be full")
    assert len(ends.read(20 * 60_000 - 1)) == 20 * 60_000 - 1
    assert ends.finish_well() == b"\0"
