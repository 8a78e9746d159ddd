"""Which rule contains which, against asking both about every request that could tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.endpoint import Host, HostKind, Operation
from sockcli.errors import UsageError
from sockcli.policy import Request, Rule
from sockcli.policy.rule import WIDTHS, Block, Exact, Suffix
from tests.policy import reference
from tests.policy.reference import ADDRESSES, NAMES, PATTERNS

TEXTS = [*PATTERNS, "[fe80::1/128]", "[::/127]", "*.fresh.a.com", *(Host.parse(text).bracketed for text in ADDRESSES)]
RULES = [Rule.parse(f"tcp-connect:{text}:80") for text in TEXTS + NAMES]
FRESH = [Host.parse(text) for text in ("fresh.test", "203.0.113.77", "2001:db8::77", "fe80::77%fresh")]


def telling_hosts(rule: Rule) -> Iterator[Host]:
    """Hosts that the rule covers, one at least outside each pattern that does not contain the rule's."""
    match rule.pattern:
        case Exact(host):
            yield host
        case Suffix(domain):
            for text in (domain, f"fresh.{domain}"):
                with suppress(UsageError):  # it ends in a number, and is no address
                    yield Host.parse(text)
        case Block(kind, prefix, bits):
            rest = WIDTHS[kind] - bits
            for packed in (prefix << rest, (prefix + 1 << rest) - 1):
                yield Host.from_packed(kind, packed)
                if kind is HostKind.IPV6 and packed >> 118 == 0xFE80 >> 6:
                    yield Host.from_packed(kind, packed, "fresh")
        case _:
            yield from FRESH


def contains(outer: Rule, inner: Rule) -> bool:
    """As slowly and plainly as it can be said."""
    requests = [Request(inner.operation, host, port) for host in telling_hosts(inner) for port in (0, 80, 81)]
    return all(reference.covers(outer, each) for each in requests if reference.covers(inner, each))


@pytest.mark.parametrize("outer", RULES, ids=str)
def test_a_rule_contains_what_covers_nothing_that_it_does_not(outer: Rule) -> None:
    wrong = [str(inner) for inner in RULES if outer.contains(inner) != contains(outer, inner)]
    assert not wrong


hosts = st.sampled_from([host for rule in RULES for host in telling_hosts(rule)] + FRESH)
rules = st.sampled_from(RULES).flatmap(
    lambda rule: st.builds(
        rule._replace,
        operation=st.sampled_from([Operation.TCP_CONNECT, Operation.TCP_CONNECT, Operation.UDP_SEND_TO]),
        port=st.sampled_from([None, 80, 81]),
    )
)
blocks = st.integers(0, 32).flatmap(
    lambda bits: st.builds(lambda prefix: Rule(Operation.TCP_CONNECT, Block(HostKind.IPV4, prefix, bits)), octets(bits))
)


def octets(bits: int) -> st.SearchStrategy[int]:
    """Prefixes of few ones, which meet often."""
    return st.sampled_from([0, 1 << bits >> 1, (1 << bits) - 1])


@given(rules, rules)
def test_operation_and_port_count_too(outer: Rule, inner: Rule) -> None:
    assert outer.contains(inner) == contains(outer, inner)


@given(blocks, blocks)
def test_blocks(outer: Rule, inner: Rule) -> None:
    assert outer.contains(inner) == contains(outer, inner)


@given(rules, rules, hosts, st.sampled_from([0, 80, 81]))
def test_what_the_inner_rule_covers_the_outer_one_does(outer: Rule, inner: Rule, host: Host, port: int) -> None:
    request = Request(inner.operation, host, port)
    if outer.contains(inner) and inner.covers(request):
        assert outer.covers(request)


@given(rules, rules, rules)
def test_a_rule_contains_itself_and_what_those_contain_that_it_contains(one: Rule, two: Rule, three: Rule) -> None:
    assert one.contains(one)
    if one.contains(two) and two.contains(three):
        assert one.contains(three)


def test_operations_without_an_address() -> None:
    state, proxy = Rule(Operation.NETWORK_STATE), Rule(Operation.RESOLVE_PROXY)
    assert state.contains(state)
    assert not state.contains(proxy)
