"""The words of `tcp` and `udp` as what a session is opened by, from the command line and from the REPL's commands.

Both read them with the same click commands, so that every option is the same in both places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sockcli.base.connect_options import DialOptions, ListenOptions
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Operation, quoted
from sockcli.cli import tcp_options, udp_options
from sockcli.cli.check import explain_request, parse_request
from sockcli.cli.common import HELP_OPTIONS, ClickCommand
from sockcli.cli.options import Given, family_of
from sockcli.cli.params import connect_target, expect_no_more, listen_target
from sockcli.cli.telnet import TELNET_ONLY, telnet_options_of
from sockcli.cli.usage import usage_error
from sockcli.errors import UsageError
from sockcli.policy import Request
from sockcli.sessions.settings import Settings
from sockcli.sessions.targets import Limits, ListenTarget, Target, TcpTarget, TelnetUse, UdpTarget

if TYPE_CHECKING:
    from sockcli.commands.shell import CommandRunner, Shell

# Options of the command line that mean something for a pipe, for a script, or for a whole run of the program.
NOT_FOR_SESSIONS = {
    "tcp": (*tcp_options.PLAIN, "progress", "manifest", "verbose", "quiet", "escape"),
    "udp": (*udp_options.PLAIN, "manifest", "verbose", "quiet", "escape"),
}


@click.command("tcp", cls=ClickCommand, context_settings=HELP_OPTIONS)
@tcp_options.tcp_options
def tcp_reader(**_: Any) -> None:
    """Connect to TARGET: HOST PORT, HOST:PORT or [IPV6]:PORT."""


@click.command("udp", cls=ClickCommand, context_settings=HELP_OPTIONS)
@udp_options.udp_options
def udp_reader(**_: Any) -> None:
    """Send datagrams to TARGET: HOST PORT, HOST:PORT or [IPV6]:PORT."""


# They only read words: what runs the commands of these names needs this file, not the other way round.
READERS = {"tcp": tcp_reader, "udp": udp_reader}


def make_runner(shell: Shell) -> CommandRunner:
    """What runs the REPL's commands, which read their words as the command line does."""
    from sockcli.commands.model import CommandLine
    from sockcli.commands.runner import Runner  # a session that is the program may never be given a command

    return Runner(shell, CommandLine(parse_request, explain_request, option_rows))


def option_rows(name: str) -> list[tuple[str, str]]:
    """The options of a `tcp`, `udp` or `listen` command of the REPL's, and what each is for."""
    protocol, left_out = ("tcp", tcp_options.CONNECTING) if name == "listen" else (name, ())
    reader, hidden = READERS[protocol], {*NOT_FOR_SESSIONS[protocol], *left_out}
    context = click.Context(reader)
    options = [param for param in reader.params if isinstance(param, click.Option) and param.name not in hidden]
    return [row for option in options if (row := option.get_help_record(context)) is not None]


TELNET: dict[bool | None, TelnetUse] = {None: "auto", True: "on", False: "off"}


def parse_target(words: Sequence[str]) -> Target:
    """What a `tcp`, `udp` or `listen` command of the REPL's asks for. Raises UsageError."""
    target = _parsed(words, read)
    for option, path in {"--hex-dump": target.hex_dump, "--log": target.log}.items():
        if path == "-":
            # It would write over the line that is being typed.
            raise UsageError(
                f"{words[0]}: {option} - is the screen; give a file", hint="`set view hex` shows the bytes"
            )
    return target


def parse_piped(words: Sequence[str]) -> Target:
    """The same in a script, where telnet is spoken only if it is asked for, as in any pipe. Raises UsageError."""
    target = _parsed(words, read_piped)
    if isinstance(target, TcpTarget):
        return _piped(target)
    if isinstance(target, ListenTarget) and target.peer is not None:
        return target._replace(peer=_piped(target.peer))
    return target


def _piped(target: TcpTarget) -> TcpTarget:
    return target._replace(telnet="piped" if target.telnet == "on" else "off")


Read = Callable[[str, Sequence[str]], tuple[Given, dict[str, Any]]]


