"""`sockcli check`: the manifest's answer to a request, without making it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sockcli.cli.common import HELP_OPTIONS, ClickCommand, common_options
from sockcli.cli.options.shared import deadline_option, family_options
from sockcli.cli.output import emit, emit_json
from sockcli.cli.settings import RunSettings, pass_settings
from sockcli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from sockcli.commands.explanation import Verdict
    from sockcli.engine import Answer
    from sockcli.policy import Policy, Request


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
    from sockcli.cli.request import family_of, parse_request
    from sockcli.commands.explanation import explain, judge

    request = parse_request(words)
    family = family_of(ipv4, ipv6)
    if not resolve and (family or deadline is not None):
        raise UsageError("-4, -6 and --deadline are for --resolve")
    if resolve and not request.operation.takes_address:
        raise UsageError(f"{request.operation} has no address to resolve")
    # Without a lookup nothing is used that an audit would have to tell of.
    policy = settings.load_policy() if resolve else settings.read_manifest().policy
    decision = policy.decide(request)
    answers: list[Answer] | None = None
    if resolve and decision.allowed:
        answers = look_up(policy, request, family, deadline)
    verdict = judge(decision, answers)
    if as_json:
        emit_json(as_object(policy, request, verdict, answers))
    else:
        emit(explain(policy, request, answers))
    return ExitCode.OK if verdict.allowed else ExitCode.DENIED


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
    if policy.ceiling is not None:
        value["ceiling"] = policy.ceiling.manifest
        value["by_ceiling"] = verdict.by_ceiling
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
