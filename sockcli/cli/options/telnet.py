"""The telnet options of `sockcli tcp`, and on which runs they are of use."""

from __future__ import annotations

from typing import TypedDict

import click

from sockcli.cli.common import ClickOption, bundle
from sockcli.cli.options.given import Given
from sockcli.errors import UsageError

# Options that have no effect without telnet.
TELNET_ONLY = ("binary", "env", "com", "com_settings", "mud", "compress")
# Options about text. A pipe without telnet passes bytes as they are, so there they have no effect either.
TEXT = ("eol", "encoding")


class TelnetValues(TypedDict):
    """What click makes of the options below. None: not given."""

    telnet: bool | None  # --telnet, --no-telnet, neither
    binary: bool
    env: tuple[str, ...]
    com: bool
    com_settings: str | None
    mud: bool
    compress: bool
    eol: str | None
    encoding: str | None


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
        cls=ClickOption,
        kind="eol",
        metavar="crlf|lf|cr|crnul",
        type=click.Choice(["crlf", "lf", "cr", "crnul"]),
        help="What Enter is sent as; with --telnet the end of any line.",
    ),
    click.option(
        "--encoding",
        cls=ClickOption,
        kind="encoding",
        metavar="NAME",
        help="The peer's characters; also with --telnet.  [default: utf-8]",
    ),
)


def check_telnet(given: Given, values: TelnetValues, *, interactive: bool) -> None:
    """Raises UsageError for an option that would have no effect. `interactive`: the run is a session at a terminal."""
    if values["telnet"] is False:
        given.refuse(TELNET_ONLY, "makes no sense with --no-telnet")
    elif not values["telnet"] and not interactive:
        given.refuse((*TELNET_ONLY, *TEXT), "needs --telnet, except in a session at a terminal")
    if "crlf" in given and "eol" in given:
        raise UsageError("--crlf and --eol both say how lines end", hint="leave one of them out")
