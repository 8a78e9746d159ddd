"""`sockcli manifest`: what the manifest in force says, read as sockcli reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sockcli.base.formatting import counted, table
from sockcli.cli.common import HELP_OPTIONS, ClickGroup, common_options
from sockcli.cli.output import emit, emit_json
from sockcli.cli.settings import RunSettings, pass_settings

if TYPE_CHECKING:
    from sockcli.policy import Policy


@click.group("manifest", cls=ClickGroup, no_args_is_help=False, context_settings=HELP_OPTIONS)
@common_options
def command() -> None:
    """Show the manifest's rules, or validate it."""


@command.command(short_help="List the rules, each with where it stands.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@common_options
@pass_settings
def show(settings: RunSettings, as_json: bool) -> None:
    """List the rules in canonical form, each with where it stands in the file."""
    policy = settings.read_manifest().policy
    if as_json:
        shown: dict[str, object] = {"manifest": policy.manifest, "rules": _as_objects(policy)}
        if policy.ceiling is not None:
            audit = policy.ceiling.audit
            shown["ceiling"] = {
                "path": policy.ceiling.manifest,
                "rules": _as_objects(policy.ceiling),
                "audit": audit._asdict() if audit else None,
            }
        emit_json(shown)
        return
    if not policy.rules:
        settings.notice(f"{policy.manifest} has no socket rules, so it allows nothing")
    rows = [(placed.effect.value, str(placed.rule), placed.source) for placed in policy.rules]
    if policy.ceiling is not None:
        settings.notice(f"{policy.ceiling.manifest} is above it: only what both allow is allowed")
        rows += [(placed.effect.value, str(placed.rule), f"ceiling {placed.source}") for placed in policy.ceiling.rules]
    if rows:
        emit(table(rows))


def _as_objects(policy: Policy) -> list[dict[str, str]]:
    return [
        {"rule": str(placed.rule), "effect": placed.effect.value, "source": placed.source} for placed in policy.rules
    ]


@command.command(short_help="List every fault in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@common_options
@pass_settings
def validate(settings: RunSettings, as_json: bool) -> None:
    """Read the manifest and list every fault in it; exit 4 where there is one."""
    from sockcli.errors import ManifestError

    try:
        policy = settings.read_manifest().policy
    except ManifestError as exc:
        if as_json:
            problems = [problem._asdict() for problem in exc.problems]
            more = {"more": exc.more} if exc.more else {}
            emit_json({"manifest": exc.manifest, "valid": False, "problems": problems, **more})
        raise
    if as_json:
        emit_json({"manifest": policy.manifest, "valid": True, "rules": len(policy.rules), "problems": []})
        return
    but = "" if policy.rules else ", so it allows nothing"
    emit(table([(f"{policy.manifest}: valid, {counted(len(policy.rules), 'rule')}{but}",)]))