def _parsed(words: Sequence[str], read: Read) -> Target:
    name, *rest = words
    if name == "listen":
        protocol = rest.pop(0) if rest[:1] in (["tcp"], ["udp"]) else "tcp"
        return listening(protocol, *read(protocol, ["-l", *rest]))
    given, values = read(name, rest)
    given.refuse(NOT_FOR_SESSIONS[name], "has no meaning for a session of the REPL")
    return tcp_target(values["words"], values) if name == "tcp" else udp_target(values["words"], values)


def read_piped(name: str, words: Sequence[str]) -> tuple[Given, dict[str, Any]]:
    """As `read`, for a script. Raises UsageError."""
    given, values = read(name, words)
    if name == "tcp" and not values["telnet"]:
        given.refuse(TELNET_ONLY, "needs --telnet in a script")
    return given, values


def read(name: str, words: Sequence[str]) -> tuple[Given, dict[str, Any]]:
    """The options and arguments of the command of this name. Raises UsageError."""
    try:
        context = READERS[name].make_context(name, list(words))
    except click.UsageError as exc:
        raise usage_error(exc, f"help {name}") from exc
    except click.exceptions.Exit as exc:  # --help, which was shown
        raise UsageError(f"{name}: nothing was opened", hint=f"`help {name}` is the same page") from exc
    given = Given(context)
    if name == "tcp":
        tcp_options.check_options(given, context.params, interactive=True)
    else:
        udp_options.check_options(given)
    return given, context.params


def tcp_target(words: Sequence[str], values: Mapping[str, Any]) -> TcpTarget:
    """`values` are the options of `sockcli tcp`. Raises UsageError."""
    target, more = connect_target(words, "tcp")
    expect_no_more(more)
    return session_target(Request(Operation.TCP_CONNECT, *target), values)


def session_target(request: Request, values: Mapping[str, Any]) -> TcpTarget:
    """A TCP session as the options have it. Raises UsageError."""
    deadline = Deadline(values["deadline"])
    return TcpTarget(
        request,
        DialOptions(
            family_of(values["ipv4"], values["ipv6"]),
            values["source"],
            values["connect_timeout"],
            deadline,
            values["retry"],
            values["retry_delay"],
        ),
        telnet=TELNET[values["telnet"]],
        telnet_options=telnet_options_of(values, size=None),
        settings=session_settings(values),
        limits=Limits(deadline, values["idle_timeout"], values["linger"]),
        shutdown=not values["no_shutdown"],
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def udp_target(words: Sequence[str], values: Mapping[str, Any]) -> UdpTarget:
    """`values` are the options of `sockcli udp`. Raises UsageError."""
    target, messages = connect_target(words, "udp")
    if messages:
        raise UsageError(f"unexpected argument {quoted(messages[0])}", hint="open the session, then type or `send` it")
    deadline = Deadline(values["deadline"])
    return UdpTarget(
        Request(Operation.UDP_SEND_TO, *target),
        DialOptions(family_of(values["ipv4"], values["ipv6"]), values["source"], deadline=deadline),
        settings=Settings(terminal=values["terminal"]),
        limits=Limits(deadline),
        chomp=values["chomp"],
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def listening(protocol: str, given: Given, values: Mapping[str, Any]) -> ListenTarget:
    """`listen [tcp|udp] [OPTIONS] [HOST] PORT`. Raises UsageError."""
    refused = [option for option in NOT_FOR_SESSIONS[protocol] if option != "listen"]
    given.refuse(refused, "has no meaning for a listener of the REPL")
    listen = ListenOptions(family_of(values["ipv4"], values["ipv6"]), deadline=Deadline(values["deadline"]))
    if protocol == "udp":
        request = Request(Operation.UDP_BIND, *listen_target(values["words"], "udp"))
        settings = Settings(terminal=values["terminal"])
        return ListenTarget(request, listen, settings, hex_dump=values["hex_dump"], log=values["log"])
    given.refuse(("hex_dump", "log"), "is for one session; `log FILE` records that of a peer")
    request = Request(Operation.TCP_LISTEN, *listen_target(values["words"], "tcp"))
    return ListenTarget(request, listen, session_settings(values), session_target(request, values))


def session_settings(values: Mapping[str, Any]) -> Settings:
    """How a TCP session shows and sends. Raises UsageError."""
    return Settings(
        eol="crlf" if values["crlf"] else values["eol"], encoding=values["encoding"], terminal=values["terminal"]
    )
