"""A hundred thousand rules beside ten: loading costs in proportion to the file, a check costs the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

from benchmarks.measure import Bench, Row, Work, in_turns, medians
from sockcli.base.endpoint import Host, Operation
from sockcli.policy import Policy, Request
from sockcli.policy.manifest import parse_manifest

FEW = 10
MANY = 100_000
CHECKS = 1_000


def manifest(count: int) -> bytes:
    """Exact names, suffixes and blocks of addresses in turn, a tenth of them denied."""
    kinds = ("tcp-connect:host{}.example.com:443", "tcp-connect:*.zone{}.example.org", "tcp-connect:10.{}.{}.0/24:80")
    rules = [kinds[i % 3].format(i) if i % 3 < 2 else kinds[2].format(i // 256 % 256, i % 256) for i in range(count)]
    denied = len(rules) // 10
    return json.dumps({"permissions": [{"socket": rules[denied:]}], "deny": rules[:denied]}).encode()


def _requests(count: int) -> list[Request]:
    """One that an early rule decides, one a late one, one that none does."""
    last = (count - 1) // 3 * 3
    names = (
        "host0.example.com",
        f"host{last}.example.com",
        f"a.b.zone{last - 2}.example.org",
        "no.such.rule",
        "10.0.2.9",
    )
    return [Request(Operation.TCP_CONNECT, Host.parse(name), 443) for name in names]


def _loading(data: bytes) -> Callable[[], float]:
    def once() -> float:
        started = time.perf_counter()
        parse_manifest(data, "manifest.json")
        return (time.perf_counter() - started) * 1e3

    return once


def _checking(policy: Policy, requests: list[Request]) -> Callable[[], float]:
    def once() -> float:
        started = time.perf_counter()
        for _ in range(CHECKS):
            for request in requests:
                policy.decide(request)
        return (time.perf_counter() - started) / CHECKS / len(requests) * 1e6

    return once


def rules(bench: Bench) -> Iterator[Row]:
    few, many = manifest(FEW), manifest(MANY)
    load = medians(in_turns({"sockcli": _loading(many), "floor": lambda: json_only(many)}, bench.runs))
    yield Row(f"load {MANY:,} rules (floor: json.loads)", "ms", True, load)
    yield Row(f"load {FEW} rules", "ms", True, medians(in_turns({"sockcli": _loading(few)}, bench.runs)))
    largest = b'{"deny": [' + b",".join(b'"tcp-connect:h%d.e"' % index for index in range(690_000)) + b"]}"
    yield Row("load 16 MiB of rules", "ms", True, medians(in_turns({"sockcli": _loading(largest)}, bench.runs)))
    check = {
        "sockcli": _checking(parse_manifest(many, "many"), _requests(MANY)),
        "floor": _checking(parse_manifest(few, "few"), _requests(FEW)),
    }
    yield Row(f"check by {MANY:,} rules (floor: by {FEW})", "µs", True, medians(in_turns(check, bench.runs)))


def json_only(data: bytes) -> float:
    started = time.perf_counter()
    json.loads(data)
    return (time.perf_counter() - started) * 1e3


WORKS: dict[str, Work] = {"rules": rules}
