"""The options of `sockcli tcp`, and which of them go together."""

from __future__ import annotations

import click

from sockcli.base.connect_options import CONNECT_TIMEOUT, RETRY_DELAY
from sockcli.cli.common import bundle, common_options
from sockcli.cli.options.given import Given
from sockcli.cli.options.shared import (
    SharedValues,
    deadline_option,
    family_options,
    json_option,
    record_options,
    source_option,
    terminal_options,
)
from sockcli.cli.options.telnet import TELNET_ONLY, TEXT, TelnetValues, check_telnet, telnet_options
from sockcli.cli.params import limit, pause, whole_number
from sockcli.errors import UsageError
from sockcli.stdio.descriptors import is_interactive

# Options that have no effect where nothing is sent (SENDING), nothing is relayed, nothing is connected to.
SENDING = ("crlf", "line_delay", "linger", "no_shutdown")
RELAYING = (
    *SENDING, "send_only", "recv_only", "idle_timeout", "hex_dump", "log", "progress", "telnet", *TELNET_ONLY, *TEXT
)  # fmt: skip
CONNECTING = ("probe", "source", "retry", "retry_delay", "connect_timeout")

# With one of these a run at a terminal is as in a pipe: stdin is read a line at a time, and there is no session.
PLAIN = ("listen", "keep_open", "probe", "send_only", "recv_only", "line_delay", "as_json")

# A key goes with none of its values.
EXCLUSIONS = {
    "listen": CONNECTING,
    "probe": RELAYING,
    "recv_only": ("send_only", *SENDING, "eol"),
}

# In the order of use.
SECTIONS = {
    "Connecting": ("ipv4", "ipv6", "source", "connect_timeout", "retry", "retry_delay", "probe"),
    "Listening": ("listen", "keep_open"),
    "What is sent": ("crlf", "line_delay", "no_shutdown", "send_only", "recv_only"),
    "When to leave": ("linger", "idle_timeout", "deadline"),
    "Output and records": ("as_json", "hex_dump", "log", "progress"),
    "Telnet": ("telnet", *TELNET_ONLY),
    "At a terminal": (*TEXT, "terminal", "escape", "no_history"),
}


class TcpValues(SharedValues, TelnetValues):
    """What click makes of the arguments and options of `sockcli tcp`. Times are in seconds; None: not given."""

    listen: bool
    keep_open: bool
    connect_timeout: float
    idle_timeout: float | None
    linger: float | None
    no_shutdown: bool
    send_only: bool
    recv_only: bool
    crlf: bool
    line_delay: float | None
    retry: int
    retry_delay: float
    probe: bool
    progress: bool | None  # --progress, --no-progress, neither


class ListenValues(TcpValues):
    """The same of the REPL's `listen`."""

    max_clients: int


tcp_options = bundle(
    click.argument("words", nargs=-1, metavar="TARGET"),
    click.option("-l", "--listen", is_flag=True, help="Accept one peer at [HOST] PORT instead of connecting."),
    click.option("-k", "--keep-open", is_flag=True, help="With -l: keep accepting, one peer after the other."),
    family_options,
    click.option(
        "--connect-timeout",
        metavar="S",
        type=limit,
        default=f"{CONNECT_TIMEOUT:g}",
        show_default=True,
        help="Limit for connecting, name lookup included; then exit 7.",
    ),
    click.option("--idle-timeout", metavar="S", type=limit, help="Limit since the last byte either way; then exit 7."),
    deadline_option,
    click.option(
        "--linger", metavar="S", type=pause, help="Limit for the peer to finish once stdin ended; then exit 7."
    ),
    click.option("--no-shutdown", is_flag=True, help="Do not tell the peer that stdin ended (no FIN)."),
    click.option(
        "--send-only", is_flag=True, help="Drop what the peer sends; leave once it has acknowledged all, or closed."
    ),
    click.option("--recv-only", is_flag=True, help="Only print what the peer sends; stdin is never read."),
    click.option("-C", "--crlf", is_flag=True, help="Send each LF of stdin as CR LF; a CR LF stays one."),
    click.option("--line-delay", metavar="S", type=pause, help="Pause between lines sent."),
    source_option,
    click.option(
        "--retry", metavar="N", type=whole_number(0), default="0", show_default=True, help="Further tries to connect."
    ),
    click.option(
        "--retry-delay",
        metavar="S",
        type=pause,
        default=f"{RETRY_DELAY:g}",
        show_default=True,
        help="With --retry: pause before each further try.",
    ),
    click.option("-z", "--probe", is_flag=True, help="Connect, say so on stderr, and leave."),
    telnet_options,
    terminal_options,
    record_options,
    click.option(
        "--progress/--no-progress",
        default=None,
        help="Show bytes, rate and what is left on stderr, or never.  [default: on a terminal, after 2 s]",
    ),
    json_option,
    common_options,
)


def check_options(given: Given, values: TcpValues, *, interactive: bool) -> None:
    """Raises UsageError where options do not go together."""
    given.check(EXCLUSIONS)
    given.require("keep_open", "listen")
    if values["progress"] and is_interactive():
        raise UsageError("--progress is for pipes and files, and both stdin and stdout are a terminal")
    check_telnet(given, values, interactive=interactive)
