"""`sockcli repl`, which is also what a bare `sockcli` does on a terminal."""

from __future__ import annotations

import click

from sockcli.cli.common import HELP_OPTIONS, ClickCommand, common_options
from sockcli.cli.options.shared import escape_option, no_history_option
from sockcli.cli.settings import RunSettings, pass_settings, say
from sockcli.errors import UsageError
from sockcli.stdio.descriptors import is_interactive


@click.command("repl", cls=ClickCommand, context_settings=HELP_OPTIONS)
@click.argument("words", nargs=-1, metavar="[TARGET]")
@escape_option
@no_history_option
@common_options
@pass_settings
def command(settings: RunSettings, /, words: tuple[str, ...], escape: str | None) -> None:
    """Work interactively, with several connections at once; `help` lists the commands.

    With a TARGET it begins with a TCP session to it. Where stdin is not a terminal, it holds commands, a line each:
    the first that fails ends the run, with its exit code.
    """
    if is_interactive():
        from sockcli.cli.command_line import parse_at_prompt
        from sockcli.cli.terminal import run_repl

        run_repl(settings, parse_at_prompt(["tcp", *words]) if words else None, escape)
        return
    if escape is not None:
        raise UsageError("--escape is for a terminal, and stdin or stdout is none")

    from sockcli.cli.command_line import in_script, parse_in_script
    from sockcli.commands.script import ScriptMessages, run_script

    target = parse_in_script(["tcp", *words]) if words else None
    messages = ScriptMessages(say, settings.notice, settings.detail)
    run_script(settings.load_policy(), target, in_script, messages, files=settings.file_rules())
