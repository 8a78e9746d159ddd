"""Records of a session: a hex dump (`-x`) and a log of the bytes (`--log`), each in a file or on stderr.

Both are taps: they are told of every byte as it passes on the wire. Nothing is lost from a record, so that a slow file
slows the session down, and a full disk ends it.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.escaping import printable
from sockcli.base.formatting import hex_dump_lines, system_reason
from sockcli.base.outcome import DRAIN_GRACE, deadline_passed
from sockcli.base.poller import NO_INTERRUPT, Interrupt, wait
from sockcli.errors import Interrupted, LocalFailure, OutputGone, TimedOut, UsageError
from sockcli.stdio.descriptors import STANDARD, STDERR
from sockcli.stdio.files import ANY_FILE, FileRules, Identity, identity_of, make_private
from sockcli.stdio.sink import OutputFilter, Sink

if TYPE_CHECKING:
    from sockcli.stdio.tap import Tap

# Seconds between two looks whether a FIFO has a reader: too short to notice, too long to cost anything.
_READER_CHECK: Final = 0.05

WallClock = Callable[[], float]


class Limits(NamedTuple):
    """What ends a wait for the reader of a record: a signal, or the deadline of the run.

    `patient`: wait until a FIFO has a reader. Otherwise a FIFO without a reader is an error.
    """

    interrupt: Interrupt = NO_INTERRUPT
    deadline: Deadline = NEVER
    patient: bool = True


_NO_LIMITS: Final = Limits()

# At a prompt all sessions share one thread, so that a wait for a reader would stop every one of them.
AT_A_PROMPT: Final = Limits(patient=False)


def open_records(
    hex_dump: str | None, log: str | None, limits: Limits = _NO_LIMITS, rules: FileRules = ANY_FILE
) -> list[Tap]:
    """The taps that `--hex-dump` and `--log` ask for; `-` is stderr. Call it before connecting.

    A file is made, or emptied. Raises LocalFailure where it cannot be opened; UsageError where `rules` refuse it, or
    where it is the run's stdin, stdout or stderr, or the other record, since one would overwrite the other; TimedOut
    where the deadline passes before a FIFO has a reader; Interrupted. No file is emptied unless all of them can be
    used.
    """
    given = {"--hex-dump": hex_dump, "--log": log}
    paths = {option: path for option, path in given.items() if path is not None and path != "-"}
    files = _open_files(paths, limits, rules)
    taps: list[Tap] = []
    if hex_dump is not None:
        taps.append(HexDump(_sink(hex_dump, files.get("--hex-dump")), limits))
    if log is not None:
        taps.append(_session_log(log, files.get("--log"), limits))
    return taps


def open_log(path: str, rules: FileRules = ANY_FILE) -> tuple[Tap, bool]:
    """A log for a session that is open already, appended to the file; and whether the file had anything in it.

    Raises LocalFailure and UsageError as `open_records` does. A FIFO that has no reader is a LocalFailure.
    """
    fd = _open_files({"log": path}, AT_A_PROMPT, rules, os.O_APPEND)["log"]
    return _session_log(path, fd, AT_A_PROMPT), bool(_identity(fd) and os.fstat(fd).st_size)


def _session_log(path: str, fd: int | None, limits: Limits) -> SessionLog:
    # A log on stderr is shown on the terminal, and what a peer sends must not drive that, so it is filtered there.
    shown = os.isatty(STDERR if fd is None else fd)
    return SessionLog(_sink(path, fd, _terminal_filter() if shown else None), limits)


def _open_files(paths: Mapping[str, str], limits: Limits, rules: FileRules, how: int = 0) -> dict[str, int]:
    """An open file for each option, emptied unless `how` is O_APPEND. If one cannot be used, none stays open."""
    parts = {_identity(fd): name for fd, name in zip(STANDARD, ("stdin", "stdout", "stderr"), strict=True)}
    files: dict[str, int] = {}
    with ExitStack() as opened:
        for option, path in paths.items():
            files[option] = fd = _open(option, path, limits, rules, how)
            opened.callback(os.close, fd)
            identity = _identity(fd)
            if identity is not None and identity in parts:
                raise UsageError(f'{option} "{printable(path)}" is the same file as {parts[identity]}')
            parts[identity] = option
        opened.pop_all()
    for fd in files.values():
        make_private(fd)
        if _identity(fd) and how != os.O_APPEND:
            os.ftruncate(fd, 0)
    return files


def _open(option: str, path: str, limits: Limits, rules: FileRules, how: int) -> int:
    """Raises LocalFailure, UsageError, TimedOut, Interrupted."""
    while True:
        try:
            return rules.open_for_writing(option, path, os.O_WRONLY | how)
        except (OSError, ValueError) as exc:
            if not (isinstance(exc, OSError) and exc.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode)):
                raise LocalFailure(f'cannot write to "{printable(path)}": {system_reason(exc)}') from exc
        if not limits.patient:
            raise LocalFailure(f'cannot write to "{printable(path)}": nobody reads it', hint="start its reader first")
        if limits.deadline.expired:
            raise deadline_passed(limits.deadline)
        wait((), Deadline(_READER_CHECK).earlier(limits.deadline), limits.interrupt)


def _identity(fd: int) -> Identity | None:
    """Device and inode of a regular file. None for a device, terminal or pipe, where nothing can be overwritten."""
    status = os.fstat(fd)
    return identity_of(status) if stat.S_ISREG(status.st_mode) else None


def _sink(path: str, fd: int | None, output_filter: OutputFilter | None = None) -> Sink:
    if fd is None:
        return Sink(STDERR, "stderr", output_filter=output_filter)
    return Sink(fd, f'"{printable(path)}"', output_filter=output_filter, owned=True)


def _terminal_filter() -> OutputFilter:
    from sockcli.terminal import TerminalFilter  # rarely needed, and it takes long to load

    return TerminalFilter("safe")


class _Record:
    """What both taps do: write, and wait until it is written."""

    def __init__(self, sink: Sink, limits: Limits = _NO_LIMITS) -> None:
        self._sink = sink
        self._limits = limits

    def close(self) -> None:
        with self._faults():
            self._sink.finish()
            try:
                self._drain()
            except (Interrupted, TimedOut):
                self._sink.drain(Deadline(DRAIN_GRACE))
                raise
            self._sink.close()

    def _write(self, data: bytes) -> None:
        with self._faults():
            self._sink.write(data)
            self._drain()

    def _drain(self) -> None:
        deadline = self._limits.deadline
        if not self._sink.drain(deadline, self._limits.interrupt):
            raise deadline_passed(deadline)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OutputGone as exc:
            # OutputGone ends a run without a message (SIGPIPE), which is right for stdout only.
            raise LocalFailure(f"cannot write to {exc.message}") from exc


class HexDump(_Record):
    """A tap that writes lines: direction (`>` sent, `<` received), time of day, offset in it, hex, text."""

    def __init__(self, sink: Sink, limits: Limits = _NO_LIMITS, *, clock: WallClock = time.time) -> None:
        super().__init__(sink, limits)
        self._clock = clock
        self._offsets = {">": 0, "<": 0}

    def sent(self, data: bytes) -> None:
        self._dump(">", data)

    def received(self, data: bytes) -> None:
        self._dump("<", data)

    def _dump(self, direction: str, data: bytes) -> None:
        now = self._clock()
        start = f"{direction} {time.strftime('%H:%M:%S', time.localtime(now))}.{int(now * 1000) % 1000:03d}"
        lines = [f"{start} {line}\n" for line in hex_dump_lines(data, self._offsets[direction])]
        self._offsets[direction] += len(data)
        # A datagram of no bytes has a line too.
        self._write("".join(lines or [f"{start} {self._offsets[direction]:08x}\n"]).encode("ascii"))


class SessionLog(_Record):
    """A tap that writes the bytes of both directions in the order in which they passed, and nothing else."""

    def sent(self, data: bytes) -> None:
        self._write(data)

    def received(self, data: bytes) -> None:
        self._write(data)
