"""The top of the command line: the table of commands, each loaded only when it is the one asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click

from sockcli import __version__
from sockcli.cli.common import HELP_OPTIONS, ClickGroup, common_options
from sockcli.errors import ExitCode, OutputGone
from sockcli.stdio.descriptors import is_interactive


class Entry(NamedTuple):
    """A command: the module that holds it as `command`, and its line in the list of commands."""

    module: str
    summary: str


# The summaries stand here so that `--help` loads none of the modules.
COMMANDS = {
    "tcp": Entry("sockcli.cli.tcp", "Connect stdin and stdout to a TCP endpoint, or accept a peer."),
    "udp": Entry("sockcli.cli.udp", "Send datagrams and print the replies, or receive them."),
    "check": Entry("sockcli.cli.check", "Would the manifest allow it, and by which rule?"),
    "manifest": Entry("sockcli.cli.manifest", "Show the manifest's rules, or validate it."),
    "audit": Entry("sockcli.cli.audit", "Read an audit: what was asked, allowed, denied, never used."),
    "demo": Entry("sockcli.cli.demo", "Try everything with no network, on loopback servers."),
    "repl": Entry("sockcli.cli.repl", "Work interactively, with several connections at once."),
}


@contextmanager
def _output_may_break() -> Iterator[None]:
    """Around whatever prints to stdout. If its reader is gone, click would exit with 1; this makes it 141."""
    try:
        yield
    except BrokenPipeError as exc:
        raise OutputGone("stdout") from exc


class LazyGroup(ClickGroup):
    """A group that imports a command only when it is the one that was asked for."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _output_may_break():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _output_may_break():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = import_module(entry.module).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings=HELP_OPTIONS,
    epilog="The manifest is --manifest FILE, else $SOCKCLI_MANIFEST, else ./manifest.json, else "
    "$XDG_CONFIG_HOME/sockcli/manifest.json. What it does not allow is not done. To see how: sockcli demo.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@common_options
@click.pass_context
def cli(ctx: click.Context) -> None:
    """The network client that only goes where its manifest says it may: netcat and telnet in one."""
    if ctx.invoked_subcommand is not None:
        return
    if is_interactive():
        repl = cli.get_command(ctx, "repl")
        assert repl is not None
        ctx.invoke(repl)
        return
    click.echo(ctx.get_help(), err=True)
    ctx.exit(ExitCode.USAGE)
