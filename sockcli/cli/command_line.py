"""The command line's words in the REPL and in scripts: `tcp`, `udp`, `listen` and `check` are read there as here.

The click options of `sockcli tcp` and `sockcli udp` are the only list of options. From them come what a line of the
REPL may have, its help and its completion; options that mean nothing to a session are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, cast

import click

from sockcli.cli import request
from sockcli.cli.common import HELP_OPTIONS, ClickCommand, ClickOption
from sockcli.cli.options import tcp, udp
from sockcli.cli.options.given import Given
from sockcli.cli.options.tcp import ListenValues, TcpValues
from sockcli.cli.options.telnet import TELNET_ONLY
from sockcli.cli.options.udp import UdpValues
from sockcli.cli.params import whole_number
from sockcli.cli.usage import usage_error
from sockcli.commands.options import Kind, OptionSpec
from sockcli.commands.shell import CommandLine, ParseTarget
from sockcli.errors import UsageError
from sockcli.sessions.targets import MAX_CLIENTS, ListenTarget, Target, TcpTarget

# Those that stand before or after the name of any command, and hold for the whole run.
GLOBAL: Final = ("manifest", "audit", "audit_format", "no_files", "messages", "plain", "verbose", "quiet")

# Options that mean something to a pipe, to a script, or to a whole run of the program, and nothing to a session.
_OF_A_RUN: Final = (*GLOBAL, "escape", "no_history")
NOT_FOR_SESSIONS: Final = {
    "tcp": (*tcp.PLAIN, "progress", *_OF_A_RUN),
    "udp": (*udp.PLAIN, *_OF_A_RUN),
    "listen": (*tcp.PLAIN, "progress", *_OF_A_RUN),
}

ReaderName = Literal["tcp", "udp", "listen"]


@click.command("tcp", cls=ClickCommand, context_settings=HELP_OPTIONS)
@tcp.tcp_options
def tcp_reader(**_: Any) -> None:
    """Connect to TARGET: HOST PORT, HOST:PORT or [IPV6]:PORT."""


@click.command("udp", cls=ClickCommand, context_settings=HELP_OPTIONS)
@udp.udp_options
def udp_reader(**_: Any) -> None:
    """Send datagrams to TARGET: HOST PORT, HOST:PORT or [IPV6]:PORT."""


@click.command("listen", cls=ClickCommand, context_settings=HELP_OPTIONS)
@tcp.tcp_options
@click.option(
    "--max-clients",
    metavar="N",
    type=whole_number(1),
    default=str(MAX_CLIENTS),
    show_default=True,
    help="So many peers at once; the next wait until one ends.",
)
def listen_reader(**_: Any) -> None:
    """Accept TCP connections at [HOST] PORT."""


# These only read words. The commands of `sockcli` that have the same names import this file, so it cannot import them.
READERS: Final[dict[ReaderName, click.Command]] = {"tcp": tcp_reader, "udp": udp_reader, "listen": listen_reader}


def at_prompt() -> CommandLine:
    """For the commands of the REPL at a terminal."""
    return _command_line(parse_at_prompt)


def in_script() -> CommandLine:
    """For commands on stdin, from a pipe or a file."""
    return _command_line(parse_in_script)


def _command_line(parse_target: ParseTarget) -> CommandLine:
    options = {
        "tcp": option_specs("tcp"),
        "udp": option_specs("udp"),
        "listen": option_specs("listen", without=tcp.CONNECTING),
    }
    return CommandLine(options, parse_target, request.parse_request)


# Options as data


def option_specs(name: ReaderName, *, without: Iterable[str] = ()) -> list[OptionSpec]:
    """The options of that command which a session may have, in the order in which its help lists them."""
    reader, left_out = READERS[name], {*NOT_FOR_SESSIONS[name], *without}
    context = click.Context(reader)
    options = [param for param in reader.params if isinstance(param, click.Option) and param.name not in left_out]
    return [_spec(option, context) for option in options]


def _spec(option: click.Option, context: click.Context) -> OptionSpec:
    usage, about = option.get_help_record(context) or ("", "")
    kind = Kind(option.kind) if isinstance(option, ClickOption) else None
    return OptionSpec((*option.opts, *option.secondary_opts), 0 if option.is_flag else 1, kind, usage, about)


# Words as targets


def parse_at_prompt(words: Sequence[str]) -> Target:
    """What a `tcp`, `udp` or `listen` command of the REPL opens. Raises UsageError."""
    target = _parse(words, piped=False)
    for option, path in {"--hex-dump": target.hex_dump, "--log": target.log}.items():
        if path == "-":
            # stderr is the terminal: the record would be written over the line that is being typed.
            raise UsageError(
                f"{words[0]}: {option} - is the screen; give a file", hint="`set view hex` shows the bytes"
            )
    return target


def parse_in_script(words: Sequence[str]) -> Target:
    """The same in a script, where telnet is spoken only if it is asked for, as in any pipe. Raises UsageError."""
    target = _parse(words, piped=True)
    if isinstance(target, TcpTarget):
        return _without_keyboard(target)
    if isinstance(target, ListenTarget) and target.peer is not None:
        return target._replace(peer=_without_keyboard(target.peer))
    return target


def _without_keyboard(target: TcpTarget) -> TcpTarget:
    return target._replace(telnet="piped" if target.telnet == "on" else "off")


def _parse(words: Sequence[str], *, piped: bool) -> Target:
    name, *rest = words
    if name == "listen":
        listens_udp = rest[:1] == ["udp"]
        options = ["-l", *(rest[1:] if rest[:1] in (["tcp"], ["udp"]) else rest)]
        return _listen_udp(options) if listens_udp else _listen_tcp(options, piped=piped)
    refusal = "has no meaning for a session of the REPL"
    if name == "udp":
        given, udp_values = _read_udp(rest)
        given.refuse(NOT_FOR_SESSIONS["udp"], refusal)
        return request.udp_target(udp_values)
    given, tcp_values = _read_tcp(rest, piped=piped)
    given.refuse(NOT_FOR_SESSIONS["tcp"], refusal)
    return request.tcp_target(tcp_values)


def _listen_tcp(words: Sequence[str], *, piped: bool) -> Target:
    given, values = _read_tcp(words, piped=piped, reader="listen")
    _refuse_for_listener(given, "listen")
    given.refuse(("hex_dump", "log"), "is for one session; `log FILE` records that of a peer")
    return request.tcp_listener_target(cast(ListenValues, values))


def _listen_udp(words: Sequence[str]) -> Target:
    given, values = _read_udp(words)
    _refuse_for_listener(given, "udp")
    return request.udp_listener_target(values)


def _refuse_for_listener(given: Given, name: ReaderName) -> None:
    refused = [option for option in NOT_FOR_SESSIONS[name] if option != "listen"]
    given.refuse(refused, "has no meaning for a listener of the REPL")


def _read_tcp(words: Sequence[str], *, piped: bool, reader: ReaderName = "tcp") -> tuple[Given, TcpValues]:
    """`piped`: refuse options of telnet where telnet is not asked for. Raises UsageError."""
    context = _read(reader, words)
    given, values = Given(context), cast(TcpValues, context.params)
    tcp.check_options(given, values, interactive=True)
    if piped and not values["telnet"]:
        given.refuse(TELNET_ONLY, "needs --telnet in a script")
    return given, values


def _read_udp(words: Sequence[str]) -> tuple[Given, UdpValues]:
    context = _read("udp", words)
    given = Given(context)
    udp.check_options(given)
    return given, cast(UdpValues, context.params)


def _read(name: ReaderName, words: Sequence[str]) -> click.Context:
    """What click makes of the words of `tcp` or `udp`. Raises UsageError."""
    try:
        return READERS[name].make_context(name, list(words))
    except click.UsageError as exc:
        raise usage_error(exc, f"help {name}") from exc
    except click.exceptions.Exit as exc:  # --help was among the words, and click has shown it
        raise UsageError(f"{name}: nothing was opened", hint=f"`help {name}` is the same page") from exc
