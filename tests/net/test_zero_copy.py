"""Which bytes the kernel moves by itself, and that it does so as reading and writing would."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.poller import READABLE, wait
from sockcli.errors import Unreachable
from sockcli.net import zero_copy
from sockcli.net.transport import NotReady
from sockcli.net.zero_copy import End, KernelTransfer, Method, ZeroCopyRefused, choose, end_of, from_peer, to_peer
from tests.net.support import TcpPair, reset, tcp_pair
from tests.waiting import PATIENCE

MUCH = 16 << 20  # more than any pipe or socket buffer


class Ends(NamedTuple):
    """A connection and a pipe."""

    pair: TcpPair
    reading: int
    writing: int


@pytest.fixture
def ends() -> Iterator[Ends]:
    with ExitStack() as stack:
        pair = stack.enter_context(tcp_pair("127.0.0.1"))
        reading, writing = os.pipe()
        for fd in (reading, writing):
            stack.callback(_close, fd)
        yield Ends(pair, reading, writing)


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        return  # the test itself closed it


def kernel_transfer(made: KernelTransfer | None) -> KernelTransfer:
    assert made is not None
    return made


def _count(moved: int | NotReady) -> int:
    return moved if isinstance(moved, int) else 0


def arrived(pair: TcpPair) -> None:
    """Wait for what the peer sent last."""
    assert wait([(pair.transport.fileno(), READABLE)], Deadline(PATIENCE))


# The choice


@pytest.mark.parametrize(("source", "sink"), list(product(End, End)))
def test_a_table_decides(source: End, sink: End) -> None:
    special = {
        (End.PIPE, End.TCP): Method.SPLICE,
        (End.TCP, End.PIPE): Method.SPLICE,
        (End.FILE, End.TCP): Method.SENDFILE,
    }
    assert choose(source, sink, inspected=False) is special.get((source, sink), Method.COPY)
    assert choose(source, sink, inspected=True) is Method.COPY


def test_what_a_descriptor_is(ends: Ends, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    kinds = {}
    for name in (path, Path("/dev/null"), Path("/proc/self/status"), tmp_path):
        fd = os.open(name, os.O_RDONLY)
        kinds[name.name] = end_of(fd)
        os.close(fd)
    # A file in /proc says that it is empty. So an empty one is read, which is no work.
    assert set(kinds.values()) == {End.OTHER}, kinds
    path.write_bytes(b"x")
    with path.open("rb") as file:
        assert end_of(file.fileno()) is End.FILE
    assert end_of(ends.reading) is End.PIPE
    assert end_of(ends.pair.peer.fileno()) is End.OTHER


def test_a_transport_that_changes_the_bytes_gets_no_shortcut(ends: Ends) -> None:
    class Tls:
        def fileno(self) -> int:
            return ends.pair.transport.fileno()

    assert to_peer(ends.reading, Tls()) is None
    assert from_peer(Tls(), ends.writing) is None


def test_bytes_that_somebody_looks_at_get_no_shortcut(ends: Ends) -> None:
    assert to_peer(ends.reading, ends.pair.transport, inspected=True) is None
    assert from_peer(ends.pair.transport, ends.writing, inspected=True) is None


# From a pipe


def test_a_pipe_to_the_peer(ends: Ends) -> None:
    up = kernel_transfer(to_peer(ends.reading, ends.pair.transport))
    assert up.awaits_input
    os.write(ends.writing, b"hello")
    assert up.move() == 5
    assert ends.pair.peer.recv(100) == b"hello"
    os.close(ends.writing)
    assert up.move() is NotReady.EOF
    assert up.move() is NotReady.EOF


def test_a_peer_that_does_not_read(ends: Ends) -> None:
    up = kernel_transfer(to_peer(ends.reading, ends.pair.transport))
    written = moved = received = 0
    while up.awaits_input:
        written += os.write(ends.writing, bytes(4096))
        moved += _count(up.move())
    os.close(ends.writing)
    # What the connection does not take is still in the pipe, and goes once there is room.
    assert moved < written
    while received < written:
        received += len(ends.pair.peer.recv(1 << 20))
        moved += _count(up.move())
    assert moved == written
    assert up.move() is NotReady.EOF


def test_a_lost_connection_is_told_by_every_send(ends: Ends) -> None:
    up = kernel_transfer(to_peer(ends.reading, ends.pair.transport))
    os.write(ends.writing, b"hello")
    reset(ends.pair.peer)
    assert wait([(ends.pair.transport.fileno(), 0)], Deadline(PATIENCE))
    for _ in range(2):
        with pytest.raises(Unreachable):
            up.move()
    # The send took the error; what is read afterwards is no clean end all the same.
    with pytest.raises(Unreachable):
        ends.pair.transport.receive()
    assert os.read(ends.reading, 100) == b"hello"


# From a file


def test_a_file_to_the_peer_moves_the_place_that_others_share(ends: Ends, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first second")
    with path.open("rb", buffering=0) as file:
        file.seek(6)
        up = kernel_transfer(to_peer(file.fileno(), ends.pair.transport))
        assert not up.awaits_input
        assert up.move() == 6
        assert ends.pair.peer.recv(100) == b"second"
        assert file.tell() == 12
        with path.open("ab") as more:
            more.write(b" third")
        assert up.move() == 6
        assert up.move() is NotReady.EOF


def test_a_file_that_shrinks_just_ends(ends: Ends, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(MUCH))
    with path.open("rb") as file:
        up = kernel_transfer(to_peer(file.fileno(), ends.pair.transport))
        while isinstance(up.move(), int):
            pass
        assert not up.awaits_input  # a file always has more to give: it is the peer that is waited for
        os.truncate(path, 0)
        assert up.move() is NotReady.EOF


# To a pipe


def test_the_peer_to_a_pipe(ends: Ends) -> None:
    down = kernel_transfer(from_peer(ends.pair.transport, ends.writing))
    ends.pair.peer.sendall(b"hello")
    ends.pair.peer.shutdown(socket.SHUT_WR)
    arrived(ends.pair)
    assert down.move() == 5
    assert os.read(ends.reading, 100) == b"hello"
    assert down.move() is NotReady.EOF


def test_a_full_pipe_is_left_alone_and_then_goes_on(ends: Ends) -> None:
    down = kernel_transfer(from_peer(ends.pair.transport, ends.writing))
    ends.pair.peer.setblocking(False)
    sent = received = 0
    with suppress(BlockingIOError):
        while True:
            sent += ends.pair.peer.send(bytes(65_536))
    while down.awaits_input:
        down.move()
    assert os.get_blocking(ends.writing)
    ends.pair.peer.shutdown(socket.SHUT_WR)
    while received < sent:
        received += len(os.read(ends.reading, 1 << 20))
        down.move()
    assert received == sent


def test_a_reset_comes_after_what_was_received(ends: Ends) -> None:
    down = kernel_transfer(from_peer(ends.pair.transport, ends.writing))
    ends.pair.peer.sendall(b"last words")
    arrived(ends.pair)
    reset(ends.pair.peer)
    assert down.move() == 10
    for _ in range(2):
        with pytest.raises(Unreachable):
            down.move()


def test_a_reader_that_went_away_is_not_the_connections_fault(ends: Ends) -> None:
    down = kernel_transfer(from_peer(ends.pair.transport, ends.writing))
    ends.pair.peer.sendall(b"hello")
    arrived(ends.pair)
    os.close(ends.reading)
    with pytest.raises(ZeroCopyRefused):
        down.move()
    assert ends.pair.transport.receive() == b"hello"


def test_urgent_data_is_left_to_reading(ends: Ends) -> None:
    """splice(2) stops in front of the urgent byte for ever, while poll(2) says that there is something."""
    down = kernel_transfer(from_peer(ends.pair.transport, ends.writing))
    ends.pair.peer.send(b"before")
    ends.pair.peer.send(b"!", socket.MSG_OOB)
    arrived(ends.pair)
    assert down.move() == 6
    with pytest.raises(ZeroCopyRefused):
        deque(iter(down.move, None), maxlen=0)
    assert os.read(ends.reading, 100) == b"before"
    assert ends.pair.transport.receive() == b"!"


def test_urgent_data_in_front_of_the_end_is_not_the_end(ends: Ends) -> None:
    """There splice(2) says that nothing more will come."""
    down = kernel_transfer(from_peer(ends.pair.transport, ends.writing))
    ends.pair.peer.send(b"!", socket.MSG_OOB)
    ends.pair.peer.send(b"after")
    ends.pair.peer.shutdown(socket.SHUT_WR)
    arrived(ends.pair)
    with pytest.raises(ZeroCopyRefused):
        deque(iter(down.move, NotReady.EOF), maxlen=0)
    assert ends.pair.transport.receive() == b"!after"
    assert ends.pair.transport.receive() is NotReady.EOF


# In bulk


def moves(*results: int | NotReady | Exception) -> Iterator[int | NotReady]:
    for result in results:
        if isinstance(result, Exception):
            raise result
        yield result


def test_pipefuls_follow_each_other_on_the_spot(ends: Ends) -> None:
    full = zero_copy._WIDE_PIPE
    many = moves(full, full, full, NotReady.WOULD_BLOCK, 5)
    up = KernelTransfer(lambda: next(many), Method.SPLICE, ends.reading, lambda: True)
    assert up.move() == 3 * full
    assert up.awaits_input
    assert up.move() == 5


@pytest.mark.parametrize("stop", [NotReady.EOF, ZeroCopyRefused(), Unreachable("lost")])
def test_what_ends_a_bulk_comes_after_the_count_of_what_was_moved(ends: Ends, stop: NotReady | Exception) -> None:
    full = zero_copy._WIDE_PIPE
    up = KernelTransfer(partial(next, moves(full, full, stop)), Method.SPLICE, ends.reading, lambda: True)
    assert up.move() == 2 * full


def test_a_bulk_lets_others_have_their_turn(ends: Ends) -> None:
    up = KernelTransfer(lambda: zero_copy._WIDE_PIPE, Method.SPLICE, ends.reading, lambda: True)
    assert up.move() == (1 + zero_copy._REFILLS) * zero_copy._WIDE_PIPE


def test_a_bulk_goes_on_only_while_there_is_nothing_but_more_input(ends: Ends) -> None:
    goes_on = kernel_transfer(to_peer(ends.reading, ends.pair.transport))._refilled
    assert goes_on is not None
    assert not goes_on()
    os.write(ends.writing, b"more")
    assert goes_on()
    ends.pair.peer.send(b"wait")
    arrived(ends.pair)
    assert not goes_on()


# Where it does not work


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EPERM])
def test_a_kernel_that_refuses(ends: Ends, tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "splice", refuse)
    monkeypatch.setattr(os, "sendfile", refuse)
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    with path.open("rb") as file:
        made = (
            to_peer(ends.reading, ends.pair.transport),
            to_peer(file.fileno(), ends.pair.transport),
            from_peer(ends.pair.transport, ends.writing),
        )
        for each in made:
            with pytest.raises(ZeroCopyRefused):
                kernel_transfer(each).move()
    assert ends.pair.transport.send(memoryview(b"x")) == 1


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_an_input_that_cannot_be_read_is_not_the_connections_fault(ends: Ends, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    with path.open("ab") as file:
        up = kernel_transfer(to_peer(ends.writing if kind == "pipe" else file.fileno(), ends.pair.transport))
        with pytest.raises(ZeroCopyRefused):
            up.move()


# The user's pipe


def test_a_pipe_is_widened_for_much_and_not_for_little(ends: Ends) -> None:
    before = fcntl.fcntl(ends.writing, fcntl.F_GETPIPE_SZ)
    up = kernel_transfer(to_peer(ends.reading, ends.pair.transport))
    for _ in range(zero_copy._BULK // before):
        assert fcntl.fcntl(ends.writing, fcntl.F_GETPIPE_SZ) == before
        os.write(ends.writing, bytes(before))
        left = before
        while left:
            moved = up.move()
            if isinstance(moved, int):
                left -= moved
            else:
                ends.pair.peer.recv(1 << 20)
    assert fcntl.fcntl(ends.writing, fcntl.F_GETPIPE_SZ) == zero_copy._WIDE_PIPE


def test_a_pipe_that_may_not_be_widened_does_as_it_is(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "too many")

    monkeypatch.setattr(zero_copy, "_BULK", 1)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    up = kernel_transfer(to_peer(ends.reading, ends.pair.transport))
    for _ in range(2):
        os.write(ends.writing, b"hello")
        assert up.move() == 5
