"""Hosts, targets, rules and manifests: whatever the text, it is refused by the documented error, or it means one thing,
which its canonical form means as well.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Final

from sockcli.base.endpoint import Host, parse_port, split_target
from sockcli.errors import ManifestError
from sockcli.observers.audit_report import AuditReport
from sockcli.policy import Request, Rule
from sockcli.policy.manifest import Manifest
from sockcli.policy.strictjson import positions, read
from tests.fuzz.target import Target, meaning, mutated

_OPERATIONS: Final = ("tcp-connect", "tcp-listen", "udp-send-to", "udp-bind", "unix", "tcp")
_HOSTS: Final = tuple(
    "localhost example.com *.example.com * a.b xn--nxasmq6b 1.2.3.4 127.0.0.1 0x7f.1 2130706433 010.0.0.1 10.0.0.0/8 "
    "10.0.0.0/33 [::1] [::ffff:1.2.3.4] [fe80::1%3] [fe80::%03] [2001:db8::/32] ::1 [:: [] -a.b a..b １２７.0.0.1 a\0b "
    f"ⓛocalhost . *. _x.y {'a' * 64}  ".split(" ")
)
_PORTS: Final = ("80", "0", "65535", "65536", "*", "", "+80", " 80", "8_0", "080", "٣", "1-2", "99999999999")
_JSON: Final = (*"{}[]:,\\", '"a"', '"a', "NaN", "1e999", "-0", "tru", "\ufeff", '"\\ud800"')
# An audit's line, and what may stand for a value of it.
_ENTRY: Final[dict[str, object]] = {
    "time": 1.5, "event": "decision", "operation": "tcp-connect", "endpoint": "localhost:80", "allowed": True,
    "rule": "tcp-connect:*:80", "previous": "0" * 64, "addresses": ["127.0.0.1:80"], "sent": 3, "received": 2**70,
}  # fmt: skip
_JUNK: Final[tuple[object, ...]] = (None, -1, 1e400, "", "x", [], {}, [[]], True, "tcp-bind", "[::1]:1", float("nan"))


def host_text(rng: random.Random) -> str:
    if rng.randrange(4):
        return rng.choice(_HOSTS)
    return "".join(rng.choices("0123456789abcdefx.:*[]/%-_", k=rng.randrange(24)))


def rule_text(rng: random.Random) -> str:
    parts = [rng.choice(_OPERATIONS), host_text(rng), rng.choice(_PORTS)]
    return ":".join(parts[: rng.choice((3, 3, 3, 2, 1))])


def rules(rng: random.Random) -> Iterator[bytes]:
    while True:
        yield mutated(rule_text(rng).encode(), rng)


def targets(rng: random.Random) -> Iterator[bytes]:
    while True:
        yield mutated(f"{host_text(rng)}:{rng.choice(_PORTS)}".encode(), rng)


def manifests(rng: random.Random) -> Iterator[bytes]:
    while True:
        rules = [{"deny": rule_text(rng)} if rng.randrange(8) == 0 else rule_text(rng) for _ in range(rng.randrange(4))]
        document: dict[str, object] = {"name": "m", "permissions": [{"socket": rules}]}
        if rng.randrange(9) == 0:
            document["x"] = 1
        text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
        if rng.randrange(4) == 0:
            at = rng.randrange(len(text))
            text = text[:at] + "".join(rng.choices(_JSON, k=rng.randrange(5))) + text[at:]
        yield mutated(text.encode("utf-8", "surrogatepass"), rng)


def audits(rng: random.Random) -> Iterator[bytes]:
    while True:
        lines = []
        for _ in range(rng.randrange(4)):
            names = [name for name in _ENTRY if rng.randrange(9)]
            line = {name: _ENTRY[name] if rng.randrange(6) else rng.choice(_JUNK) for name in names}
            lines.append(json.dumps(line).encode())
        yield mutated(b"\n".join(lines), rng)


def check_rule(data: bytes) -> None:
    rule = meaning(Rule.parse, data)
    if rule is not None:
        again = Rule.parse(str(rule))
        assert again == rule
        assert str(again) == str(rule)
        assert rule.contains(rule)


def parse_target(text: str) -> tuple[Host, int]:
    name, port = split_target(text)
    return Host.parse(name), parse_port(port)


def check_target(data: bytes) -> None:
    target = meaning(parse_target, data)
    if target is None:
        return
    host, port = target
    assert data.isascii()
    assert Host.parse(host.bracketed) == host
    assert Host.parse(str(host)) == host
    if port == 0:
        return  # no rule has it
    for rule in Rule.parse(f"tcp-connect:*:{port}"), Rule.parse(f"tcp-connect:{host.bracketed}:{port}"):
        assert rule.covers(Request(rule.operation, host, port))


def check_manifest(data: bytes) -> None:
    value, faults = read(data)
    if not faults:
        assert repr(json.loads(data, parse_int=float)) == repr(value)
        assert "" in positions(data)
    try:
        manifest = Manifest.parse(data)
    except ManifestError as error:
        problems = error.problems
    else:
        assert not faults
        for placed in manifest.policy.rules:
            assert manifest.position(placed.source)
        return
    assert problems
    assert all(str(problem).isprintable() for problem in problems)


def check_audit(data: bytes) -> None:
    report = AuditReport()
    report.add(data.splitlines(keepends=True))
    assert report.totals.allowed + report.totals.denied >= 0


TARGETS: Final = (
    Target("rule", rules, check_rule, 22),
    Target("target", targets, check_target, 22),
    Target("manifest", manifests, check_manifest, 6),
    Target("audit", audits, check_audit, 6),
)
