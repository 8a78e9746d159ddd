"""What `check` answers: would the manifest allow a request, by which rule, and what would have to be added.

Used by `sockcli check` and by the REPL's `check`. Loads no event loop, so that the former stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sockcli.base.formatting import table

if TYPE_CHECKING:
    from sockcli.engine import Answer
    from sockcli.policy import Decision, Policy, Request


class Verdict(NamedTuple):
    """The answer: the rule that decided and where it stands (None: no rule), and the rule that would allow it.

    `by_ceiling`: it is the machine's ceiling that denies, and the rules are the ceiling's.
    """

    allowed: bool
    rule: str | None
    source: str | None
    suggestion: str | None
    by_ceiling: bool = False


def judge(decision: Decision, answers: Sequence[Answer] | None) -> Verdict:
    """What the manifest decides. If every address of the host is denied, that is the verdict, and not the name's."""
    denials = [answer.denied for answer in answers or () if answer.denied]
    if answers and len(denials) == len(answers):
        denied = next((denied for denied in denials if denied.suggestion), denials[0])
        return Verdict(False, denied.rule, denied.source, denied.suggestion, denied.by_ceiling)
    placed = decision.placed
    if placed is None:
        return Verdict(decision.allowed, None, None, decision.suggestion, decision.by_ceiling)
    return Verdict(decision.allowed, str(placed.rule), placed.source, decision.suggestion, decision.by_ceiling)


def explain(policy: Policy, request: Request, answers: Sequence[Answer] | None = None) -> str:
    """The answer for a person. `answers`: the addresses of the request's host, if they were looked up."""
    decision = policy.decide(request)
    verdict = judge(decision, answers)
    placed = decision.placed
    decider = policy.ceiling.manifest if decision.by_ceiling and policy.ceiling else policy.manifest
    rows = [("allowed" if verdict.allowed else "denied", str(request))]
    if placed is None:
        rows.append(("because", f"no rule of {decider} covers it"))
    else:
        place = f"{placed.rule}  ({placed.source} of {decider})"
        if not decision.allowed:
            rows.append(("by deny", place))
        elif verdict.allowed:
            rows.append(("by", place))
        else:
            rows.append(("though", f"{place} covers the name"))
    for answer in answers or ():
        denied = answer.denied
        rows.append(("leads to", f"{answer.address.host}  {denied.reason if denied else 'may be used'}"))
    if verdict.suggestion:
        where = "  to the ceiling, as root, to allow it" if verdict.by_ceiling else "  to allow it"
        rows.append(("add", f'"{verdict.suggestion}"{where}'))
    return table(rows)
