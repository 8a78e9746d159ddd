"""The round trip of 64 bytes: stdin, TCP, an echo, TCP, stdout. Whatever holds a byte back shows here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Bench, BenchmarkError, Row, Work, in_turns, medians
from benchmarks.native import Peer
from benchmarks.tools import STREAM_USAGE, filled_in

ROUNDS = 5_000


def _once(bench: Bench, name: str) -> float:
    """Microseconds a round."""
    with Peer(bench.peer, "echo") as peer:
        usage = STREAM_USAGE[name].both
        argv = filled_in(usage, bench.commands[name], port=peer.port, manifest=bench.manifest)
        tool = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            pinging = [str(bench.peer), "ping", str(ROUNDS)]
            run = subprocess.run(pinging, stdin=tool.stdout, stdout=tool.stdin, stderr=subprocess.PIPE, timeout=60)
        finally:
            tool.kill()
            tool.communicate()
    if run.returncode:
        raise BenchmarkError(f"{' '.join(argv)}: {run.stderr!r}")
    return int(run.stderr) / 1000


def round_trip(bench: Bench) -> Iterator[Row]:
    results = in_turns({name: partial(_once, bench, name) for name in bench.commands}, bench.runs)
    yield Row("64 bytes there and back", "µs", True, medians(results), {"nc": 1 / 1.5})


WORKS: dict[str, Work] = {"round-trip": round_trip}
