"""The options of `sockcli udp`, and which of them go together."""

from __future__ import annotations

import click

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
from sockcli.cli.params import pause, whole_number

# How stdin becomes datagrams; how messages and lines are read; how long replies are waited for.
CUTTING = ("framing", "chomp")
READING = ("escapes", "hex")
REPLYING = ("wait", "replies", "retries")

# With one of these a run at a terminal is as in a pipe: plain input and output, and no session.
PLAIN = ("listen", "count", "framing", *READING, *REPLYING, "empty", "as_json")

# A key goes with none of its values.
EXCLUSIONS = {
    "listen": (*CUTTING, *READING, *REPLYING, "empty", "source"),
    "empty": (*CUTTING, *READING),
    "escapes": ("hex",),
}

# In the order of use.
SECTIONS = {
    "What is sent": ("framing", "chomp", "escapes", "hex", "empty"),
    "Replies": ("wait", "replies", "retries"),
    "Listening": ("listen", "count"),
    "Addresses and time": ("ipv4", "ipv6", "source", "deadline"),
    "Output and records": ("as_json", "hex_dump", "log"),
    "At a terminal": ("terminal", "escape", "no_history"),
}


class UdpValues(SharedValues):
    """What click makes of the arguments and options of `sockcli udp`. Times are in seconds; None: not given."""

    framing: str
    chomp: bool
    escapes: bool
    hex: bool
    wait: float | None
    replies: int | None
    retries: int
    empty: bool
    listen: bool
    count: int | None


udp_options = bundle(
    click.argument("words", nargs=-1, metavar="TARGET [MESSAGE]..."),
    click.option(
        "--framing",
        metavar="line|all|N",
        default="line",
        show_default=True,
        help="What of stdin is a datagram: a line, all of it, or N bytes.",
    ),
    click.option("--chomp", is_flag=True, help="Drop the newline at the end of a message or line."),
    click.option("--escapes", is_flag=True, help=r"Read \n \r \t \0 \xHH \\ in messages and lines."),
    click.option("--hex", is_flag=True, help="Messages and lines are hex digits, two a byte."),
    click.option(
        "-w",
        "--wait",
        metavar="S",
        type=pause,
        help="Print replies until S seconds after the last datagram; exit 7 if none comes.",
    ),
    click.option(
        "-n",
        "--replies",
        metavar="N",
        type=whole_number(1),
        help="Leave after N replies; exit 7 if fewer come within --wait, or 5 s.",
    ),
    click.option(
        "--retries",
        metavar="N",
        type=whole_number(0),
        default="0",
        show_default=True,
        help="With --replies: send again N times, the wait split evenly.",
    ),
    click.option("--empty", is_flag=True, help="Send one datagram of no bytes."),
    click.option("-l", "--listen", is_flag=True, help="Print what comes to [HOST] PORT, from anyone, instead."),
    click.option("--count", metavar="N", type=whole_number(1), help="With -l: leave after N datagrams."),
    family_options,
    source_option,
    deadline_option,
    terminal_options,
    record_options,
    json_option,
    common_options,
)


def check_options(given: Given) -> None:
    """Raises UsageError where options do not go together."""
    given.check(EXCLUSIONS)
    given.require("retries", "replies")
    given.require("count", "listen")
