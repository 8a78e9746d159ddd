"""A line is added whole or not at all, each with the hash of the one before it, whoever else writes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockcli.errors import LocalFailure, UsageError
from sockcli.observers import audit_log
from sockcli.observers.audit_log import DaemonLog, FileLog, journal_message, open_audit, syslog_message
from sockcli.observers.audit_report import AuditReport
from sockcli.stdio.files import FileRules, ProtectedFile
from tests.stdio.test_recording import as_descriptor

ENTRY = {"event": "end", "operation": "tcp-connect", "endpoint": "a.test:1", "allowed": True, "rule": "x"}


def line(previous: str | None, size: int = 0) -> bytes:
    return json.dumps({**ENTRY, "filling": "x" * size, "previous": previous}).encode() + b"\n"


def write(log: audit_log.AuditLog, size: int = 0) -> None:
    log.write(lambda previous: line(previous, size), is_denial=False)


def report_of(path: Path) -> AuditReport:
    report = AuditReport()
    with path.open("rb") as lines:
        report.add(lines)
    return report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def test_each_line_has_the_hash_of_the_one_before(path: Path) -> None:
    for _ in range(2):  # the second run goes on where the first ended
        log = FileLog(str(path))
        for size in (0, 5_000, 20_000, 1):
            write(log, size)
        log.close()
    lines = path.read_bytes().splitlines(keepends=True)
    hashes = [None, *(hashlib.sha256(each).hexdigest() for each in lines)]
    assert [json.loads(each)["previous"] for each in lines] == hashes[:-1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    report = report_of(path)
    assert (report.lines, report.broken) == (8, None)


WRITER = """
import sys
from tests.observers.test_audit_log import FileLog, write
log = FileLog(sys.argv[1])
for _ in range(200):
    write(log)
"""


def test_several_processes_and_threads_make_one_chain(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    processes = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(3)]
    log = FileLog(str(path))

    def write_many() -> None:
        for _ in range(100):
            write(log)

    threads = [threading.Thread(target=write_many) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    log.close()
    report = report_of(path)
    assert (report.lines, report.broken) == (900, None)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda lines: [lines[0].replace(b"true", b"false"), *lines[1:]], 2),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
        (lambda lines: [*lines[:3], b"[]\n", *lines[3:]], 4),
        (lambda lines: [*lines, b"x"], 6),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], 5),
    ],
)
def test_what_was_changed_or_taken_out_is_found(path: Path, change, number: int) -> None:  # type: ignore[no-untyped-def]
    log = FileLog(str(path))
    for _ in range(5):
        write(log)
    log.close()
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    broken = report_of(path).broken
    assert broken is not None
    assert broken.line == number


def test_after_half_a_line_the_next_is_a_line_of_its_own(path: Path) -> None:
    path.write_bytes(b'{"half')
    log = FileLog(str(path))
    write(log)
    write(log)
    log.close()
    first, second, third = path.read_bytes().splitlines(keepends=True)
    assert first == b'{"half\n'
    assert json.loads(second)["previous"] == hashlib.sha256(first).hexdigest()
    assert json.loads(third)["previous"] == hashlib.sha256(second).hexdigest()


@pytest.fixture
def _small_files() -> Iterator[None]:
    """No file may grow past 1,000 bytes: a disk that is nearly full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.usefixtures("_small_files")
def test_a_line_that_does_not_fit_is_not_there_at_all(path: Path) -> None:
    log = FileLog(str(path))
    write(log, 500)
    with pytest.raises(LocalFailure, match="cannot be written"):
        write(log, 500)
    write(log)
    log.close()
    report = report_of(path)
    assert (report.lines, report.broken) == (2, None)


def test_a_lock_that_is_held_for_ever_is_a_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_LOCK_PATIENCE", 0.05)
    log = FileLog(str(path))
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LocalFailure, match="another process keeps it locked"):
            write(log)
    write(log)
    log.close()


def test_where_an_audit_cannot_go(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "fifo")
    for name, error in {
        "link": "it is a link to a file",
        "fifo": "is not a regular file",
        "no/folder": "no such file or directory",
    }.items():
        with pytest.raises((LocalFailure, UsageError), match=error):
            open_audit(f"{tmp_path}/{name}", required=True)
    with pytest.raises(UsageError, match="is not a regular file"):
        open_audit("/dev/null", required=True)
    path.touch()
    with pytest.raises(UsageError, match="is a manifest"):
        open_audit(str(path), required=True, rules=FileRules([ProtectedFile(str(path), "a manifest")]))
    with as_descriptor(2, path), pytest.raises(UsageError, match="is the same file as stderr"):
        open_audit(str(path), required=True)
    assert path.read_bytes() == b""


def test_one_that_is_not_required_is_warned_of_once(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    write(open_audit(f"{tmp_path}/no/folder", required=False, warn=warnings.append))
    assert len(warnings) == 1
    log = open_audit(str(path), required=False, warn=warnings.append)
    monkeypatch.setattr(audit_log, "_LOCK_PATIENCE", 0.0)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        write(log)
        write(log)
    assert len(warnings) == 2
    write(log)
    log.close()
    assert report_of(path).lines == 1


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "socket"))
        sock.settimeout(5)
        yield sock


def test_the_systems_log(tmp_path: Path, daemon: socket.socket) -> None:
    log = DaemonLog(str(tmp_path / "socket"), syslog_message)
    log.write(line, is_denial=False)
    log.write(line, is_denial=True)
    first, second = daemon.recv(9_999), daemon.recv(9_999)
    log.close()
    assert first.startswith(b"<86>")
    assert second.startswith(b"<84>")
    assert b" sockcli[%d]: {" % os.getpid() in first
    parsed = json.loads(second[second.index(b"{") :])
    assert parsed["previous"] == hashlib.sha256(line(None)).hexdigest()


def test_the_journal(tmp_path: Path, daemon: socket.socket) -> None:
    log = DaemonLog(str(tmp_path / "socket"), journal_message)
    log.write(line, is_denial=True)
    fields = dict(field.split(b"=", 1) for field in daemon.recv(9_999).splitlines())
    log.close()
    assert fields == {
        b"PRIORITY": b"4",
        b"SYSLOG_FACILITY": b"10",
        b"SYSLOG_IDENTIFIER": b"sockcli",
        b"MESSAGE": line(None).rstrip(),
    }


def test_a_daemon_that_is_started_anew_is_found_again(tmp_path: Path, daemon: socket.socket) -> None:
    log = DaemonLog(str(tmp_path / "socket"), syslog_message)
    daemon.close()
    with pytest.raises(LocalFailure, match="cannot be written to"):
        write(log)
    (tmp_path / "socket").unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as anew:
        anew.bind(str(tmp_path / "socket"))
        write(log)
        assert b"previous" in anew.recv(9_999)
    log.close()


def test_no_daemon_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match="no such file or directory"):
        DaemonLog(str(tmp_path / "absent"), syslog_message)
