"""Whatever stdin and stdout are, and whoever moves the bytes: the same bytes, the same ends, the same exit codes.

`--log` has every byte copied through the process; without it, the kernel moves them by itself where it can.
"""

from __future__ import annotations

import fcntl
import os
import pty
import socket
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from tests.e2e.peers import Background, Listen, bytes_of_all_kinds, deliver, read_all, reset
from tests.e2e.runner import Result, Sockcli
from tests.waiting import PATIENCE

QUESTION = bytes_of_all_kinds(1_500_000)  # more than a pipe holds
ANSWER = QUESTION[::-1]
TYPED = b"".join(b"line %d\n" % number for number in range(2_000))  # a terminal has lines, and ends by Ctrl-D

End = IO[bytes] | socket.socket


class Source(NamedTuple):
    """A stdin: what comes from it once `feed` was called, and then its end."""

    end: End
    data: bytes
    feed: Callable[[], object]


class Sink(NamedTuple):
    """A stdout, and all that was written to it, or as much as can be known of that."""

    end: End
    written: Callable[[], bytes]


class Maker:
    """Makes stdins and stdouts."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory

    def _pair(self, reading: int, writing: int) -> tuple[IO[bytes], IO[bytes]]:
        return (
            self._stack.enter_context(open(reading, "rb", buffering=0)),
            self._stack.enter_context(open(writing, "wb", buffering=0)),
        )

    def pipe_in(self) -> Source:
        reading, writing = self._pair(*os.pipe())

        def feed() -> None:
            view = memoryview(QUESTION)
            while view:
                view = view[os.write(writing.fileno(), view) :]
            writing.close()

        return Source(reading, QUESTION, feed)

    def file_in(self) -> Source:
        path = self._directory / "input"
        path.write_bytes(QUESTION)
        return Source(self._stack.enter_context(path.open("rb")), QUESTION, lambda: None)

    def tty_in(self) -> Source:
        ours, theirs = pty.openpty()
        attributes = termios.tcgetattr(theirs)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        reading, writing = self._pair(theirs, ours)

        def feed() -> None:
            for line in (*TYPED.splitlines(keepends=True), b"\x04"):
                writing.write(line)

        return Source(reading, TYPED, feed)

    def socket_in(self) -> Source:
        ours, theirs = map(self._stack.enter_context, socket.socketpair())

        def feed() -> None:
            ours.sendall(QUESTION)
            ours.shutdown(socket.SHUT_WR)

        return Source(theirs, QUESTION, feed)

    def null_in(self) -> Source:
        return Source(self._stack.enter_context(open(os.devnull, "rb")), b"", lambda: None)

    def pipe_out(self) -> Sink:
        reading, writing = self._pair(*os.pipe())
        return Sink(writing, reading.readall)  # type: ignore[attr-defined]  # unbuffered, it is a FileIO

    def file_out(self) -> Sink:
        path = self._directory / "output"
        return Sink(self._stack.enter_context(path.open("wb")), path.read_bytes)

    def socket_out(self) -> Sink:
        ours, theirs = map(self._stack.enter_context, socket.socketpair())
        ours.settimeout(PATIENCE)
        return Sink(theirs, lambda: read_all(ours))

    def null_out(self) -> Sink:
        return Sink(self._stack.enter_context(open(os.devnull, "wb")), lambda: b"")


class Case(NamedTuple):
    """A run under way, with the peer's end of its connection."""

    connection: socket.socket
    source: Source
    finish: Callable[[], Result]  # `out` is what came out at the sink


