"""Whoever observes a policy hears of every decision before it takes effect, and can stop it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sockcli.base.endpoint import Address, Host, Operation
from sockcli.errors import Denied, LocalFailure, UsageError
from sockcli.policy import Decision, Dropped, Effect, Grant, PlacedRule, Policy, Request, Rule
from tests.policy.reference import addresses_of


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, bool, str | None]] = []
        self.admissions: list[tuple[str, list[str], list[tuple[str, str]]]] = []

    def decided(self, request: Request, decision: Decision) -> None:
        self.decisions.append((str(request), decision.allowed, decision.placed and str(decision.placed)))

    def admitted(self, grant: Grant, admitted: Sequence[Address], dropped: Sequence[Dropped]) -> None:
        drops = [(str(each.address), each.reason) for each in dropped]
        self.admissions.append((grant.source, [str(address) for address in admitted], drops))


def observed() -> tuple[Policy, Recorder]:
    policy = Policy(
        [
            PlacedRule(Rule.parse("tcp-connect:db.test"), Effect.ALLOW, "allow[0]"),
            PlacedRule(Rule.parse("tcp-connect:8.8.8.0/24"), Effect.DENY, "deny[0]"),
        ]
    )
    recorder = Recorder()
    policy.observe(recorder)
    return policy, recorder


def connect(host: str) -> Request:
    return Request(Operation.TCP_CONNECT, Host.parse(host), 80)


def test_every_decision_is_told_with_its_rule_and_place() -> None:
    policy, recorder = observed()
    policy.authorize(connect("db.test"))
    for denied in ("other.test", "8.8.8.8"):
        with pytest.raises(Denied):
            policy.authorize(connect(denied))
    assert recorder.decisions == [
        ("tcp-connect:db.test:80", True, 'allow[0] "tcp-connect:db.test:*"'),
        ("tcp-connect:other.test:80", False, None),
        ("tcp-connect:8.8.8.8:80", False, 'deny[0] "tcp-connect:8.8.8.0/24:*"'),
    ]


def test_every_admission_is_told_with_what_was_dropped_and_why() -> None:
    policy, recorder = observed()
    grant = policy.authorize(connect("db.test"))
    grant.admit(addresses_of(grant.request, ["1.1.1.1", "127.0.0.1", "8.8.8.8"]))
    with pytest.raises(Denied):
        grant.admit(addresses_of(grant.request, ["127.0.0.1"]))
    assert recorder.admissions == [
        (
            "allow[0]",
            ["1.1.1.1:80"],
            [("127.0.0.1:80", "loopback"), ("8.8.8.8:80", 'deny[0] "tcp-connect:8.8.8.0/24:*" forbids it')],
        ),
        ("allow[0]", [], [("127.0.0.1:80", "loopback")]),
    ]


def test_who_only_wants_to_know_is_not_told_of() -> None:
    policy, recorder = observed()
    grant = policy.authorize(connect("db.test"))
    [public, loopback] = addresses_of(grant.request, ["1.1.1.1", "127.0.0.1"])
    assert grant.refusal(public) is None
    with pytest.raises(Denied) as caught:
        grant.admit([loopback])
    assert str(grant.refusal(loopback)) == str(caught.value)
    assert not policy.decide(connect("other.test")).allowed
    assert (len(recorder.decisions), len(recorder.admissions)) == (1, 1)


def test_what_is_no_request_is_no_decision() -> None:
    policy, recorder = observed()
    with pytest.raises(UsageError):
        policy.authorize(Request(Operation.TCP_CONNECT))
    assert recorder.decisions == []


class FullDisk(Recorder):
    """Cannot record anything."""

    def decided(self, request: Request, decision: Decision) -> None:  # noqa: ARG002
        raise LocalFailure("the audit cannot be written")


def test_what_cannot_be_recorded_does_not_happen() -> None:
    policy = Policy([PlacedRule(Rule.parse("tcp-connect"), Effect.ALLOW, "allow[0]")])
    policy.observe(FullDisk())
    with pytest.raises(LocalFailure):
        policy.authorize(connect("db.test"))


def test_an_observer_stays() -> None:
    policy, recorder = observed()
    with pytest.raises(RuntimeError):
        policy.observe(Recorder())
    policy.authorize(connect("db.test"))
    assert len(recorder.decisions) == 1
