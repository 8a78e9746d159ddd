"""Options that `tcp` and `udp` share, and some that `check` and `repl` have as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import click

from sockcli.cli.common import ClickOption, bundle, keep
from sockcli.cli.params import limit, source

if TYPE_CHECKING:
    from sockcli.base.connect_options import LocalAddress
    from sockcli.terminal import FilterMode


class SharedValues(TypedDict):
    """What click makes of the arguments and of the options below. Times are in seconds; None: not given."""

    words: tuple[str, ...]
    ipv4: bool
    ipv6: bool
    source: LocalAddress | None
    deadline: float | None
    hex_dump: str | None
    log: str | None
    terminal: FilterMode | None
    escape: str | None
    as_json: bool


family_options = bundle(
    click.option("-4", "ipv4", is_flag=True, help="IPv4 only."),
    click.option("-6", "ipv6", is_flag=True, help="IPv6 only."),
)

source_option = click.option(
    "-s",
    "--source",
    metavar="[ADDR][:PORT]",
    type=source,
    help="Local address and port.  [default: the system's choice]",
)

deadline_option = click.option("--deadline", metavar="S", type=limit, help="Limit for the whole run; then exit 7.")

record_options = bundle(
    click.option(
        "-x",
        "--hex-dump",
        cls=ClickOption,
        kind="file",
        metavar="FILE",
        help="Record the session as a hex dump: direction, time, offset, hex and text; - is stderr.",
    ),
    click.option(
        "--log",
        cls=ClickOption,
        kind="file",
        metavar="FILE",
        help="Record both directions' bytes as they passed; - is stderr.",
    ),
)

escape_option = click.option("--escape", metavar="KEY", help="The key for the command prompt, or none.  [default: ^]]")

no_history_option = click.option(
    "--no-history",
    is_flag=True,
    expose_value=False,
    callback=keep("no_history"),
    help="At a terminal: keep nothing of what is typed, and leave the history file alone.",
)

terminal_options = bundle(
    click.option(
        "--terminal",
        cls=ClickOption,
        kind="terminal",
        metavar="safe|screen|raw",
        type=click.Choice(["safe", "screen", "raw"]),
        help="What a peer may do to a terminal.  [default: safe, and screen for a telnet peer's full-screen programs]",
    ),
    escape_option,
    no_history_option,
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print events, a JSON object a line, in place of the bytes."
)
