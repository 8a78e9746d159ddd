"""Progress is told, does not mix with the peer's bytes, leaves nothing behind, and never gets in the way."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import tty
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyte
import pytest

from sockcli.stdio.progress import LOGGED, PATIENCE, Progress, amount, progress
from sockcli.stdio.sink import Sink
from sockcli.stdio.source import Source


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal:
    """A terminal, and what can be seen on it."""

    def __init__(self, columns: int = 100) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.output = b""
        self._columns = columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))

    def lines(self) -> list[str]:
        with suppress(BlockingIOError):
            while chunk := os.read(self.master, 65_536):
                self.output += chunk
        screen = pyte.Screen(self._columns, 24)
        screen.set_mode(pyte.modes.LNM)
        pyte.ByteStream(screen).feed(self.output)
        return [line.rstrip() for line in screen.display if line.strip()]

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "stderr"


def open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Source]:
    (tmp_path / "input").write_bytes(bytes(10_000_000))
    with (tmp_path / "input").open("rb") as opened:
        yield Source(opened.fileno())


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.7, "1.0 kB"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (5e18, "5000.0 PB"),
    ],
)
def test_amount(count: float, text: str) -> None:
    assert amount(count) == text


def test_a_short_transfer_shows_nothing(terminal: Terminal) -> None:
    clock = FakeClock()
    shown = Progress(None, fd=terminal.slave, clock=clock)
    clock.now += PATIENCE - 0.01
    shown.moved(1_000_000, 0)
    shown.close()
    assert terminal.lines() == []
    assert terminal.output == b""


def test_one_line_is_drawn_over_and_replaced_by_what_it_came_to(terminal: Terminal) -> None:
    clock = FakeClock()
    shown = Progress(None, fd=terminal.slave, clock=clock)
    for _ in range(5):
        clock.now += 1
        shown.moved(1_000_000, 2)
    assert terminal.lines() == ["5.0 MB sent, 10 B received, 1.0 MB/s"]
    shown.close()
    assert terminal.lines() == ["sockcli: 5.0 MB sent, 10 B received in 5.0 s (1.0 MB/s)"]
    assert b"\x1b[?25" not in terminal.output, "the cursor is never hidden: after Ctrl-Z nobody would show it"


def test_with_a_file_there_is_a_bar_and_what_is_left(terminal: Terminal, file: Source) -> None:
    clock = FakeClock()
    shown = Progress(file, fd=terminal.slave, clock=clock)
    file.read(2_500_000)
    clock.now += 2.5
    shown.moved(2_500_000, 0)
    (line,) = terminal.lines()
    assert line.startswith("[######")
    assert "25%" in line
    assert line.endswith("2.5 MB sent, 1.0 MB/s, 7.5 MB left")
    file.read(7_500_000)
    clock.now += 1
    shown.moved(7_500_000, 0)
    (line,) = terminal.lines()
    assert "100%" in line
    assert "0 B left" in line
    shown.close()
    assert terminal.lines() == ["sockcli: 10.0 MB sent in 3.5 s (2.9 MB/s)"]


@pytest.mark.parametrize("columns", [79, 40, 10])
def test_on_a_narrow_terminal_it_is_still_one_line(file: Source, columns: int) -> None:
    narrow = Terminal(columns)
    clock = FakeClock()
    shown = Progress(file, fd=narrow.slave, clock=clock)
    for _ in range(3):
        clock.now += 3
        shown.moved(1_234_567, 1_234_567)
        assert len(narrow.lines()) == 1
    shown.close()
    narrow.close()


def test_it_is_drawn_at_most_ten_times_a_second(terminal: Terminal) -> None:
    clock = FakeClock()
    shown = Progress(None, forced=True, fd=terminal.slave, clock=clock)
    for _ in range(1000):
        clock.now += 0.001
        shown.moved(1, 0)
    terminal.lines()
    assert 5 <= terminal.output.count(b"\r") <= 10
    shown.close()


class Plain:
    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


def test_what_the_peer_sends_does_not_mix_with_the_line(terminal: Terminal) -> None:
    clock = FakeClock()
    shown = Progress(None, fd=terminal.slave, clock=clock)
    stdout = Sink(terminal.slave, output_filter=shown.beside(Plain()))

    def print_and_show(data: bytes) -> None:
        clock.now += 3
        stdout.write(data)
        shown.moved(1000, len(data))

    print_and_show(b"first\n")
    assert terminal.lines() == ["first", "1.0 kB sent, 6 B received, 335 B/s"]
    print_and_show(b"second\n")
    assert terminal.lines()[:2] == ["first", "second"]
    assert len(terminal.lines()) == 3
    # A prompt: the cursor has to stay behind it.
    print_and_show(b"login: ")
    assert terminal.lines() == ["first", "second", "login:"]
    stdout.finish()
    shown.close()
    assert terminal.lines()[:3] == ["first", "second", "login:"]
    assert terminal.lines()[3].startswith("sockcli: 3.0 kB sent")
    stdout.close()


def test_elsewhere_it_is_plain_lines_now_and_then(log: Path, file: Source) -> None:
    clock = FakeClock()
    fd = open_log(log)
    shown = Progress(file, forced=True, fd=fd, clock=clock)
    file.read(1_000_000)
    clock.now += LOGGED
    shown.moved(1_000_000, 0)
    clock.now += LOGGED / 2
    shown.moved(1, 0)
    shown.close()
    os.close(fd)
    assert log.read_text() == (
        "sockcli: 1.0 MB sent, 100.0 kB/s, 9.0 MB left\nsockcli: 1.0 MB sent in 15.0 s (66.7 kB/s)\n"
    )


def test_asked_for_it_says_what_it_came_to_however_short(log: Path) -> None:
    fd = open_log(log)
    Progress(None, forced=True, fd=fd, clock=FakeClock()).close()
    os.close(fd)
    assert log.read_text() == "sockcli: 0 B in 0.0 s (0 B/s)\n"


def test_a_stderr_that_nobody_reads_is_no_fault() -> None:
    read, write = os.pipe()
    clock = FakeClock()
    shown = Progress(None, forced=True, fd=write, clock=clock)
    os.close(read)
    clock.now += LOGGED
    shown.moved(1, 1)
    shown.close()
    os.close(write)


def test_a_terminal_that_is_stopped_keeps_nobody_waiting(terminal: Terminal) -> None:
    clock = FakeClock()
    shown = Progress(None, forced=True, fd=terminal.slave, clock=clock)
    termios.tcflow(terminal.slave, termios.TCOOFF)
    for _ in range(10_000):  # far more than a terminal holds
        clock.now += 1
        shown.moved(1, 0)
    termios.tcflow(terminal.slave, termios.TCOON)
    shown.close()


@pytest.mark.parametrize(
    ("choice", "terminals", "expected"),
    [
        (None, {2}, True),
        (None, {0, 2}, True),
        (None, {1, 2}, True),
        (None, {0, 1, 2}, False),
        (None, set(), False),
        (None, {0, 1}, False),
        (True, set(), True),
        (True, {0, 1, 2}, True),
        (False, {2}, False),
    ],
)
def test_when_it_is_shown(
    choice: bool | None, terminals: set[int], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "isatty", lambda fd: fd in terminals)
    assert (progress(choice, None) is not None) == expected
