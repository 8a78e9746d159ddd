"""Decides what may be done on the network, by the rules of a manifest. Never touches the network itself."""

from __future__ import annotations

from sockcli.policy.policy import (
    Ceiling,
    CeilingAudit,
    Decision,
    DecisionObserver,
    Dropped,
    EndObserver,
    Grant,
    GrantEnd,
    Policy,
    check_grant,
)
from sockcli.policy.rule import Effect, PlacedRule, Request, Rule

__all__ = [
    "Ceiling",
    "CeilingAudit",
    "Decision",
    "DecisionObserver",
    "Dropped",
    "Effect",
    "EndObserver",
    "Grant",
    "GrantEnd",
    "PlacedRule",
    "Policy",
    "Request",
    "Rule",
    "check_grant",
]