@pytest.fixture(params=["kernel", "copied"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    return ["--log", str(tmp_path / "log")] if request.param == "copied" else []


@pytest.fixture(params=["pipe", "file", "null", "socket"])
def sink_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["pipe", "file", "tty", "socket", "null"])
def source_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(
    source_kind: str,
    sink_kind: str,
    options: list[str],
    sockcli: Sockcli,
    tcp_peer: Listen,
    background: Background,
    tmp_path: Path,
) -> Iterator[Case]:
    with ExitStack() as stack:
        maker = Maker(stack, tmp_path)
        source: Source = getattr(maker, f"{source_kind}_in")()
        sink: Sink = getattr(maker, f"{sink_kind}_out")()
        peer = tcp_peer()
        process = sockcli.start("tcp", *options, "127.0.0.1", peer.port, stdin=source.end, stdout=sink.end)
        sink.end.close()  # so that the last one to hold it is sockcli
        printed = background(sink.written) if sink_kind in ("pipe", "socket") else None

        def finish() -> Result:
            result = process.finish()
            return result._replace(out=printed.result(PATIENCE) if printed is not None else sink.written())

        yield Case(peer.accept(), source, finish)


def expected(sink_kind: str, data: bytes) -> bytes:
    return b"" if sink_kind == "null" else data


def test_stdin_ends_first(case: Case, sink_kind: str, background: Background) -> None:
    fed = background(case.source.feed)
    assert read_all(case.connection) == case.source.data
    fed.result(PATIENCE)
    case.connection.sendall(ANSWER)
    case.connection.close()
    result = case.finish()
    assert (result.code, result.err) == (0, "")
    assert result.out == expected(sink_kind, ANSWER)


def test_the_peer_ends_first(case: Case, source_kind: str, sink_kind: str) -> None:
    case.connection.sendall(ANSWER)
    case.connection.shutdown(socket.SHUT_WR)
    # Nothing was fed, so only a file has something, and that is still sent.
    assert read_all(case.connection) == (QUESTION if source_kind == "file" else b"")
    result = case.finish()
    assert (result.code, result.err) == (0, "")
    assert result.out == expected(sink_kind, ANSWER)


def test_both_at_once(case: Case, sink_kind: str, background: Background) -> None:
    fed = background(case.source.feed)
    sent = background(case.connection.sendall, ANSWER)
    assert read_all(case.connection) == case.source.data
    fed.result(PATIENCE)
    sent.result(PATIENCE)
    case.connection.close()
    result = case.finish()
    assert (result.code, result.err) == (0, "")
    assert result.out == expected(sink_kind, ANSWER)


def test_a_reset(case: Case, sink_kind: str, background: Background) -> None:
    # A reset that comes before the run knows that it is connected would be a failure to connect.
    fed = background(case.source.feed)
    assert read_all(case.connection) == case.source.data
    fed.result(PATIENCE)
    deliver(case.connection, ANSWER[:60_000])
    reset(case.connection)
    result = case.finish()
    assert result.code == 6
    assert "reset" in result.err
    assert result.out == expected(sink_kind, ANSWER[:60_000])


def test_who_moves_the_bytes(
    sockcli: Sockcli, tcp_peer: Listen, background: Background, options: list[str], tmp_path: Path
) -> None:
    """The kernel widens a pipe that it empties or fills by itself. Else the tests above would compare nothing."""
    with ExitStack() as stack:
        source = Maker(stack, tmp_path).pipe_in()
        read, write = os.pipe()
        output = stack.enter_context(open(read, "rb", buffering=0))
        before = pipe_sizes(source.end, output)
        peer = tcp_peer()
        with open(write, "wb") as stdout:
            process = sockcli.start("tcp", *options, "127.0.0.1", peer.port, stdin=source.end, stdout=stdout)
        fed = background(source.feed)
        connection = peer.accept()
        assert read_all(connection) == QUESTION
        fed.result(PATIENCE)
        sent = background(connection.sendall, ANSWER)
        received = 0
        while received < len(ANSWER):
            received += len(output.read(1 << 20))
        sent.result(PATIENCE)
        connection.close()
        assert process.finish().code == 0
        after = pipe_sizes(source.end, output)
    wider = [new > old for old, new in zip(before, after, strict=True)]
    assert wider == ([False, False] if options else [True, True])


def pipe_sizes(*ends: End) -> list[int]:
    return [fcntl.fcntl(end, fcntl.F_GETPIPE_SZ) for end in ends]
