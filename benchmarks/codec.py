"""Telnet, TCP → pipe, plain text: every byte goes through the codec. Beside telnetlib3, where that is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Bench, BenchmarkError, Row, Work, in_turns, medians, timed
from benchmarks.native import Peer
from benchmarks.tools import OURS, filled_in

SIZE = 64 << 20

# The waits are for negotiation, which this peer does not do.
TELNETLIB3 = """
import asyncio, os, telnetlib3
async def main():
    reader, writer = await telnetlib3.open_connection(
        "127.0.0.1", PORT, encoding=False, connect_minwait=0.0, connect_maxwait=0.0)
    while data := await reader.read(65536):
        os.write(1, data)
asyncio.run(main())
"""


def _once(bench: Bench, name: str) -> float:
    """MB/s, the start of the program included."""
    with Peer(bench.peer, "source", SIZE) as peer:
        usage = "{} tcp --telnet --manifest MANIFEST 127.0.0.1 PORT"
        argv = filled_in(usage, bench.commands[OURS], port=peer.port, manifest=bench.manifest)
        if name != OURS:
            argv = [sys.executable, "-c", TELNETLIB3.replace("PORT", str(peer.port))]
        with subprocess.Popen([bench.peer, "drain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as drain:
            sample = timed(argv, stdout=drain.stdin)
            received = int(drain.communicate()[0])
    if received != SIZE:
        raise BenchmarkError(f"{' '.join(argv)}: {SIZE} bytes went in, {received} came out")
    return SIZE / 1e6 / sample.wall


def throughput(bench: Bench) -> Iterator[Row]:
    names = [OURS] + ["telnetlib3"] * (importlib.util.find_spec("telnetlib3") is not None)
    results = in_turns({name: partial(_once, bench, name) for name in names}, bench.runs)
    yield Row("telnet, TCP → pipe", "MB/s", False, medians(results))


WORKS: dict[str, Work] = {"telnet": throughput}
