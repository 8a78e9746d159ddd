"""Throughput of TCP: from a pipe or a file, to a pipe or a file, and both ways at once."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from benchmarks.measure import Bench, BenchmarkError, Row, Sample, Work, in_turns, timed
from benchmarks.native import Peer
from benchmarks.tools import STREAM_USAGE, Usage, filled_in

GB = 1e9


class Ends(NamedTuple):
    """What stands at the three ends: the peer's mode, and what stdin and stdout are."""

    title: str
    peer: str
    stdin: str | None
    stdout: str | None
    targets: dict[str, float]

    def usage(self, usage: Usage) -> str:
        return {"sink": usage.send, "source": usage.receive, "duplex": usage.both}[self.peer]


_FLOOR = {"floor": 1 / 1.15}
ENDS = {
    "pipe-tcp": Ends("pipe → TCP", "sink", "fill", None, {"nc": 1.9, "ncat": 2.2, "socat": 2.2} | _FLOOR),
    "write-tcp": Ends("pipe fed by write(2) → TCP", "sink", "write", None, {}),
    "file-tcp": Ends("file → TCP", "sink", "file", None, {"nc": 2.0, "ncat": 3, "socat": 3} | _FLOOR),
    "tcp-pipe": Ends("TCP → pipe", "source", None, "drain", {"nc": 2.5, "ncat": 3, "socat": 3.5} | _FLOOR),
    "tcp-file": Ends("TCP → file", "source", None, "file", {"nc": 1.2, "ncat": 1.2, "socat": 1.5}),
    "both": Ends("both ways at once, pipes", "duplex", "fill", "drain", {"nc": 1.5, "ncat": 1.5, "socat": 1.5}),
}


def _once(bench: Bench, ends: Ends, name: str) -> Sample:
    """One run, after which every byte must have arrived."""
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(Peer(bench.peer, ends.peer, *([] if ends.peer == "sink" else [bench.size])))
        usage = ends.usage(STREAM_USAGE[name])
        argv = filled_in(usage, bench.commands[name], port=peer.port, manifest=bench.manifest)
        drain = stack.enter_context(_drain(bench)) if ends.stdout == "drain" else None
        output = stack.enter_context((bench.directory / "output").open("wb"))
        stdin = stack.enter_context(_input(bench, ends.stdin))
        sample = timed(argv, stdin=stdin, stdout=drain.stdin if drain else output)
        counted = peer.finish()
        if drain:
            counted.append(int(drain.communicate(timeout=60)[0]))
        elif ends.stdout == "file":
            counted.append(output.seek(0, os.SEEK_END))
    if any(count != bench.size for count in counted):
        raise BenchmarkError(f"{' '.join(argv)}: {bench.size} bytes went in, {counted} came out")
    return sample


def _drain(bench: Bench) -> subprocess.Popen[bytes]:
    return subprocess.Popen([bench.peer, "drain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@contextlib.contextmanager
def _input(bench: Bench, kind: str | None) -> Iterator[IO[bytes]]:
    """stdin: a pipe that `peer` fills, the file, or nothing."""
    if kind in ("fill", "write"):
        feeder = subprocess.Popen([bench.peer, kind, str(bench.size)], stdout=subprocess.PIPE)
        assert feeder.stdout is not None
        try:
            yield feeder.stdout
        finally:
            feeder.kill()
            feeder.communicate()
    else:
        with (_input_file(bench) if kind == "file" else Path(os.devnull)).open("rb") as file:
            yield file


def _input_file(bench: Bench) -> Path:
    """A file of `size` bytes, written once and from then on in the page cache."""
    path = bench.directory / "input"
    if not path.exists():
        block = (b"x" * 63 + b"\n") * 16384
        with path.open("wb") as file:
            for start in range(0, bench.size, len(block)):
                file.write(block[: bench.size - start])
    return path


def throughput(key: str, bench: Bench) -> Iterator[Row]:
    ends = ENDS[key]
    contenders = {name: partial(_once, bench, ends, name) for name in bench.commands}
    results = in_turns(contenders, bench.runs)
    rate = {name: statistics.median(bench.size / GB / s.wall for s in samples) for name, samples in results.items()}
    cost = {name: statistics.median(s.cpu / (bench.size / GB) for s in samples) for name, samples in results.items()}
    yield Row(ends.title, "GB/s", False, rate, ends.targets)
    yield Row(f"  {ends.title}: processor", "s/GB", True, cost)


WORKS: dict[str, Work] = {key: partial(throughput, key) for key in ENDS}
