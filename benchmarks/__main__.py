"""`python -m benchmarks`: one command, one table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    codec,
    datagrams,
    hostile,
    keys,
    latency,
    machine,
    memory,
    policies,
    report,
    startup,
    streams,
    tools,
)
from benchmarks.measure import Bench, Row, Work
from benchmarks.native import compile_all

WORKS: dict[str, Work] = {
    **streams.WORKS,
    **latency.WORKS,
    **datagrams.WORKS,
    **startup.WORKS,
    **policies.WORKS,
    **codec.WORKS,
    **hostile.WORKS,
    **memory.WORKS,
    **keys.WORKS,
}

MANIFEST = {
    "name": "benchmarks",
    "permissions": [{"socket": ["tcp-connect:127.0.0.1", "udp-send-to:127.0.0.1", "udp-bind:127.0.0.1"]}],
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", choices=WORKS, help=f"one of {', '.join(WORKS)}")
    parser.add_argument("--runs", type=int, default=5, help="of each contender; the median counts (default 5)")
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="of a stream (default 1024)")
    parser.add_argument("--json", action="store_true", help="for programs")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as place:
        directory = Path(place)
        compile_all(directory)
        manifest = directory / "manifest.json"
        manifest.write_text(json.dumps(MANIFEST))
        bench = Bench(directory, tools.installed(directory), manifest, asked.runs, asked.size << 20)
        rows: list[Row] = []
        for name in asked.only or WORKS:
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += WORKS[name](bench)
        named = machine.describe(bench.commands)
    print(report.as_json(rows, named) if asked.json else report.table(rows, named))
    return 0


if __name__ == "__main__":
    sys.exit(main())
