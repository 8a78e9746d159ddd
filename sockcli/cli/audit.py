"""`sockcli audit`: what an audit tells of, and whether it is whole."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sockcli.base.formatting import counted, table
from sockcli.cli.common import HELP_OPTIONS, ClickCommand, loudness_options
from sockcli.cli.output import emit, emit_json
from sockcli.cli.settings import RunSettings, pass_settings, report
from sockcli.errors import ExitCode, LocalFailure

if TYPE_CHECKING:
    from sockcli.observers.audit_report import AuditReport
    from sockcli.policy import PlacedRule


@click.command("audit", cls=ClickCommand, usages=("[OPTIONS] FILE",), context_settings=HELP_OPTIONS)
@click.argument("path", metavar="FILE")
@click.option("--unused", metavar="MANIFEST", help="List the rules of this manifest that nobody used.")
@click.option("--verify", is_flag=True, help="Check that no line was changed or taken out; exit 10 if one was.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@loudness_options
@pass_settings
def command(settings: RunSettings, path: str, unused: str | None, verify: bool, as_json: bool) -> int:
    """Count what was asked, allowed and denied, by rule and by endpoint.

    FILE is what --audit wrote, in any of its formats; - is stdin.
    """
    from sockcli.observers.audit_report import AuditReport
    from sockcli.policy.manifest import Manifest

    policy = Manifest.load(unused).policy if unused is not None else None
    found = AuditReport()
    read(path, found)
    idle = found.unused(policy) if policy is not None else None
    if as_json:
        emit_json(as_object(path, found, idle, verify=verify))
    else:
        show(found, idle)
    if not verify:
        return ExitCode.OK
    if found.broken is not None:
        report(f"{path}: line {found.broken.line}: {found.broken.reason}")
        return ExitCode.FINDINGS
    settings.notice(f"{path}: {counted(found.lines, 'line')}, and none was changed or taken out before the last")
    return ExitCode.OK


def read(path: str, found: AuditReport) -> None:
    """Raises LocalFailure."""
    from sockcli.base.escaping import quoted
    from sockcli.base.formatting import system_reason

    try:
        if path == "-":
            found.add(sys.stdin.buffer)
        else:
            with open(path, "rb") as lines:
                found.add(lines)
    except (OSError, ValueError) as exc:
        raise LocalFailure(f"cannot read {quoted(path)}: {system_reason(exc)}") from exc


def show(found: AuditReport, idle: Sequence[PlacedRule] | None) -> None:
    allowed, denied, sent, received = found.totals
    moved = f"{sent:,} bytes sent, {received:,} received"
    emit(f"{allowed + denied:,} asked, {allowed:,} allowed, {denied:,} denied; {moved}")
    if found.endpoints:
        rows: list[tuple[str, ...]] = [("", "allowed", "denied", "sent", "received")]
        for (operation, endpoint), counts in sorted(found.endpoints.items()):
            rows.append((f"{operation} {endpoint}", *(f"{count:,}" for count in counts)))
        emit(f"\n{table(rows)}")
    if found.rules:
        emit("\n" + table([("decided", "by rule"), *((f"{n:,}", rule) for rule, n in found.rules.most_common())]))
    if idle is not None:
        listed = [(placed.effect.value, str(placed.rule), placed.source) for placed in idle]
        emit("\n" + (f"never used:\n{table(listed)}" if listed else "every rule was used"))


def as_object(path: str, found: AuditReport, idle: Sequence[PlacedRule] | None, *, verify: bool) -> dict[str, object]:
    """The same for a program."""
    endpoints = [
        {"operation": operation, "endpoint": endpoint or None, **counts._asdict()}
        for (operation, endpoint), counts in sorted(found.endpoints.items())
    ]
    value: dict[str, object] = {
        "audit": path,
        "lines": found.lines,
        "ends": found.ends,
        **found.totals._asdict(),
        "endpoints": endpoints,
        "rules": [{"rule": rule, "count": count} for rule, count in found.rules.most_common()],
    }
    if idle is not None:
        value["unused"] = [
            {"rule": str(placed.rule), "effect": placed.effect.value, "source": placed.source} for placed in idle
        ]
    if verify:
        broken = found.broken
        value["verified"] = broken is None
        value["broken"] = broken._asdict() if broken is not None else None
    return value
