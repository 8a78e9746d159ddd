"""What is recorded is what passed, in a form that harms no terminal, in a file that harms no other."""

from __future__ import annotations

import os
import pty
import re
import stat
import tty
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from sockcli.base.deadline import Deadline
from sockcli.errors import Interrupted, LocalFailure, TimedOut, UsageError
from sockcli.stdio.recording import AT_A_PROMPT, HexDump, Limits, SessionLog, open_log, open_records
from sockcli.stdio.sink import Sink
from sockcli.stdio.tap import Tap
from tests.net.support import open_descriptors
from tests.transfer.relaying import Button, Outcome


@contextmanager
def as_descriptor(number: int, path: Path) -> Iterator[None]:
    """The file at `path` as descriptor 0, 1 or 2. No fixture: pytest moves them itself between the phases of a test."""
    saved = os.dup(number)
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.dup2(fd, number)
    os.close(fd)
    try:
        yield
    finally:
        os.dup2(saved, number)
        os.close(saved)


def close(taps: Sequence[Tap]) -> None:
    for tap in taps:
        tap.close()


# Files


@pytest.fixture
def button() -> Iterator[Button]:
    with closing(Button()) as button:
        yield button


def test_at_a_prompt_no_fifo_is_waited_for(tmp_path: Path) -> None:
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    with pytest.raises(LocalFailure, match="nobody reads it"):
        open_records(None, fifo, AT_A_PROMPT)
    with pytest.raises(LocalFailure, match="nobody reads it"):
        open_log(fifo)


def test_a_fifo_waits_for_its_reader(tmp_path: Path, button: Button) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    opened = Outcome(lambda: open_records(None, str(fifo), Limits(button)))
    with fifo.open("rb") as reader:
        (log,) = opened.result()
        log.sent(b"heard")
        log.close()
        assert reader.read() == b"heard"


def test_the_wait_for_a_reader_can_be_interrupted(tmp_path: Path, button: Button) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    opened = Outcome(lambda: open_records(None, str(fifo), Limits(button)))
    button.press()
    with pytest.raises(Interrupted):
        opened.result()


def test_the_deadline_counts_while_it_waits_for_a_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TimedOut, match=r"the deadline of 0\.1 s passed"):
        open_records(str(tmp_path / "fifo"), None, Limits(deadline=Deadline(0.1)))


def test_both_records_of_one_session(tmp_path: Path) -> None:
    taps = open_records(str(tmp_path / "dump"), str(tmp_path / "log"))
    for tap in taps:
        tap.sent(b"knock\n")
        tap.received(b"who is there?\x1b[2J\n" + bytes(range(0x80, 0x90)))
        tap.sent(b"me")
    close(taps)
    assert (tmp_path / "log").read_bytes() == b"knock\nwho is there?\x1b[2J\n" + bytes(range(0x80, 0x90)) + b"me"
    text = (tmp_path / "dump").read_text("ascii")
    assert [re.sub(r"\d\d:\d\d:\d\d\.\d\d\d", "TIME", line) for line in text.splitlines()] == [
        "> TIME 00000000  6b 6e 6f 63 6b 0a                                |knock.|",
        "< TIME 00000000  77 68 6f 20 69 73 20 74 68 65 72 65 3f 1b 5b 32  |who is there?.[2|",
        "< TIME 00000010  4a 0a 80 81 82 83 84 85 86 87 88 89 8a 8b 8c 8d  |J...............|",
        "< TIME 00000020  8e 8f                                            |..|",
        "> TIME 00000006  6d 65                                            |me|",
    ]


def test_a_datagram_of_no_bytes_is_recorded(tmp_path: Path) -> None:
    (dump,) = open_records(str(tmp_path / "dump"), None)
    dump.received(b"")
    dump.close()
    assert re.fullmatch(r"< \d\d:\d\d:\d\d\.\d\d\d 00000000\n", (tmp_path / "dump").read_text())


def test_the_time_is_the_wall_clocks(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "dump", os.O_WRONLY | os.O_CREAT)
    dump = HexDump(Sink(fd, owned=True), clock=lambda: 45_296.789)
    dump.sent(b"x")
    dump.close()
    assert re.match(r"> \d\d:\d\d:56\.789 ", (tmp_path / "dump").read_text())


