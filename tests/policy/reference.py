"""The policy once more, as slowly and as plainly as it can be said: every rule is asked, none is filed.

What the contract says is written here a second time, so that the index and the shortcuts of the real one are compared
with something that has none. The universe is small enough for rules and requests to meet often.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from hypothesis import strategies as st

from sockcli.base.address_scope import Scope, embedded_ipv4, scope
from sockcli.base.endpoint import Address, Host, HostKind, Operation
from sockcli.policy import Effect, PlacedRule, Policy, Request, Rule

OUTWARD = (Operation.TCP_CONNECT, Operation.UDP_SEND_TO)

NAMES = ["localhost", "app.localhost", "com", "a.com", "b.a.com", "c.b.a.com", "xa.com", "a.com.net"]
ADDRESSES = [
    *("127.0.0.1", "127.0.0.2", "10.0.0.1", "10.255.0.1", "169.254.169.254", "8.8.8.8", "224.0.0.1", "0.0.0.0"),
    *("::1", "::", "2606:4700::1111", "fd00::1", "fe80::1", "fe80::1%lo", "fe80::1%eth0", "fe80::1%1", "fe80::1%2"),
    *("64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "2002:a00:1::1"),
]
PATTERNS = [
    *("*", "*.com", "*.a.com", "*.b.a.com", "*.localhost", "*.0.0.1"),
    *("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "127.0.0.0/8", "127.0.0.1/32", "169.254.0.0/16"),
    *("[::/0]", "[fe80::/10]", "[64:ff9b::/96]", "[::1/128]"),
]
PORTS = [1, 80]

hosts = st.sampled_from(NAMES + ADDRESSES).map(Host.parse)
operations = st.sampled_from(
    [Operation.TCP_CONNECT, Operation.TCP_CONNECT, Operation.UDP_SEND_TO, Operation.TCP_LISTEN]
)
rules = st.builds(
    lambda operation, host, port: Rule.parse(f"{operation}:{host}:{port}"),
    operations,
    st.sampled_from(PATTERNS) | hosts.map(lambda host: host.bracketed),
    st.sampled_from(["*", *PORTS]),
)
effects = st.sampled_from([Effect.ALLOW, Effect.ALLOW, Effect.DENY])


def policy_of(rules: Sequence[tuple[Rule, Effect]]) -> Policy:
    return Policy(PlacedRule(rule, effect, f"rule {index}") for index, (rule, effect) in enumerate(rules))


def allow(*texts: str) -> list[tuple[Rule, Effect]]:
    return [(Rule.parse(text), Effect.ALLOW) for text in texts]


def deny(*texts: str) -> list[tuple[Rule, Effect]]:
    return [(Rule.parse(text), Effect.DENY) for text in texts]


def addresses_of(request: Request, texts: Sequence[str]) -> list[Address]:
    assert request.port is not None
    return [Address(Host.parse(text), request.port) for text in texts]


def is_no_target(request: Request) -> bool:
    return (
        request.operation in OUTWARD
        and request.host is not None
        and request.host.is_address
        and (scope(request.host) is Scope.UNSPECIFIED)
    )


requests = st.builds(Request, operations, hosts, st.sampled_from([0, *PORTS])).filter(lambda one: not is_no_target(one))


def covers(rule: Rule, request: Request) -> bool:
    """By the texts of both, and with the standard library's idea of a network."""
    host = request.host
    assert host is not None
    if rule.operation is not request.operation or rule.port not in (None, request.port):
        return False
    pattern = str(rule.pattern)
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        labels, domain = host.text.split("."), pattern[2:].split(".")
        return not host.is_address and any(labels[start:] == domain for start in range(len(labels)))
    if "/" in pattern:
        if not host.is_address:
            return False
        network = ipaddress.ip_network(pattern.strip("[]"))
        return ipaddress.ip_address(host.text.partition("%")[0]) in network
    return pattern == host.bracketed


def forbids(rule: Rule, request: Request) -> bool:
    host = request.host
    assert host is not None
    if covers(rule, request):
        return True
    pattern = str(rule.pattern)
    if pattern in ("localhost", "*.localhost"):
        stand_ins = ("*.localhost", "127.0.0.0/8", "[::1]")
        others = [Rule.parse(f"{rule.operation}:{text}:{rule.port or '*'}") for text in stand_ins]
        return any(forbids(other, request) for other in others if other != rule)
    if not host.is_address:
        return False
    if request.operation is Operation.TCP_LISTEN and host.packed == 0:
        literal = pattern[-1] == "]" if host.kind is HostKind.IPV6 else pattern[-1].isdigit()
        if literal and covers(Rule(rule.operation, port=rule.port), request):
            return True
    if any(covers(rule, request._replace(host=inner)) for inner in embedded_ipv4(host)):
        return True
    mine, other = (text.partition("%")[0] for text in (pattern.strip("[]"), host.text))
    return mine == other and covers(Rule(rule.operation, port=rule.port), request)


def is_denied(rules: Sequence[tuple[Rule, Effect]], request: Request) -> bool:
    return any(effect is Effect.DENY and forbids(rule, request) for rule, effect in rules)


def is_allowed(rules: Sequence[tuple[Rule, Effect]], request: Request) -> bool:
    covered = any(effect is Effect.ALLOW and covers(rule, request) for rule, effect in rules)
    return covered and not is_denied(rules, request)


def is_admitted(rules: Sequence[tuple[Rule, Effect]], request: Request, address: Address) -> bool:
    """The table of what a name may lead to, one rule at a time."""
    direct = request._replace(host=address.host)
    if is_denied(rules, direct) or is_no_target(direct):
        return False
    return any(
        effect is Effect.ALLOW and (_reaches(rule, request, address.host) or _is_address_rule(rule, direct))
        for rule, effect in rules
    )


def _reaches(rule: Rule, request: Request, address: Host) -> bool:
    host = request.host
    assert host is not None
    if not covers(rule, request):
        return False
    if host == address:
        return True
    kind, pattern = scope(address), str(rule.pattern)
    if pattern == "*":
        return kind is not Scope.UNSPECIFIED
    if pattern.startswith("*."):
        return kind is Scope.GLOBAL
    if pattern in ("localhost", "app.localhost"):
        return address.text in ("127.0.0.1", "::1")
    return not host.is_address and kind in (Scope.GLOBAL, Scope.PRIVATE)


def _is_address_rule(rule: Rule, direct: Request) -> bool:
    pattern = str(rule.pattern)
    return covers(rule, direct) and pattern != "*"
