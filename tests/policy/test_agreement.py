"""The real policy against the plain one, and the laws that any policy has to keep."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sockcli.base.endpoint import Address, Host, Operation
from sockcli.errors import Denied
from sockcli.policy import Effect, PlacedRule, Policy, Request, Rule
from tests.policy import reference
from tests.policy.reference import ADDRESSES, NAMES, effects, policy_of, requests, rules

rule_lists = st.lists(st.tuples(rules, effects), max_size=8)
some_addresses = st.lists(st.sampled_from(ADDRESSES), unique=True)
names = st.sampled_from(NAMES).map(Host.parse)
thorough = settings(max_examples=150)


def admitted(policy: Policy, request: Request, addresses: list[Address]) -> list[Address] | None:
    """None where the request itself, or every address, is denied."""
    try:
        return policy.authorize(request).admit(addresses)
    except Denied:
        return None


@given(rule_lists, requests)
@thorough
def test_a_decision_is_what_asking_every_rule_gives(ruled: list[tuple[Rule, Effect]], request: Request) -> None:
    decision = policy_of(ruled).decide(request)
    assert decision.allowed == reference.is_allowed(ruled, request)
    assert (decision.suggestion is None) == (decision.allowed or reference.is_denied(ruled, request))


@given(rule_lists, requests)
@thorough
def test_the_rule_reported_is_one_that_decides(ruled: list[tuple[Rule, Effect]], request: Request) -> None:
    decision = policy_of(ruled).decide(request)
    if decision.placed is None:
        return
    rule, effect, source = decision.placed
    assert (rule, effect) == ruled[int(source.removeprefix("rule "))]
    assert reference.covers(rule, request) if decision.allowed else reference.forbids(rule, request)


@given(rule_lists, requests, some_addresses, st.booleans())
@thorough
def test_what_is_admitted_is_what_asking_every_rule_gives(
    ruled: list[tuple[Rule, Effect]], request: Request, texts: list[str], narrow: bool
) -> None:
    covering = Rule.exactly(request) if narrow else Rule(request.operation)
    ruled = [*ruled, (covering, Effect.ALLOW)]
    assume(not reference.is_denied(ruled, request))
    grant = policy_of(ruled).authorize(request)
    addresses = reference.addresses_of(request, texts)
    expected = [address for address in addresses if reference.is_admitted(ruled, request, address)]
    if expected or not addresses:
        assert grant.admit(addresses) == expected
    else:
        with pytest.raises(Denied):
            grant.admit(addresses)


@given(rule_lists, requests, some_addresses, st.randoms())
@thorough
def test_order_does_not_matter(
    ruled: list[tuple[Rule, Effect]], request: Request, texts: list[str], random: Random
) -> None:
    shuffled = sorted(ruled, key=lambda _: random.random())
    addresses = reference.addresses_of(request, texts)
    one, other = policy_of(ruled), policy_of(shuffled)
    assert one.decide(request).allowed == other.decide(request).allowed
    assert admitted(one, request, addresses) == admitted(other, request, addresses)


@given(rule_lists, requests, some_addresses, st.data())
@thorough
def test_taking_an_allow_rule_away_never_widens(
    ruled: list[tuple[Rule, Effect]], request: Request, texts: list[str], data: st.DataObject
) -> None:
    allowing = [index for index, (_, effect) in enumerate(ruled) if effect is Effect.ALLOW]
    assume(allowing)
    taken = data.draw(st.sampled_from(allowing))
    fewer = ruled[:taken] + ruled[taken + 1 :]
    addresses = reference.addresses_of(request, texts)
    less = admitted(policy_of(fewer), request, addresses) or []
    more = admitted(policy_of(ruled), request, addresses) or []
    assert set(less) <= set(more)


@given(rule_lists, rules, requests, some_addresses)
@thorough
def test_adding_a_deny_rule_never_widens(
    ruled: list[tuple[Rule, Effect]], denying: Rule, request: Request, texts: list[str]
) -> None:
    addresses = reference.addresses_of(request, texts)
    less = admitted(policy_of([*ruled, (denying, Effect.DENY)]), request, addresses) or []
    more = admitted(policy_of(ruled), request, addresses) or []
    assert set(less) <= set(more)


@given(rule_lists, requests)
@thorough
def test_the_suggested_rule_is_enough(ruled: list[tuple[Rule, Effect]], request: Request) -> None:
    suggestion = policy_of(ruled).decide(request).suggestion
    if suggestion is not None:
        assert policy_of([*ruled, (Rule.parse(suggestion), Effect.ALLOW)]).decide(request).allowed


# Most lists of addresses are admitted, and are not what this is about.
@settings(thorough, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(st.tuples(rules, effects), max_size=6), names, st.lists(st.sampled_from(ADDRESSES), min_size=1))
def test_the_address_rule_a_denial_suggests_is_enough(
    ruled: list[tuple[Rule, Effect]], host: Host, texts: list[str]
) -> None:
    request = Request(Operation.TCP_CONNECT, host, 80)
    ruled = [*ruled, (Rule.parse(f"tcp-connect:{host}:80"), Effect.ALLOW)]
    assume(reference.is_allowed(ruled, request))
    addresses = reference.addresses_of(request, texts)
    assume(admitted(policy_of(ruled), request, addresses) is None)
    with pytest.raises(Denied) as caught:
        policy_of(ruled).authorize(request).admit(addresses)
    denied = caught.value
    if denied.suggestion is not None:
        widened = [*ruled, (Rule.parse(denied.suggestion), Effect.ALLOW)]
        assert policy_of(widened).authorize(request).admit(addresses)
    else:
        assert denied.rule is not None or all(address.host.packed == 0 for address in addresses)


def test_a_decision_looks_into_as_many_places_with_ten_rules_as_with_100_000() -> None:
    """Counted, not timed: how many lookups a decision makes does not depend on how many rules there are."""
    request = Request(Operation.TCP_CONNECT, Host.parse("10.1.2.3"), 80)

    def lookups(count: int) -> int:
        policy = Policy(
            PlacedRule(Rule.parse(f"tcp-connect:{172 + index % 8}.{index >> 8 & 255}.{index & 255}.0/24:1"), effect, "")
            for effect in Effect
            for index in range(count)
        )
        looked_up = 0

        class Counting(dict):  # type: ignore[type-arg]
            def get(self, *arguments: object) -> object:
                nonlocal looked_up
                looked_up += 1
                return super().get(*arguments)

        for index in (policy._allow, policy._deny):
            index._rules = Counting(index._rules)
        policy.decide(request)
        return looked_up

    assert lookups(10) == lookups(20_000)
