"""What root allows at most: a request and each address take the leave of the manifest and of the ceiling."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockcli.base.endpoint import Address, Host, Operation
from sockcli.errors import Denied, ManifestError
from sockcli.policy import Ceiling, CeilingAudit, Effect, PlacedRule, Policy, Request, Rule, locate
from sockcli.policy.locate import CEILING
from sockcli.policy.rule_collector import collect
from tests.policy import reference
from tests.policy.reference import ADDRESSES, addresses_of, effects, requests, rules

RuleList = Sequence[tuple[Rule, Effect]]


def placed(ruled: RuleList) -> list[PlacedRule]:
    return [PlacedRule(rule, effect, f"rule {index}") for index, (rule, effect) in enumerate(ruled)]


def under(ceiling: RuleList, ruled: RuleList) -> Policy:
    return Policy(placed(ruled), manifest="manifest.json", ceiling=Ceiling(placed(ceiling), manifest=CEILING))


def connect(host: str) -> Request:
    return Request(Operation.TCP_CONNECT, Host.parse(host), 80)


def denial(policy: Policy, request: Request, *addresses: str) -> Denied:
    with pytest.raises(Denied) as caught:
        policy.authorize(request).admit(addresses_of(request, addresses))
    return caught.value


rule_lists = st.lists(st.tuples(rules, effects), max_size=6)


@given(rule_lists, rule_lists, requests, st.lists(st.sampled_from(ADDRESSES), unique=True))
@settings(max_examples=100)
def test_what_is_allowed_is_what_both_allow(
    above: RuleList, below: RuleList, request: Request, texts: list[str]
) -> None:
    policy = under(above, below)
    assert policy.decide(request).allowed == (
        reference.is_allowed(above, request) and reference.is_allowed(below, request)
    )
    every = (Rule(request.operation), Effect.ALLOW)
    above, below = [*above, every], [*below, every]
    if reference.is_denied(above, request) or reference.is_denied(below, request):
        return
    addresses = addresses_of(request, texts)
    expected = [each for each in addresses if all(reference.is_admitted(of, request, each) for of in (above, below))]
    try:
        admitted = under(above, below).authorize(request).admit(addresses)
    except Denied:
        admitted = []
    assert admitted == expected


ALLOW_ALL = reference.allow("tcp-connect")


def test_a_denial_says_which_of_the_two_denied() -> None:
    by_ceiling = denial(under(reference.allow("tcp-connect:other.com"), ALLOW_ALL), connect("a.com"))
    assert str(by_ceiling) == f"tcp-connect to a.com:80 denied: no rule allows it (ceiling: {CEILING})"
    assert (
        by_ceiling.hint == f'no manifest can allow it: only root can, by this rule in {CEILING}: "tcp-connect:a.com:80"'
    )
    by_manifest = denial(under(ALLOW_ALL, []), connect("a.com"))
    assert str(by_manifest) == "tcp-connect to a.com:80 denied: no rule allows it (manifest: manifest.json)"
    # Where both do, a rule in the manifest would not help.
    assert denial(under([], []), connect("a.com")).by_ceiling


def test_its_deny_holds_everywhere() -> None:
    above = ALLOW_ALL + reference.deny("tcp-connect:10.0.0.0/8")
    error = denial(under(above, ALLOW_ALL), connect("10.1.2.3"))
    assert str(error).endswith(f'denied: rule 1 "tcp-connect:10.0.0.0/8:*" forbids it (ceiling: {CEILING})')
    led = denial(under(above, ALLOW_ALL), connect("a.com"), "10.1.2.3")
    assert (led.by_ceiling, led.rule, led.manifest) == (True, "tcp-connect:10.0.0.0/8:*", CEILING)


def test_an_address_that_only_the_manifest_admits() -> None:
    policy = under(reference.allow("tcp-connect:a.com"), reference.allow("tcp-connect:a.com", "tcp-connect:127.0.0.1"))
    error = denial(policy, connect("a.com"), "127.0.0.1")
    assert (error.by_ceiling, error.suggestion) == (True, "tcp-connect:127.0.0.1:80")
    reverse = under(reference.allow("tcp-connect:a.com", "tcp-connect:127.0.0.1"), reference.allow("tcp-connect:a.com"))
    assert not denial(reverse, connect("a.com"), "127.0.0.1").by_ceiling


def test_a_broadcast_takes_the_leave_of_both() -> None:
    request = Request(Operation.UDP_SEND_TO, Host.parse("10.9.0.255"), 80)
    exact, block = reference.allow("udp-send-to:10.9.0.255"), reference.allow("udp-send-to:10.9.0.0/24")
    address = Address(request.host or Host.parse("::"), 80)
    under(exact, exact).authorize(request).admit_broadcast(address)
    for above, below in ((block, exact), (exact, block)):
        with pytest.raises(Denied):
            under(above, below).authorize(request).admit_broadcast(address)


def test_a_grant_says_the_rule_of_the_manifest() -> None:
    grant = under(ALLOW_ALL, reference.allow("tcp-connect:*:443", "tcp-connect:*:80")).authorize(connect("a.com"))
    assert (str(grant.rule), grant.source) == ("tcp-connect:*:80", "rule 1")


def test_the_keys_of_a_ceiling() -> None:
    collected = collect(b'{"only": true, "audit": {"to": "journald", "required": true}}', CEILING, ceiling=True)
    assert (collected.only, collected.audit) == (True, CeilingAudit("journald", True))
    assert collect(b'{"audit": {"to": "/var/log/x"}}', CEILING, ceiling=True).audit == CeilingAudit("/var/log/x", False)
    ceiling = Ceiling([], manifest=CEILING, audit=CeilingAudit("syslog", True))
    assert Policy([], ceiling=ceiling).ceiling_audit == ceiling.ceiling_audit == CeilingAudit("syslog", True)
    assert Policy([]).ceiling_audit is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"only": 1}, "only: must be true or false, not a number"),
        ({"only": "true"}, "only: must be true or false, not a string"),
        ({"audit": "syslog"}, "audit: must be an object, not a string"),
        ({"audit": {}}, 'audit: must have "to"'),
        ({"audit": {"to": ""}}, "audit.to: must be the name of a file, syslog or journald, not an empty string"),
        ({"audit": {"to": "x", "required": None}}, "audit.required: must be true or false, not null"),
        ({"audit": {"to": "x", "requird": True}}, 'audit: "requird": is no key of it'),
        ({"deny": "tcp-connect:x:99999"}, "port must be"),
    ],
)
def test_what_is_wrong_in_a_ceiling(text: object, words: str) -> None:
    with pytest.raises(ManifestError) as caught:
        collect(json.dumps(text).encode(), CEILING, ceiling=True)
    assert words in str(caught.value)
    assert str(caught.value).startswith(CEILING)


def test_a_manifest_does_not_have_these_keys() -> None:
    assert collect(b'{"only": "x", "audit": 7}', "manifest.json").only is False


def test_nothing_but_a_constant_says_where_it_is() -> None:
    assert locate.CEILING == "/etc/sockcli/ceiling.json"
