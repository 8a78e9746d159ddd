"""`sockcli check`: the manifest's answer to a request, without making it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from sockcli.base.endpoint import Operation, quoted
from sockcli.base.formatting import table
from sockcli.cli.common import HELP_OPTIONS, ClickCommand, common_options
from sockcli.cli.options import deadline_option, family_of, family_options
from sockcli.cli.output import emit, emit_json
from sockcli.cli.params import Protocol, expect_no_more, take_target
from sockcli.cli.settings import RunSettings, pass_settings
from sockcli.errors import ExitCode, UsageError
from sockcli.policy import Request

if TYPE_CHECKING:
    from sockcli.engine import Answer
    from sockcli.policy import Decision, Policy


@click.command(
    "check", cls=ClickCommand, usages=("[OPTIONS] OP HOST PORT", "[OPTIONS] OP"), context_settings=HELP_OPTIONS
)
@click.argument("words", nargs=-1, metavar="OP [HOST PORT]")
@click.option("--resolve", is_flag=True, help="Look the name up, where it is allowed, and check its addresses too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@family_options
@deadline_option
@common_options
@pass_settings
def command(
    settings: RunSettings,
    words: tuple[str, ...],
    resolve: bool,
    as_json: bool,
    ipv4: bool,
    ipv6: bool,
    deadline: float | None,
) -> int:
    """Would the manifest allow it, by which rule, and where does that stand? Exit 0 or 3.

    OP HOST PORT, or all in one word as OP:HOST:PORT; OP alone where it takes no address.
    Asks no server, unless --resolve is given.
    """
    request = parse_request(words)
    family = family_of(ipv4, ipv6)
    if not resolve and (family or deadline is not None):
        raise UsageError("-4, -6 and --deadline are for --resolve")
    if resolve and not request.operation.takes_address:
        raise UsageError(f"{request.operation} has no address to resolve")
    policy = settings.load_policy()
    decision = policy.decide(request)
    answers: list[Answer] | None = None
    if resolve and decision.allowed:
        answers = look_up(policy, request, family, deadline)
    verdict = judge(decision, answers)
    if as_json:
        emit_json(as_object(policy, request, verdict, answers))
    else:
        emit(explain(policy, request, decision, verdict, answers))
    return ExitCode.OK if verdict.allowed else ExitCode.DENIED


class Verdict(NamedTuple):
    """The answer: which rule decided, where one did, and where it stands; and the rule that would allow it."""

    allowed: bool
    rule: str | None
    source: str | None
    suggestion: str | None


def judge(decision: Decision, answers: Sequence[Answer] | None) -> Verdict:
    """The manifest's decision, unless every address that the host leads to is denied: then that one's."""
    denials = [answer.denied for answer in answers or () if answer.denied]
    if answers and len(denials) == len(answers):
        denied = next((denied for denied in denials if denied.suggestion), denials[0])
        return Verdict(False, denied.rule, denied.source, denied.suggestion)
    placed = decision.placed
    if placed is None:
        return Verdict(decision.allowed, None, None, decision.suggestion)
    return Verdict(decision.allowed, str(placed.rule), placed.source, decision.suggestion)


def look_up(policy: Policy, request: Request, family: int, deadline: float | None) -> list[Answer]:
    """Each address that the name leads to, and whether it may be used. Raises Unresolved, TimedOut, Interrupted."""
    from sockcli.base.deadline import Deadline
    from sockcli.base.interrupts import SignalInterrupt
    from sockcli.engine import Engine

    return Engine(policy, interrupt=SignalInterrupt()).resolve(request, family=family, deadline=Deadline(deadline))


def as_object(
    policy: Policy, request: Request, verdict: Verdict, answers: Sequence[Answer] | None
) -> dict[str, object]:
    """The answer for a program."""
    value: dict[str, object] = {
        "allowed": verdict.allowed,
        "operation": str(request.operation),
        "host": str(request.host) if request.host else None,
        "port": request.port,
        "rule": verdict.rule,
        "source": verdict.source,
        "manifest": policy.manifest,
    }
    if answers is not None:
        value["addresses"] = [
            {
                "address": str(answer.address),
                "allowed": answer.denied is None,
                "reason": answer.denied.reason if answer.denied else None,
            }
            for answer in answers
        ]
    if verdict.suggestion:
        value["suggestion"] = verdict.suggestion
    return value


def explain_request(policy: Policy, request: Request) -> str:
    """The answer for a person, whom no address interests."""
    decision = policy.decide(request)
    return explain(policy, request, decision, judge(decision, None), None)


def explain(
    policy: Policy, request: Request, decision: Decision, verdict: Verdict, answers: Sequence[Answer] | None
) -> str:
    """The answer for a person."""
    placed = decision.placed
    rows = [("allowed" if verdict.allowed else "denied", str(request))]
    if placed is None:
        rows.append(("because", f"no rule of {policy.manifest} covers it"))
    else:
        place = f"{placed.rule}  ({placed.source} of {policy.manifest})"
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
        rows.append(("add", f'"{verdict.suggestion}"  to allow it'))
    return table(rows)


def parse_request(words: Sequence[str]) -> Request:
    """`OP HOST PORT`, `OP HOST:PORT`, `OP:HOST:PORT` or `OP`. Raises UsageError."""
    if not words:
        raise UsageError("an operation is missing", hint=f"one of {', '.join(Operation)}")
    name, colon, rest = words[0].partition(":")
    try:
        operation = Operation(name)
    except ValueError:
        raise UsageError(f"{quoted(name)} is no operation", hint=f"one of {', '.join(Operation)}") from None
    others = [rest, *words[1:]] if colon else list(words[1:])
    if not operation.takes_address:
        expect_no_more(others)
        return Request(operation)
    protocol: Protocol = "tcp" if operation.startswith("tcp") else "udp"
    if colon and len(others) > 1:
        expect_no_more(others[1:])
    target, more = take_target(others, protocol)
    expect_no_more(more)
    return Request(operation, target.host, target.port)
