"""The words of `tcp` and `udp` as what a session is opened by, from the command line and from the REPL's commands.

Both read them with the same click commands, so that every option is the same in both places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from sockcli.cli import tcp, udp
from sockcli.cli.options import Given, family_of
from sockcli.cli.params import connect_target, expect_no_more, listen_target
from sockcli.cli.telnet import telnet_options_of
from sockcli.clock import Deadline
from sockcli.endpoint import Operation
from sockcli.errors import UsageError
from sockcli.options import DialOptions, ListenOptions
from sockcli.policy import Request
from sockcli.repl.options import Limits, ListenTarget, Settings, Target, TcpTarget, TelnetUse, UdpTarget

# Options of the command line that mean something for a pipe, for a script, or for a whole run of the program.
NOT_FOR_SESSIONS = {
    "tcp": (*tcp.PLAIN, "progress", "manifest", "verbose", "quiet", "escape"),
    "udp": (*udp.PLAIN, "manifest", "verbose", "quiet", "escape"),
}


TELNET: dict[bool | None, TelnetUse] = {None: "auto", True: "on", False: "off"}


def parse_target(words: Sequence[str]) -> Target:
    """What a `tcp`, `udp` or `listen` command of the REPL's asks for. Raises UsageError."""
    name, *rest = words
    if name == "listen":
        protocol = rest.pop(0) if rest[:1] in (["tcp"], ["udp"]) else "tcp"
        return listening(protocol, rest)
    given, values = read(name, rest)
    given.refuse(NOT_FOR_SESSIONS[name], "has no meaning for a session of the REPL")
    return tcp_target(values["words"], values) if name == "tcp" else udp_target(values["words"], values)


def read(name: str, words: Sequence[str]) -> tuple[Given, dict[str, Any]]:
    """The options and arguments of the command of this name. Raises UsageError."""
    command = tcp.command if name == "tcp" else udp.command
    try:
        context = command.make_context(name, list(words))
    except click.UsageError as exc:
        raise UsageError(exc.format_message(), hint=f"`help {name}` lists the options") from exc
    except click.exceptions.Exit as exc:  # --help, which was shown
        raise UsageError(f"{name}: nothing was opened", hint=f"`help {name}` is the same page") from exc
    given = Given(context)
    given.check(tcp.EXCLUSIONS if name == "tcp" else udp.EXCLUSIONS)
    return given, context.params


def tcp_target(words: Sequence[str], values: Mapping[str, Any]) -> TcpTarget:
    """`values` are the options of `sockcli tcp`. Raises UsageError."""
    target, more = connect_target(words, "tcp")
    expect_no_more(more)
    return TcpTarget(
        Request(Operation.TCP_CONNECT, *target),
        DialOptions(
            family_of(values["ipv4"], values["ipv6"]),
            values["source"],
            values["connect_timeout"],
            Deadline(values["deadline"]),
            values["retry"],
            values["retry_delay"],
        ),
        telnet=TELNET[values["telnet"]],
        telnet_options=telnet_options_of(values, size=None),
        settings=session_settings(values),
        limits=Limits(Deadline(values["deadline"]), values["idle_timeout"], values["linger"]),
        shutdown=not values["no_shutdown"],
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def udp_target(words: Sequence[str], values: Mapping[str, Any]) -> UdpTarget:
    """`values` are the options of `sockcli udp`. Raises UsageError."""
    target, messages = connect_target(words, "udp")
    if messages:
        raise UsageError(f"unexpected argument {messages[0]!r}", hint="open the session, then type or `send` it")
    deadline = Deadline(values["deadline"])
    return UdpTarget(
        Request(Operation.UDP_SEND_TO, *target),
        DialOptions(family_of(values["ipv4"], values["ipv6"]), values["source"], deadline=deadline),
        settings=Settings(terminal=values["terminal"] or "auto"),
        limits=Limits(deadline),
        chomp=values["chomp"],
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def listening(protocol: str, words: Sequence[str]) -> ListenTarget:
    """`listen [tcp|udp] [OPTIONS] [HOST] PORT`. Raises UsageError."""
    given, values = read(protocol, ["-l", *words])
    given.refuse(
        [option for option in NOT_FOR_SESSIONS[protocol] if option != "listen"],
        "has no meaning for a listener of the REPL",
    )
    operation = Operation.TCP_LISTEN if protocol == "tcp" else Operation.UDP_BIND
    target = listen_target(values["words"], "tcp" if protocol == "tcp" else "udp")
    return ListenTarget(
        Request(operation, *target),
        ListenOptions(family_of(values["ipv4"], values["ipv6"]), deadline=Deadline(values["deadline"])),
        settings=session_settings(values) if protocol == "tcp" else Settings(terminal=values["terminal"] or "auto"),
        hex_dump=values["hex_dump"],
        log=values["log"],
    )


def session_settings(values: Mapping[str, Any]) -> Settings:
    """How a TCP session shows and sends. Raises UsageError."""
    return Settings(
        eol="crlf" if values["crlf"] else values["eol"] or "auto",
        encoding=values["encoding"] or "utf-8",
        terminal=values["terminal"] or "auto",
    )