def test_a_file_is_private_and_emptied(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("of the last session")
    close(open_records(str(old), str(tmp_path / "new")))
    assert old.read_text() == ""
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_no_record_is_no_tap() -> None:
    assert open_records(None, None) == []


@pytest.mark.parametrize("name", ["no/folder", ".", "a\0b"])
def test_a_file_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    before = open_descriptors()
    with pytest.raises(LocalFailure, match="cannot write to"):
        open_records(str(tmp_path / "other"), f"{tmp_path}/{name}")
    assert open_descriptors() == before


def test_the_same_file_twice_is_refused_before_anything_is_lost(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("kept")
    (tmp_path / "link").hardlink_to(tmp_path / "one")
    before = open_descriptors()
    with pytest.raises(UsageError, match=r'--log ".*/link" is the same file as --hex-dump'):
        open_records(str(tmp_path / "one"), str(tmp_path / "link"))
    assert open_descriptors() == before
    assert (tmp_path / "one").read_text() == "kept"


@pytest.mark.parametrize(("number", "name"), [(0, "stdin"), (1, "stdout"), (2, "stderr")])
def test_the_runs_own_files_are_refused(tmp_path: Path, number: int, name: str) -> None:
    path = tmp_path / "file"
    path.write_text("kept")
    with as_descriptor(number, path), pytest.raises(UsageError, match=f"is the same file as {name}"):
        open_records(str(path), None)
    assert path.read_text() == "kept"


def test_a_dash_is_stderr(tmp_path: Path) -> None:
    with as_descriptor(2, tmp_path / "stderr"):
        taps = open_records("-", "-")
        for tap in taps:
            tap.sent(b"hello\xff")
        close(taps)
        os.write(2, b"still open")
    text = (tmp_path / "stderr").read_bytes()
    assert b"68 65 6c 6c 6f ff" in text
    assert text.endswith(b"hello\xffstill open")


def test_devices_may_be_used_twice() -> None:
    close(open_records("/dev/null", "/dev/null"))


def test_a_full_disk_is_named() -> None:
    (log,) = open_records(None, "/dev/full")
    with pytest.raises(LocalFailure, match=r'cannot write to "/dev/full": no space left on device'):
        log.sent(b"x")


def test_a_reader_that_went_away_is_an_error_here(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    (log,) = open_records(None, str(tmp_path / "fifo"))
    os.close(reader)
    with pytest.raises(LocalFailure, match="nobody reads it any more"):
        log.sent(b"x")


def test_a_slow_reader_gets_everything_and_can_be_interrupted() -> None:
    read, write = os.pipe()
    button = Button()
    log = SessionLog(Sink(write, owned=True), Limits(button))
    data = bytes(1_000_000)

    def take() -> int:
        taken = 0
        while taken < len(data):
            taken += len(os.read(read, 65_536))
        return taken

    taking = Outcome(take)
    log.sent(data)
    assert taking.result() == len(data)
    sending = Outcome(lambda: log.sent(data))
    button.press()
    with pytest.raises(Interrupted):
        sending.result()
    button.close()
    os.close(read)
    os.close(write)


def test_a_reader_that_takes_nothing_does_not_outlast_the_deadline() -> None:
    read, write = os.pipe()
    log = SessionLog(Sink(write, owned=True), Limits(deadline=Deadline(0.1)))
    with pytest.raises(TimedOut):
        log.sent(bytes(1_000_000))
    os.close(read)
    os.close(write)


def test_after_the_deadline_what_is_left_has_a_moment() -> None:
    read, write = os.pipe()
    log = SessionLog(Sink(os.dup(write), owned=True), Limits(deadline=Deadline(0)))
    with pytest.raises(TimedOut):
        log.sent(bytes(100_000))

    def take() -> int:
        taken = 0
        while taken < 100_000:
            taken += len(os.read(read, 65_536))
        return taken

    taking = Outcome(take)
    with suppress(TimedOut):  # unless all was taken before it was looked at
        log.close()
    assert taking.result() == 100_000
    os.close(read)
    os.close(write)


def test_what_a_peer_sends_cannot_drive_the_terminal_by_way_of_the_log() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    (log,) = open_records(None, os.ttyname(slave))
    log.received(b"\x1b]0;title\x07\x1b[c visible\n")
    shown = os.read(master, 1000)
    log.close()
    with suppress(OSError):
        os.close(slave)
    os.close(master)
    assert b"visible" in shown
    assert b"\x1b]" not in shown
    assert b"\x1b[c" not in shown
