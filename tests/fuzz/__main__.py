"""Runs the fuzz targets: `python -m tests.fuzz [TARGET ...] [--inputs N] [--seconds S] [--seed N] [--jobs N]`.

An input that fails is saved, and `python -m tests.fuzz TARGET --file FILE` tries it again. With atheris installed,
`--atheris` lets it choose the inputs of one target by coverage.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz import fuzz_policy, fuzz_telnet, fuzz_terminal, fuzz_text
from tests.fuzz.target import Target

TARGETS: Final = {
    target.name: target
    for target in (*fuzz_telnet.TARGETS, *fuzz_terminal.TARGETS, *fuzz_policy.TARGETS, *fuzz_text.TARGETS)
}
DEPTH: Final = 10_000_000  # inputs in all, as before a release
_AT_ONCE: Final = 20_000  # inputs of one task


class Task(NamedTuple):
    target: str
    seed: int
    inputs: int
    until: float  # on the monotonic clock, which all processes share


class Result(NamedTuple):
    tried: int
    failed: bytes | None = None  # the input
    fault: str = ""


def run(task: Task) -> Result:
    """Try so many inputs, or as many as there is time for."""
    target = TARGETS[task.target]
    tried = 0
    for data in itertools.islice(target.inputs(random.Random(task.seed)), task.inputs):
        if time.monotonic() > task.until:
            break
        try:
            target.check(data)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
            return Result(tried, data, f"{type(exc).__name__}: {exc}")
        tried += 1
    return Result(tried)


def tasks(chosen: list[Target], inputs: int, seconds: float, seed: int) -> list[Task]:
    until = time.monotonic() + seconds
    shares = sum(target.share for target in chosen)
    found = []
    for target in chosen:
        left = inputs * target.share // shares
        for number in itertools.count():
            if left <= 0:
                break
            found.append(Task(target.name, hash((seed, number)), min(left, _AT_ONCE), until))
            left -= _AT_ONCE
    random.Random(seed).shuffle(found)  # so that no kind is left over for the end
    return found


def run_all(chosen: list[Target], inputs: int, seconds: float, seed: int, jobs: int) -> int:
    """Run, and say what was found. The number of findings."""
    tried = dict.fromkeys((target.name for target in chosen), 0)
    findings = 0
    started = time.monotonic()
    planned = tasks(chosen, inputs, seconds, seed)
    with ProcessPoolExecutor(jobs) as pool:
        for task, result in zip(planned, pool.map(run, planned), strict=True):
            tried[task.target] += result.tried
            if result.failed is not None:
                findings += 1
                path = Path(f"fuzz-{task.target}-{task.seed & 0xFFFFFFFF:08x}-{result.tried}.bin")
                path.write_bytes(result.failed)
                print(f"{task.target}: {result.fault[:500]}\n  input saved as {path}", file=sys.stderr)
    for name, count in tried.items():
        print(f"{name:10} {count:10,} inputs")
    print(f"{'all':10} {sum(tried.values()):10,} inputs in {time.monotonic() - started:,.0f} s, seed {seed}")
    return findings


def run_atheris(target: Target) -> None:
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup(sys.argv[:1], target.check)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Feed garbage to every parser.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"some of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--inputs", type=int, default=DEPTH, help=f"in all (default {DEPTH:,})")
    parser.add_argument("--seconds", type=float, default=1800, help="stop after so long (default 1800)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="the same one gives the same inputs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--file", type=Path, action="append", default=[], help="try this input, once, with one TARGET")
    parser.add_argument("--atheris", action="store_true", help="let atheris choose the inputs of one TARGET")
    asked = parser.parse_args()
    unknown = set(asked.targets) - TARGETS.keys()
    if unknown or ((asked.file or asked.atheris) and len(asked.targets) != 1):
        parser.error(f"no such target: {', '.join(unknown)}" if unknown else "--file and --atheris go with one TARGET")
    chosen = [TARGETS[name] for name in asked.targets or TARGETS]
    if asked.file:
        for path in asked.file:
            chosen[0].check(path.read_bytes())
        return 0
    if asked.atheris:
        run_atheris(chosen[0])
        return 0
    return 1 if run_all(chosen, asked.inputs, asked.seconds, asked.seed, asked.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
