"""Our own kinds of click's commands and options, and the options that every command has.

`sockcli --help` needs these and nothing else of `cli/options/`, so nothing of the network is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from sockcli.cli.settings import RunSettings, send_messages_to

F = TypeVar("F", bound=Callable[..., Any])

HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}


# The headings of a help page, and the names of the options under each.
Sections = Mapping[str, Sequence[str]]

_REST: Final = "General"


class ClickCommand(click.Command):
    """A command whose options are listed under headings, and whose usage errors all tell which command it was."""

    def __init__(self, *args: Any, usages: Sequence[str] = (), sections: Sections | None = None, **extra: Any) -> None:
        """`usages`: the lines of its usage. Options that are in no section are listed last, as general ones."""
        super().__init__(*args, **extra)
        self._usages = usages
        self._sections = sections or {}

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for usage in self._usages:
            formatter.write_usage(ctx.command_path, usage, prefix=None if usage is self._usages[0] else " " * 7)
        if not self._usages:
            super().format_usage(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self._sections:
            super().format_options(ctx, formatter)
            return
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        rows = {option.name: row for option in options if (row := option.get_help_record(ctx)) is not None}
        listed = {heading: [rows.pop(name) for name in names] for heading, names in self._sections.items()}
        listed[_REST] = list(rows.values())
        width = max(len(option) for section in listed.values() for option, _ in section)
        for heading, section in listed.items():
            with formatter.section(heading):
                formatter.write_dl([(option.ljust(width), about) for option, about in section])

    # Some of click's errors do not tell in which command they were found; our messages name it.
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as exc:
            exc.ctx = exc.ctx or ctx
            raise


class ClickGroup(ClickCommand, click.Group):
    """A command that has commands, as `sockcli` and `sockcli manifest` do."""

    command_class = ClickCommand

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not ctx.resilient_parsing:
            from sockcli.cli.usage import no_such_command

            raise no_such_command(args, known, ctx.command_path)
        return super().resolve_command(ctx, args)


class ClickOption(click.Option):
    """An option that tells of what kind its value is, so that the REPL's prompt can complete it.

    `kind` is the value of one of `commands.model.Kind`; a string here, because `--help` may not load that module.
    """

    def __init__(self, *args: Any, kind: str, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.kind = kind


def bundle(*decorators: Callable[[Any], Any]) -> Callable[[F], F]:
    """One decorator of several, listed in the order in which the help shows them."""

    def apply(function: F) -> F:
        for decorate in reversed(decorators):
            function = decorate(function)
        return function

    return apply


def keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """A callback that keeps an option in the RunSettings, wherever on the command line it stood."""

    def callback(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value not in (None, False):  # given after the command's name, it wins; not given, it takes nothing back
            setattr(ctx.ensure_object(RunSettings), name, value)

    return callback


def manifest_option(*, hidden: bool = False) -> Callable[[F], F]:
    """`hidden`: not in the help. `demo` accepts the option, as every command does, but has a manifest of its own."""
    return click.option(
        "--manifest",
        metavar="FILE",
        type=click.Path(readable=False),  # what cannot be read is a matter of the manifest, not of usage
        expose_value=False,
        callback=keep("manifest"),
        hidden=hidden,
        help="The manifest that says what is allowed.",
    )


# How much to say.
loudness_options = bundle(
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=keep("verbose"),
        help="Say more on stderr: the manifest in force, addresses, counts.",
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=keep("quiet"),
        help="Say nothing on stderr but errors.",
    ),
)

# Every decision told, and to whom.
audit_options = bundle(
    click.option(
        "--audit",
        metavar="WHERE",
        expose_value=False,
        callback=keep("audit"),
        help="Tell of each decision and each end, to a file, to syslog or to journald.",
    ),
    click.option(
        "--audit-format",
        metavar="FORM",
        type=click.Choice(["sockcli", "ocsf", "ecs"]),
        expose_value=False,
        callback=keep("audit_format"),
        help="What its lines look like: sockcli, ocsf or ecs.",
    ),
)

no_files_option = click.option(
    "--no-files",
    is_flag=True,
    expose_value=False,
    callback=keep("no_files"),
    help="Let no option and no command name a file, except the manifest.",
)


def _messages(ctx: click.Context, _: click.Parameter, value: int | None) -> None:
    if value is not None:
        send_messages_to(value)
        ctx.ensure_object(RunSettings).messages = value


messages_options = bundle(
    click.option(
        "--messages",
        metavar="FD",
        type=click.IntRange(0, 1_048_575),
        is_eager=True,  # before any other option is found wrong
        expose_value=False,
        callback=_messages,
        help="Write our own messages to this descriptor, and not among the peer's.",
    ),
    click.option(
        "--plain",
        is_flag=True,
        expose_value=False,
        callback=keep("plain"),
        help="At a terminal: no toolbar, no colours of ours, no cursor movement.",
    ),
)

common_options = bundle(manifest_option(), audit_options, no_files_option, messages_options, loudness_options)
