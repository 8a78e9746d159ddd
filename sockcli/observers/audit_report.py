"""An audit, read back: whether its chain is whole, and what was asked, allowed, denied and never used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sockcli.base.endpoint import Host, Operation, parse_port, split_target
from sockcli.errors import UsageError
from sockcli.observers.audit_forms import Entry, entry_of
from sockcli.observers.audit_log import line_hash
from sockcli.policy import PlacedRule, Policy, Request


class Break(NamedTuple):
    """Where the chain is broken: the line's number, from 1, and how."""

    line: int
    reason: str


class EndpointCount(NamedTuple):
    """What happened to one endpoint under one operation. Bytes are of the ends that were told."""

    allowed: int = 0
    denied: int = 0
    sent: int = 0
    received: int = 0


class AuditReport:
    """Counts of the lines that it was given, in any form and from any number of runs."""

    def __init__(self) -> None:
        self.lines = 0
        self.ends = 0
        self.broken: Break | None = None  # the first
        self.rules: Counter[str] = Counter()  # how many requests each rule decided
        self.endpoints: dict[tuple[str, str], EndpointCount] = {}
        self._reached: set[tuple[str, str]] = set()  # operation, and address that a host led to
        self._last: bytes | None = None

    def add(self, lines: Iterable[bytes]) -> None:
        """Each with its newline. A line that is none of an audit breaks the chain, and counts for nothing else."""
        for line in lines:
            self.lines += 1
            entry = _parse(line)
            self._check(line, entry)
            if entry is not None:
                self._count(entry)
            self._last = line

    @property
    def totals(self) -> EndpointCount:
        """Of all endpoints together."""
        counts = list(self.endpoints.values())
        return EndpointCount(*(sum(column) for column in zip(*counts, strict=True))) if counts else EndpointCount()

    def unused(self, policy: Policy) -> Sequence[PlacedRule]:
        """The rules of `policy` that decided nothing here, and that no address of a name needed."""
        used = set(self.rules)
        for operation, text in self._reached:
            request = _request(operation, text)
            placed = policy.decide(request).placed if request is not None else None
            if placed is not None:
                used.add(str(placed.rule))
        return [placed for placed in policy.rules if str(placed.rule) not in used]

    def _check(self, line: bytes, entry: Entry | None) -> None:
        if self.broken is not None:
            return
        if entry is None:
            self.broken = Break(self.lines, "it is no line of an audit")
        elif entry["previous"] != (None if self._last is None else line_hash(self._last)):
            before = "the line before it was changed, or lines were taken out"
            self.broken = Break(self.lines, "lines before it were taken out" if self._last is None else before)
        elif not line.endswith(b"\n"):
            self.broken = Break(self.lines, "it has no end")

    def _count(self, entry: Entry) -> None:
        operation, endpoint = str(entry["operation"]), str(entry["endpoint"] or "")
        allowed, denied, sent, received = self.endpoints.get((operation, endpoint), EndpointCount())
        if entry["event"] == "end":
            self.ends += 1
            sent += _number(entry, "sent")
            received += _number(entry, "received")
        elif entry.get("step") == "addresses":
            addresses = entry["addresses"]
            self._reached.update((operation, str(each)) for each in (addresses if isinstance(addresses, list) else ()))
            if not entry["allowed"]:  # the request itself was counted as allowed
                allowed, denied = allowed - 1, denied + 1
        else:
            allowed, denied = (allowed + 1, denied) if entry["allowed"] else (allowed, denied + 1)
            if entry["rule"] is not None:
                self.rules[str(entry["rule"])] += 1
        self.endpoints[operation, endpoint] = EndpointCount(allowed, denied, sent, received)


def _parse(line: bytes) -> Entry | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    entry = entry_of(value) if isinstance(value, dict) else None
    return entry if entry is not None and entry.keys() >= {"operation", "endpoint", "allowed", "rule"} else None


def _number(entry: Entry, name: str) -> int:
    value = entry.get(name)
    return value if isinstance(value, int) else 0


def _request(operation: str, text: str) -> Request | None:
    try:
        host, port = split_target(text)
        return Request(Operation(operation), Host.parse(host), parse_port(port))
    except (UsageError, ValueError):
        return None  # not written by us
