"""stdout, whatever it is: nothing lost, nobody kept waiting, nothing changed for those who share it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sockcli.base.deadline import Deadline
from sockcli.base.poller import READABLE, wait
from sockcli.errors import Interrupted, LocalFailure, OutputGone
from sockcli.stdio.sink import Sink
from tests.stdio.conftest import Descriptors

MUCH = bytes(range(256)) * 4096  # more than any pipe, pty or socket here takes at once
PAIRS = ["pipe", "socket_pair", "terminal"]


def flags(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_GETFL)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_sink_writes_at_once(descriptors: Descriptors, kind: str) -> None:
    read, write = getattr(descriptors, kind)()
    sink = Sink(write)
    sink.write(b"login: ")
    assert os.read(read, 100) == b"login: "
    assert not sink.pending
    sink.close()


@pytest.mark.parametrize("kind", PAIRS)
def test_a_full_sink_keeps_nobody_waiting_and_loses_nothing(descriptors: Descriptors, kind: str) -> None:
    read, write = getattr(descriptors, kind)()
    before = flags(write)
    sink = Sink(write)
    sink.write(MUCH)  # would never return if it waited
    assert 0 < sink.pending < len(MUCH)
    assert not sink.room
    assert flags(write) == before
    result = bytearray()
    while len(result) < len(MUCH):
        result += os.read(read, 65_536)
        sink.flush()
    assert result == MUCH
    assert (sink.pending, sink.room) == (0, True)
    sink.close()


@pytest.mark.parametrize("kind", ["pipe", "socket_pair"])
def test_where_the_better_ways_fail_small_writes_do_it(
    descriptors: Descriptors, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No /proc, a pipe of another user, an old kernel."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not here")

    read, write = getattr(descriptors, kind)()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        patch.setattr(os, "pwritev", refuse)
        sink = Sink(write)
        assert sink.fileno() == write
        sink.write(MUCH)
    assert 0 < sink.pending < len(MUCH)
    result = bytearray()
    while len(result) < len(MUCH):
        result += os.read(read, 65_536)
        sink.flush()
    assert result == MUCH
    sink.close()


def test_the_order_is_kept_while_something_is_pending(descriptors: Descriptors) -> None:
    read, write = descriptors.pipe()
    sink = Sink(write)
    sink.write(MUCH)
    for number in range(1000):
        sink.write(b"%d\n" % number)
    result = bytearray()
    while sink.pending:
        result += os.read(read, 65_536)
        sink.flush()
    sink.close()
    os.close(write)
    while chunk := os.read(read, 65_536):
        result += chunk
    assert result == MUCH + b"".join(b"%d\n" % number for number in range(1000))


def test_the_master_of_a_pty_is_not_opened_again(descriptors: Descriptors) -> None:
    master, slave = descriptors.terminal()
    sink = Sink(master)
    sink.write(b"to the slave")
    assert os.read(slave, 100) == b"to the slave"
    sink.close()


def test_a_file_is_written_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "output"
    with path.open("wb", buffering=0) as file:
        file.write(b"before ")
        sink = Sink(file.fileno())
        sink.write(MUCH)
        assert not sink.pending
        file.write(b" after")
        sink.close()
        assert not file.closed
        os.fstat(file.fileno())
    assert path.read_bytes() == b"before " + MUCH + b" after"


@pytest.mark.parametrize("kind", ["pipe", "socket_pair"])
def test_a_reader_that_went_away_is_noticed_at_the_next_write(descriptors: Descriptors, kind: str) -> None:
    read, write = getattr(descriptors, kind)()
    sink = Sink(write)
    os.close(read)
    with pytest.raises(OutputGone):
        sink.write(b"x")
    sink.close()


def test_a_reader_that_left_before_the_start_is_noticed_too(descriptors: Descriptors) -> None:
    read, write = descriptors.pipe()
    os.close(read)
    sink = Sink(write)
    with pytest.raises(OutputGone):
        sink.write(b"x")


def test_a_full_disk_is_named() -> None:
    with open("/dev/full", "wb") as file:
        sink = Sink(file.fileno())
        with pytest.raises(LocalFailure, match=r"^cannot write to stdout: no space left on device$"):
            sink.write(b"x")
        sink.close()


def test_what_fits_on_a_full_disk_stays_there(tmp_path: Path) -> None:
    """RLIMIT_FSIZE as the disk: the write that reaches the limit is cut short, the next fails."""
    path = tmp_path / "output"
    script = (
        "import resource, signal, sys\n"
        "from sockcli.stdio.sink import Sink\n"
        "from sockcli.errors import LocalFailure\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "sink = Sink(1)\n"
        "try:\n"
        "    sink.write(bytes(700)); sink.write(bytes(700)); sink.drain()\n"
        "except LocalFailure as exc:\n"
        "    sys.exit(str(exc))\n"
    )
    with path.open("wb") as file:
        done = subprocess.run([sys.executable, "-c", script], stdout=file, stderr=subprocess.PIPE, timeout=30)
    assert done.stderr.decode().strip() == "cannot write to stdout: file too large"
    assert path.read_bytes() == bytes(1000)


def test_an_error_that_only_close_reports_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close = os.close

    def fail(fd: int) -> None:
        close(fd)
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with (tmp_path / "output").open("wb") as file:
        sink = Sink(file.fileno())
        sink.write(b"x")
        monkeypatch.setattr(os, "close", fail)
        with pytest.raises(LocalFailure, match=r"cannot write to stdout: disk quota exceeded"):
            sink.close()
        monkeypatch.undo()
        os.fstat(file.fileno())  # stdout itself stays open


def test_an_owned_descriptor_is_closed(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    Sink(fd, "log", owned=True).close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


class Caps:
    def feed(self, data: bytes) -> bytes:
        return data.upper()

    def finish(self) -> bytes:
        return b"!"


def test_the_filter_is_for_the_peers_bytes_only(descriptors: Descriptors) -> None:
    read, write = descriptors.pipe()
    sink = Sink(write, output_filter=Caps())
    sink.write(b"peer ")
    sink.write_raw(b"ours ")
    sink.finish()
    assert os.read(read, 100) == b"PEER ours !"
    sink.close()


def test_drain_waits_for_the_reader(descriptors: Descriptors, reading: Callable[[int], Callable[[], bytes]]) -> None:
    read, write = descriptors.pipe()
    sink = Sink(write)
    sink.write(MUCH)
    result = reading(read)
    assert sink.drain()
    sink.close()
    os.close(write)
    assert result() == MUCH


def test_drain_ends_at_its_deadline_and_at_an_interrupt(descriptors: Descriptors) -> None:
    _, write = descriptors.pipe()
    sink = Sink(write)
    sink.write(MUCH)
    assert not sink.drain(Deadline(0.01))

    class Pressed:
        def fileno(self) -> int:
            return -1

        def check(self) -> None:
            raise Interrupted(2)

    with pytest.raises(Interrupted):
        sink.drain(interrupt=Pressed())
    sink.close()


def test_a_parents_non_blocking_stdout_is_no_error(descriptors: Descriptors) -> None:
    read, write = descriptors.pipe()
    os.set_blocking(write, False)
    sink = Sink(write)
    sink.write(MUCH)
    result = bytearray()
    while sink.pending:
        result += os.read(read, 65_536)
        sink.flush()
    while wait([(read, READABLE)], Deadline(0)):
        result += os.read(read, 65_536)
    assert result == MUCH
    assert not os.get_blocking(write)
    sink.close()
