"""Where the lines of an audit go: a file, the system's log, or the journal.

Each line has in it the SHA-256 of the line before it, the newline included, so that a line that is changed or taken
out is found (`sockcli audit FILE --verify`). In a file the chain goes on over several runs, and over several at once:
a writer holds the file's lock (flock) while it reads the last line and adds its own. In the system's log and in the
journal the lines of several programs stand between one another, so there the chain is that of one run.

What a chain does not show: that lines are missing at the end, or that all of it was written anew. Whoever may write
the file can do both. Where that matters, the lines go to the system's log or the journal, which are not the user's.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from sockcli.base.deadline import Deadline
from sockcli.base.escaping import printable
from sockcli.base.formatting import system_reason
from sockcli.errors import LocalFailure, SockcliError, UsageError
from sockcli.net.local_log import LocalLog
from sockcli.stdio.descriptors import STANDARD
from sockcli.stdio.files import ANY_FILE, FileRules, identity_of, make_private

SYSLOG_SOCKET: Final = "/dev/log"
JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"

# Seconds to wait for another run that is adding its line: it takes microseconds.
_LOCK_PATIENCE: Final = 5.0
_LOCK_CHECK: Final = 0.005
# Bytes. A line of ours has at most a few thousand.
_LONGEST_LINE: Final = 1 << 20
# syslog(3): the facility for what concerns security, and two of its severities.
_AUTHPRIV: Final = 10
_WARNING: Final = 4
_INFO: Final = 6

# Makes the line, with its newline, that follows the one of which it is given the hash; None: it is the first.
MakeLine = Callable[[str | None], bytes]


class AuditLog(Protocol):
    """Takes the lines of an audit, one at a time, from any thread."""

    def write(self, make_line: MakeLine, *, is_denial: bool) -> None:
        """Add a line. Raises LocalFailure where it is not certain that it is there."""
        ...

    def close(self) -> None: ...


def is_file(to: str) -> bool:
    """Whether it names a file. One that is called `syslog` is written as `./syslog`."""
    return to not in ("syslog", "journald")


def open_audit(
    to: str,
    required: bool,
    *,
    option: str = "--audit",
    rules: FileRules = ANY_FILE,
    warn: Callable[[str], None] = lambda _: None,
) -> AuditLog:
    """The log that `to` names: `syslog`, `journald`, or a file, which is made if it is not there.

    If it is `required`, whatever cannot be written is a LocalFailure: no decision takes effect that has no line. If
    not, `warn` is told once, and the run goes on. Raises LocalFailure, and UsageError for a file that may not be it.
    """
    log: AuditLog
    try:
        if to == "syslog":
            log = DaemonLog(SYSLOG_SOCKET, syslog_message)
        elif to == "journald":
            log = DaemonLog(JOURNAL_SOCKET, journal_message)
        else:
            log = FileLog(to, option, rules)
    except SockcliError as exc:
        if required:
            raise
        warn(str(exc))
        return NoLog()
    return log if required else OptionalLog(log, warn)


class FileLog:
    """Lines in a regular file of the user's, mode 0600, each added by one write."""

    def __init__(self, path: str, option: str = "--audit", rules: FileRules = ANY_FILE) -> None:
        """Raises LocalFailure, UsageError."""
        self._name = f'the audit "{printable(path)}"'
        self._lock = threading.Lock()  # flock() keeps other processes out, but not other threads with this descriptor
        self._end = -1  # the file's size after our last line
        self._previous: str | None = None  # that line's hash
        try:
            self._fd = rules.open_for_writing(option, path, os.O_RDWR | os.O_APPEND)
        except (OSError, ValueError) as exc:
            raise LocalFailure(f"{self._name} cannot be written: {system_reason(exc)}") from exc
        try:
            self._check(f'{option} "{printable(path)}"')
            make_private(self._fd)
        except BaseException:
            self.close()
            raise

    def _check(self, given: str) -> None:
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{given} is not a regular file", hint="an audit goes to a file, to syslog or to journald")
        for fd, name in zip(STANDARD, ("stdin", "stdout", "stderr"), strict=True):
            if identity_of(os.fstat(fd)) == identity_of(status):
                raise UsageError(f"{given} is the same file as {name}")

    def write(self, make_line: MakeLine, *, is_denial: bool) -> None:  # noqa: ARG002 - all lines are alike here
        with self._lock:
            try:
                self._take_lock()
                try:
                    self._append(make_line)
                finally:
                    fcntl.flock(self._fd, fcntl.LOCK_UN)
            except OSError as exc:
                raise LocalFailure(f"{self._name} cannot be written: {system_reason(exc)}") from exc

    def _take_lock(self) -> None:
        deadline = Deadline(_LOCK_PATIENCE)
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if deadline.expired:
                    raise LocalFailure(f"{self._name} cannot be written: another process keeps it locked") from None
                time.sleep(_LOCK_CHECK)
            else:
                return

    def _append(self, make_line: MakeLine) -> None:
        size = os.fstat(self._fd).st_size
        before = b""
        if size != self._end:  # somebody else added to it, or this is our first line
            last = self._last_line(size)
            self._previous = line_hash(last) if last else None
            if last and not last.endswith(b"\n"):
                before = b"\n"  # its writer was killed, or the disk was full; the line stays as it is
                self._previous = line_hash(last + before)
        line = make_line(self._previous)
        written = os.write(self._fd, before + line)
        if written < len(before + line):
            os.ftruncate(self._fd, size)  # half a line would break the chain for whoever comes next
            raise LocalFailure(f"{self._name} cannot be written: no space left on device")
        self._end = size + written
        self._previous = line_hash(line)

    def _last_line(self, size: int) -> bytes:
        tail = b""
        while len(tail) < min(size, _LONGEST_LINE):
            start = max(0, size - 2 * len(tail) - 4096)
            tail = os.pread(self._fd, size - start, start)
            begin = tail.rfind(b"\n", 0, -1)
            if begin >= 0:
                return tail[begin + 1 :]
        if size > _LONGEST_LINE:
            raise LocalFailure(f"{self._name} cannot be written: its last line has no end, so it is no audit of ours")
        return tail

    def close(self) -> None:
        os.close(self._fd)


