"""The telnet options of `sockcli tcp`, and the codec that they ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sockcli.base.encodings import canonical_encoding
from sockcli.base.escaping import quoted
from sockcli.cli.common import bundle
from sockcli.cli.options import Given
from sockcli.errors import UsageError

if TYPE_CHECKING:
    from sockcli.telnet import TelnetOptions

# What only telnet has a use for.
TELNET_ONLY = ("binary", "env", "com", "com_settings", "mud", "compress")
# What line ends and characters mean is nobody's business in a pipe, unless telnet is spoken there.
TEXT = ("eol", "encoding")

telnet_options = bundle(
    click.option(
        "--telnet/--no-telnet",
        default=None,
        help="Speak telnet, or never.  [default: in a pipe no; on a terminal once the peer does, and at port 23]",
    ),
    click.option("--binary", is_flag=True, help="Ask for 8-bit data both ways; exit 8 if refused."),
    click.option("--env", metavar="NAME[=VALUE]", multiple=True, help="Tell the peer this variable; may be repeated."),
    click.option("--com", is_flag=True, help="The peer is a serial port (RFC 2217)."),
    click.option("--com-settings", metavar="SETTINGS", help="As --com, and set the port, as 115200,8n1."),
    click.option("--mud", is_flag=True, help="Take GMCP, MSDP and MSSP, and say what this client can."),
    click.option("--compress", is_flag=True, help="Take compressed data (MCCP2)."),
    click.option(
        "--eol",
        metavar="crlf|lf|cr|crnul",
        type=click.Choice(["crlf", "lf", "cr", "crnul"]),
        help="What Enter is sent as; with --telnet the end of any line.",
    ),
    click.option("--encoding", metavar="NAME", help="The peer's characters; also with --telnet.  [default: utf-8]"),
)


def check_telnet(given: Given, values: Mapping[str, Any], *, interactive: bool) -> None:
    """Raises UsageError where the options have no use on this kind of run."""
    if values["telnet"] is False:
        given.refuse(TELNET_ONLY, "makes no sense with --no-telnet")
    elif not values["telnet"] and not interactive:
        given.refuse((*TELNET_ONLY, *TEXT), "needs --telnet, except in a session at a terminal")
    if "crlf" in given and "eol" in given:
        raise UsageError("--crlf and --eol both say how lines end", hint="leave one of them out")


def telnet_options_of(values: Mapping[str, Any], *, size: tuple[int, int] | None) -> TelnetOptions:
    """The codec's options, as they can be used. Raises UsageError."""
    from sockcli.telnet.options import TelnetOptions, checked

    options = TelnetOptions(
        terminal_type=os.environ.get("TERM") or "UNKNOWN",
        size=size,
        env=environment(values["env"]),
        binary=values["binary"],
        com=values["com_settings"] if values["com_settings"] is not None else "" if values["com"] else None,
        mud=values["mud"],
        compress=values["compress"],
        charset=values["encoding"] if values["encoding"] is not None else "UTF-8",
        eol=values["eol"],
    )
    checked(options)  # the codec would do it as well, but only once there is a connection
    if values["encoding"] is not None:
        canonical_encoding(values["encoding"])  # to the peer it goes by the name that was given
    return options


def environment(listed: Sequence[str]) -> dict[str, str]:
    """What `--env` lists; a name alone takes its value from our environment, now. Raises UsageError."""
    variables = {}
    for item in listed:
        name, equals, value = item.partition("=")
        if not name:
            raise UsageError(f"--env {quoted(item)}: a name is missing", hint="write NAME or NAME=VALUE")
        if not equals:
            if name not in os.environ:
                raise UsageError(f"--env {name}: it is not set here", hint=f"give its value: --env {name}=VALUE")
            value = os.environ[name]
        variables[name] = value
    return variables
