"""How anything here is measured: whole processes, in turns, and the median counts."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

T = TypeVar("T")
Files = int | IO[bytes] | IO[str] | None

# The slowest honest run takes seconds. What takes longer hangs, and must not hold up the table.
TOO_LONG = 120.0


class BenchmarkError(Exception):
    """A run that did not do its work measures nothing."""


class Sample(NamedTuple):
    """What one whole process took: wall and processor seconds."""

    wall: float
    cpu: float


class Row(NamedTuple):
    """One line of the table. `figures` is a median for each contender, sockcli first.

    `targets` are the least ratios to reach; `less` says that a small figure is a good one.
    """

    name: str
    unit: str
    less: bool
    figures: dict[str, float]
    targets: dict[str, float] = {}  # noqa: RUF012 - never written to

    def ratio(self, name: str) -> float:
        """How many times the work sockcli does in the time that `name` takes: above 1, sockcli is faster."""
        ours, theirs = self.figures["sockcli"], self.figures[name]
        return theirs / ours if self.less else ours / theirs


class Bench(NamedTuple):
    """What every work needs to know."""

    directory: Path
    commands: dict[str, str]
    manifest: Path
    runs: int
    size: int

    @property
    def peer(self) -> Path:
        return self.directory / "peer"


Work = Callable[[Bench], Iterable[Row]]


def in_turns(contenders: Mapping[str, Callable[[], T]], runs: int) -> dict[str, list[T]]:
    """Run each of them once, then each again, `runs` times."""
    results: dict[str, list[T]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, once in contenders.items():
            results[name].append(once())
    return results


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in results.items()}


def timed(argv: Sequence[str], *, stdin: Files = subprocess.DEVNULL, stdout: Files = subprocess.DEVNULL) -> Sample:
    """Run it to its end; raise BenchmarkError if it fails or hangs."""
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=said)
        watchdog = threading.Timer(TOO_LONG, process.kill)
        watchdog.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            watchdog.cancel()
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise BenchmarkError(f"{' '.join(argv)}: exit {process.returncode}: {said.read(500)!r}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)
