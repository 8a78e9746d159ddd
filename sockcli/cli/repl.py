"""`sockcli repl`, which is also what a bare `sockcli` does on a terminal."""

from __future__ import annotations

from typing import Any

import click

from sockcli.cli.common import HELP_OPTIONS, ClickCommand, common_options
from sockcli.cli.options import escape_option
from sockcli.cli.settings import RunSettings, pass_settings
from sockcli.errors import UsageError
from sockcli.stdio.descriptors import is_interactive


@click.command("repl", cls=ClickCommand, context_settings=HELP_OPTIONS)
@click.argument("words", nargs=-1, metavar="[TARGET]")
@escape_option
@common_options
@pass_settings
def command(settings: RunSettings, /, words: tuple[str, ...], **values: Any) -> None:
    """Work interactively, with several connections at once; `help` lists the commands.

    With a TARGET it begins with a TCP session to it. Where stdin is not a terminal, it holds commands, a line each:
    the first that fails ends the run, with its exit code.
    """
    if is_interactive():
        from sockcli.cli.interactive import run_repl
        from sockcli.cli.targets import parse_target

        run_repl(settings, parse_target(["tcp", *words]) if words else None, values["escape"])
        return
    if values["escape"] is not None:
        raise UsageError("--escape is for a terminal, and stdin or stdout is none")

    from sockcli.cli.scripting import run
    from sockcli.cli.targets import parse_piped

    run(settings, parse_piped(["tcp", *words]) if words else None)