class DaemonLog:
    """Lines for a daemon of this machine: each is a datagram to its socket."""

    def __init__(self, path: str, make_message: Callable[[bytes, bool], bytes]) -> None:
        """`make_message` is given the line without its newline, and whether it tells of a denial.

        Raises LocalFailure.
        """
        self._path = path
        self._make_message = make_message
        self._lock = threading.Lock()
        self._previous: str | None = None
        try:
            self._socket = LocalLog(path)
        except OSError as exc:
            raise self._failure(exc) from exc

    def write(self, make_line: MakeLine, *, is_denial: bool) -> None:
        with self._lock:
            line = make_line(self._previous)
            try:
                self._socket.write(self._make_message(line.removesuffix(b"\n"), is_denial))
            except OSError as exc:
                raise self._failure(exc) from exc
            self._previous = line_hash(line)

    def close(self) -> None:
        self._socket.close()

    def _failure(self, exc: OSError) -> LocalFailure:
        return LocalFailure(f"the audit cannot be written to {self._path}: {system_reason(exc)}")


class OptionalLog:
    """One that may fail: the first time that it does is told, and no more."""

    def __init__(self, log: AuditLog, warn: Callable[[str], None]) -> None:
        self._log = log
        self._warn: Callable[[str], None] | None = warn

    def write(self, make_line: MakeLine, *, is_denial: bool) -> None:
        try:
            self._log.write(make_line, is_denial=is_denial)
        except SockcliError as exc:
            warn, self._warn = self._warn, None
            if warn is not None:
                warn(str(exc))

    def close(self) -> None:
        self._log.close()


class NoLog:
    """In place of one that could not be opened and is not required."""

    def write(self, make_line: MakeLine, *, is_denial: bool) -> None:
        """Nobody takes it."""

    def close(self) -> None:
        """There is nothing to close."""


def line_hash(line: bytes) -> str:
    """What the next line has as `previous`; the newline counts, as in `tail -n 1 FILE | sha256sum`."""
    return hashlib.sha256(line).hexdigest()


def syslog_message(line: bytes, is_denial: bool) -> bytes:
    """As syslog(3) writes it to /dev/log: priority, local time, program."""
    priority = _AUTHPRIV << 3 | (_WARNING if is_denial else _INFO)
    head = f"<{priority}>{time.strftime('%b %e %H:%M:%S')} sockcli[{os.getpid()}]: "
    return head.encode("ascii") + line


def journal_message(line: bytes, is_denial: bool) -> bytes:
    """systemd's native protocol: a field a line. Ours has no newline and is no binary data, so the short form does."""
    severity = _WARNING if is_denial else _INFO
    head = f"PRIORITY={severity}\nSYSLOG_FACILITY={_AUTHPRIV}\nSYSLOG_IDENTIFIER=sockcli\nMESSAGE="
    return head.encode("ascii") + line + b"\n"
