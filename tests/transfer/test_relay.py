"""How a relay moves bytes and how it ends, on real connections and pipes."""

from __future__ import annotations

import fcntl
import os
import socket
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockcli.base.byte_queue import HIGH_WATER
from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.outcome import Ending, ending_of
from sockcli.errors import Interrupted, LocalFailure, OutputGone, TimedOut, Unreachable
from sockcli.stdio.recording import open_records
from sockcli.stdio.source import Source
from sockcli.transfer import send_flow
from sockcli.transfer.receive_flow import LARGE
from sockcli.transfer.relay import RelayOptions
from tests.transfer.relaying import Outcome, Session, new_session
from tests.waiting import PATIENCE, until

MUCH = bytes(range(256)) * 40_000  # 10 MB: more than the kernel's buffers hold
PIPE_SIZE = 65_536


@pytest.fixture(params=[True, False], ids=["kernel_transfers", "copied"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    with new_session(kernel_transfers=request.param) as opened:
        yield opened


def read_all(peer: socket.socket) -> bytes:
    data = bytearray()
    while chunk := peer.recv(1 << 18):
        data += chunk
    return bytes(data)


def feed(session: Session, data: bytes) -> Outcome:
    """Into stdin, and then its end."""

    def write() -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(session.stdin, view) :]
        session.end_input()

    return Outcome(write)


# The plain course of things


def test_both_directions_at_once_without_holding_anything_back(session: Session) -> None:
    session.start()
    for prompt, answer in ((b"login: ", b"m"), (b"password: ", b"\xff\x00"), (b"\x00", b"\n")):
        session.peer.sendall(prompt)
        assert session.printed(len(prompt)) == prompt
        session.type(answer)
        assert session.peer.recv(100) == answer
    session.end_input()
    assert session.peer.recv(1) == b""
    session.peer.sendall(b"bye")
    session.peer.close()
    assert session.finish() is Ending.INPUT
    assert session.rest() == b"bye"
    assert session.relay is not None
    assert (session.relay.sent, session.relay.received) == (4, 21)


def test_much_data_both_ways_at_the_same_time(session: Session) -> None:
    received = Outcome(lambda: read_all(session.peer))
    printed = Outcome(lambda: session.printed(len(MUCH)))
    fed = feed(session, MUCH)
    session.start()

    def send() -> None:
        session.peer.sendall(MUCH[::-1])
        session.peer.shutdown(socket.SHUT_WR)

    sending = Outcome(send)
    assert session.finish() in (Ending.INPUT, Ending.PEER)
    fed.result()
    sending.result()
    session.transport.close()
    assert received.result() == MUCH
    assert printed.result() == MUCH[::-1]


def test_an_empty_stdin_is_an_end_at_once(session: Session) -> None:
    with open(os.devnull, "rb") as nothing:
        session.start(source=Source(nothing.fileno()))
        assert read_all(session.peer) == b""
        session.peer.close()
        assert session.finish() is Ending.INPUT


def test_no_shutdown(session: Session) -> None:
    session.end_input()
    session.start(RelayOptions(shutdown=False))
    session.peer.sendall(b"x")
    session.printed(1)
    session.peer.settimeout(0)
    with pytest.raises(BlockingIOError):
        session.peer.recv(1)
    session.peer.close()
    assert session.finish() is Ending.INPUT


def test_stdin_set_non_blocking_by_a_parent(session: Session) -> None:
    os.set_blocking(session.stdin_read, False)
    session.start()
    session.peer.sendall(b"?")
    session.printed(1)
    session.type(b"late")
    assert session.peer.recv(10) == b"late"
    session.end_input()
    assert session.peer.recv(10) == b""
    session.peer.close()
    session.finish()


def test_a_directory_as_stdin_is_an_error(session: Session, tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    session.start(source=Source(fd))
    with pytest.raises(LocalFailure, match="cannot read stdin: is a directory"):
        session.finish()
    os.close(fd)


# The peer's end


def test_the_peers_end_is_the_end_though_stdin_is_open(session: Session) -> None:
    session.start()
    session.peer.sendall(b"goodbye")
    session.peer.close()
    assert session.finish() is Ending.PEER
    assert session.rest() == b"goodbye"


def test_input_that_is_there_at_the_peers_end_is_still_sent(session: Session) -> None:
    session.type(b"x" * PIPE_SIZE)
    session.peer.shutdown(socket.SHUT_WR)
    session.start()
    assert session.finish() is Ending.PEER
    session.transport.close()
    assert read_all(session.peer) == b"x" * PIPE_SIZE


def test_a_writer_that_waits_at_a_full_pipe_may_still_fill_it(session: Session) -> None:
    session.peer.shutdown(socket.SHUT_WR)
    received = Outcome(lambda: read_all(session.peer))
    fed = feed(session, MUCH)
    session.start()
    session.finish()
    fed.result()
    session.transport.close()
    assert received.result() == MUCH


def test_a_pipeline_under_way_may_stand_still_for_a_moment(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in large pieces is waited for longer than what somebody may have typed."""
    monkeypatch.setattr(send_flow, "INPUT_IDLE", 0)
    monkeypatch.setattr(send_flow, "BULK_IDLE", PATIENCE)
    session.type(b"x" * 8192)
    session.peer.shutdown(socket.SHUT_WR)
    session.start()
    assert session.peer.recv(8192, socket.MSG_WAITALL) == b"x" * 8192
    for piece in (b"what was left of a piece,", b" and the rest"):
        session.type(piece)
        assert session.peer.recv(len(piece), socket.MSG_WAITALL) == piece
    session.end_input()
    assert session.finish() is Ending.PEER


def test_a_file_is_sent_to_its_end(session: Session, tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(MUCH)
    session.peer.shutdown(socket.SHUT_WR)
    received = Outcome(lambda: read_all(session.peer))
    with (tmp_path / "input").open("rb") as file:
        session.start(source=Source(file.fileno()))
        session.finish()
    session.transport.close()
    assert received.result() == MUCH


def test_a_peer_that_will_not_take_the_rest_is_an_error_that_says_how_much(session: Session, tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(MUCH)
    session.peer.sendall(b"enough")
    session.peer.shutdown(socket.SHUT_WR)
    with (tmp_path / "input").open("rb") as file:
        session.start(source=Source(file.fileno()))
        assert session.printed(6) == b"enough"
        session.reset()
        with pytest.raises(Unreachable) as caught:
            session.finish()
    assert session.relay is not None
    assert ending_of(caught.value) is Ending.ERROR
    assert f"{len(MUCH) - session.relay.sent:,} bytes of input were not sent" in str(caught.value)


def test_a_few_bytes_that_only_their_acknowledgement_shows_to_be_refused(session: Session) -> None:
    """They fit into our kernel, so that sending succeeds; the peer's kernel answers them with a reset."""
    session.peer.close()
    session.type(b"late")
    session.start()
    with pytest.raises(Unreachable, match="refused what was sent last; 4 bytes sent were not acknowledged"):
        session.finish()


def test_one_byte_that_was_refused_is_one_byte(session: Session) -> None:
    session.peer.close()
    session.type(b"!")
    session.end_input()
    session.start()
    with pytest.raises(Unreachable, match="; 1 byte sent was not acknowledged"):
        session.finish()


def test_a_reset_loses_nothing_that_came_before(session: Session) -> None:
    session.peer.sendall(b"y" * 3 * PIPE_SIZE)
    session.start()
    until(lambda: session.stdout_is_full or session.received == 3 * PIPE_SIZE, "as much as possible to be received")
    session.reset()
    assert session.printed(3 * PIPE_SIZE) == b"y" * 3 * PIPE_SIZE
    with pytest.raises(Unreachable, match="reset"):
        session.finish()


def test_a_failed_send_does_not_hide_what_came_in_nor_the_reset(session: Session) -> None:
    """The send takes the socket's error, and the kernel then reports a clean end to whoever reads."""
    session.peer.sendall(b"z" * 1_000)
    session.reset()
    session.type(b"into the void")
    session.start()
    with pytest.raises(Unreachable, match=r"reset|broken"):
        session.finish()
    assert session.rest() == b"z" * 1_000


# Backpressure


def test_a_peer_that_never_reads_is_still_listened_to(session: Session) -> None:
    with open("/dev/zero", "rb") as endless:
        session.start(source=Source(endless.fileno()))
        relay = session.relay
        assert relay is not None
        until(lambda: _is_full(session), "the connection to be full")
        for _ in range(3):
            session.peer.sendall(b"I never read")
            assert session.printed(12) == b"I never read"
        session.button.press()
        with pytest.raises(Interrupted):
            session.finish()
        assert relay._sending.unsent <= HIGH_WATER + PIPE_SIZE


def _is_full(session: Session) -> bool:
    relay = session.relay
    assert relay is not None
    return relay._sending.unsent >= HIGH_WATER


def test_a_slow_stdout_holds_up_the_peer_and_not_the_memory(session: Session) -> None:
    session.start()
    session.peer.setblocking(False)
    taken = 0
    relay = session.relay
    assert relay is not None

    def full() -> bool:
        nonlocal taken
        try:
            while True:
                taken += session.peer.send(MUCH[taken % len(MUCH) :])
        except BlockingIOError:
            return session.stdout_is_full
        return False

    until(full, "the peer to be held up")
    assert relay._sink.pending < HIGH_WATER + LARGE
    # Input passes all the same.
    session.type(b"hello")
    session.peer.settimeout(10)
    assert session.peer.recv(10) == b"hello"
    session.peer.close()
    printed = session.printed(taken)
    assert session.finish() is Ending.PEER
    assert printed == (MUCH * (taken // len(MUCH) + 1))[:taken]


# stdout's own faults


def test_a_reader_that_went_away_is_noticed_though_nothing_is_written(session: Session) -> None:
    session.start()
    session.peer.sendall(b"line\n")
    assert session.printed(5) == b"line\n"
    os.close(session.stdout)
    with pytest.raises(OutputGone):
        session.finish()


def test_send_only_needs_no_stdout(session: Session) -> None:
    os.close(session.stdout)
    session.start(RelayOptions(send_only=True))
    session.peer.sendall(b"dropped")
    session.type(b"sent")
    assert session.peer.recv(10) == b"sent"
    session.end_input()
    assert session.finish() is Ending.INPUT


def test_a_full_disk(session: Session) -> None:
    session.start(stdout=session.keep(os.open("/dev/full", os.O_WRONLY)))
    session.peer.sendall(b"x")
    with pytest.raises(LocalFailure, match="cannot write to stdout: no space left on device"):
        session.finish()


def test_a_record_that_fails_does_not_cost_what_was_received(session: Session) -> None:
    (log,) = open_records(None, "/dev/full")
    session.start(taps=[log])
    session.peer.sendall(b"kept")
    with pytest.raises(LocalFailure, match="/dev/full") as caught:
        session.finish()
    assert session.rest() == b"kept"
    assert ending_of(caught.value) is Ending.ERROR


class AsItIs:
    """A filter, so that the bytes are copied: what the kernel moves by itself is never held here."""

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


def test_an_input_that_fails_does_not_either(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockcli.transfer.relay.DRAIN_GRACE", 10)  # this machine may be busy
    directory = session.keep(os.open(tmp_path, os.O_RDONLY))
    os.write(session.stdout_write, b"-" * PIPE_SIZE)  # full
    session.peer.sendall(b"received")
    until(lambda: _bytes_readable(session.ours) == 8, "it to arrive")
    session.start(source=Source(directory), output_filter=AsItIs())
    assert session.printed(PIPE_SIZE) == b"-" * PIPE_SIZE
    with pytest.raises(LocalFailure, match="is a directory"):
        session.finish()
    assert session.rest() == b"received"


def _bytes_readable(connection: socket.socket) -> int:
    return int.from_bytes(fcntl.ioctl(connection, termios.FIONREAD, bytes(4)), "little")


# One direction only


def test_send_only_drops_what_comes_and_leaves_once_all_is_acknowledged(session: Session) -> None:
    fed = feed(session, MUCH)
    session.start(RelayOptions(send_only=True))
    session.peer.sendall(MUCH)  # would block if it were not read
    received = Outcome(lambda: read_all(session.peer))
    assert session.finish() is Ending.INPUT
    fed.result()
    # Before the transport is closed: acknowledged is acknowledged.
    assert session.transport.unacknowledged() == 0
    assert received.result() == MUCH
    assert session.rest() == b""


def test_send_only_does_not_leave_before_the_peer_has_it(session: Session) -> None:
    data = MUCH[:3_000_000]  # our kernel takes it, the peer's does not
    fed = feed(session, data)
    session.start(RelayOptions(send_only=True))
    fed.result()
    relay = session.relay
    assert relay is not None
    until(lambda: relay._channel.next_ack_check is not NEVER, "it to ask for acknowledgements")
    assert session.running
    received = Outcome(lambda: read_all(session.peer))
    assert session.finish() is Ending.INPUT
    assert received.result() == data


def test_send_only_leaves_when_the_peer_does(session: Session) -> None:
    session.start(RelayOptions(send_only=True))
    session.peer.close()
    assert session.finish() is Ending.PEER


def test_recv_only_leaves_stdin_to_others_and_our_side_open(session: Session) -> None:
    session.type(b"for somebody else")
    session.end_input()
    session.start(RelayOptions(recv_only=True, linger=0.001))
    session.peer.sendall(b"news")
    assert session.printed(4) == b"news"
    session.peer.settimeout(0)
    with pytest.raises(BlockingIOError):
        session.peer.recv(1)
    session.peer.close()
    assert session.finish() is Ending.PEER
    assert os.read(session.stdin_read, 100) == b"for somebody else"


# Options


def test_crlf(session: Session) -> None:
    session.start(RelayOptions(crlf=True))
    session.type(b"a\r")
    assert session.peer.recv(10) == b"a\r"
    session.type(b"\nb\n")
    assert session.peer.recv(10) == b"\nb\r\n"
    session.peer.sendall(b"as it is\n")
    assert session.printed(9) == b"as it is\n"


def test_line_delay_keeps_lines_whole_and_apart_but_not_what_comes(session: Session) -> None:
    session.type(b"one\ntwo\nrest")
    session.start(RelayOptions(line_delay=30))
    assert session.peer.recv(100) == b"one\n"
    session.peer.sendall(b"answer")
    assert session.printed(6) == b"answer"
    session.button.press()
    with pytest.raises(Interrupted):
        session.finish()


def test_line_delay_sends_everything_in_the_end(session: Session) -> None:
    session.type(b"one\ntwo\nrest")
    session.start(RelayOptions(line_delay=0.01, crlf=True, linger=5))
    session.end_input()
    assert read_all(session.peer) == b"one\r\ntwo\r\nrest"
    session.peer.close()
    assert session.finish() is Ending.INPUT


def test_line_delay_and_the_peers_end_the_begun_line_is_sent_too(session: Session) -> None:
    session.type(b"one\ntwo\nrest")
    session.peer.shutdown(socket.SHUT_WR)
    session.start(RelayOptions(line_delay=0.01))
    assert session.finish() is Ending.PEER
    session.transport.close()
    assert read_all(session.peer) == b"one\ntwo\nrest"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (RelayOptions(deadline=Deadline(0.05)), r"^the deadline of 0.05 s passed$"),
        (RelayOptions(idle_timeout=0.05), r"^nothing was sent or received for 0.05 s$"),
        (RelayOptions(linger=0.05), r"^the peer did not finish within 0.05 s of the end of stdin$"),
    ],
)
def test_limits(session: Session, options: RelayOptions, reason: str) -> None:
    session.end_input()
    session.peer.sendall(b"before")
    options.deadline.restart()
    session.start(options)
    with pytest.raises(TimedOut, match=reason) as caught:
        session.finish()
    assert session.rest() == b"before"
    assert ending_of(caught.value) is Ending.TIMEOUT


def test_linger_waits_for_the_end_of_stdin(session: Session) -> None:
    session.start(RelayOptions(linger=0.001, idle_timeout=0.05))
    with pytest.raises(TimedOut, match="nothing was sent"):
        session.finish()


def test_linger_does_not_cut_short_what_the_peer_is_still_taking(session: Session) -> None:
    session.start(RelayOptions(linger=0.5))
    fed = feed(session, MUCH)
    received = bytearray()
    # Slowly: more than the limit in all, less than that for each piece.
    while chunk := session.peer.recv(1 << 20):
        received += chunk
    fed.result()
    session.peer.close()
    assert session.finish() is Ending.INPUT
    assert received == MUCH


def test_a_limit_does_not_count_while_stdout_keeps_the_peer_waiting(session: Session) -> None:
    session.start(RelayOptions(idle_timeout=1.0))
    sending = Outcome(lambda: session.peer.sendall(MUCH))
    relay = session.relay
    assert relay is not None
    until(lambda: session.stdout_is_full, "stdout to be full")
    idle_before = relay._limits._idle._at
    # The limit passes, and is counted anew.
    until(lambda: relay._limits._idle._at != idle_before, "the limit to pass")
    assert session.printed(len(MUCH)) == MUCH
    sending.result()
    session.peer.close()
    session.finish()


def test_progress_is_every_byte_once(session: Session) -> None:
    steps: list[tuple[int, int]] = []
    session.start(on_progress=lambda sent, received: steps.append((sent, received)))
    session.peer.sendall(MUCH[:100_000])
    assert session.printed(100_000) == MUCH[:100_000]
    session.type(b"hello")
    assert session.peer.recv(10) == b"hello"
    session.peer.close()
    session.finish()
    assert tuple(map(sum, zip(*steps, strict=True))) == (5, 100_000)


# From outside


def test_an_interrupt_writes_what_was_received(session: Session) -> None:
    session.start()
    session.peer.sendall(b"w" * 2 * PIPE_SIZE)
    relay = session.relay
    assert relay is not None
    # The kernel's own way ends at the full pipe: what does not fit was never received.
    until(lambda: session.stdout_is_full or relay.received == 2 * PIPE_SIZE, "as much as possible to be received")
    much = relay.received
    printed = Outcome(lambda: session.printed(much))
    session.button.press()
    with pytest.raises(Interrupted) as caught:
        session.finish()
    assert printed.result() == b"w" * much
    assert ending_of(caught.value) is Ending.SIGNAL


def test_an_interrupt_does_not_wait_for_a_stdout_that_takes_nothing(session: Session) -> None:
    session.start()
    session.peer.sendall(b"w" * 2 * PIPE_SIZE)
    relay = session.relay
    assert relay is not None
    until(lambda: relay.received == 2 * PIPE_SIZE, "it to be received")
    session.button.press()
    with pytest.raises(Interrupted):
        session.finish()


def test_one_source_serves_one_relay_after_the_other() -> None:
    with new_session() as first, new_session() as second, new_session() as third:
        first.start()
        first.type(b"one")
        assert first.peer.recv(10) == b"one"
        first.peer.close()
        assert first.finish() is Ending.PEER
        first.type(b"two")
        second.start(source=first.source)
        assert second.peer.recv(10) == b"two"
        first.end_input()
        assert second.peer.recv(10) == b""
        second.peer.close()
        assert second.finish() is Ending.INPUT
        third.start(source=first.source)
        assert third.peer.recv(10) == b"", "the end stays the end"
        third.peer.close()
        assert third.finish() is Ending.INPUT
