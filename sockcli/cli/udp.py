"""`sockcli udp`: datagrams out, replies in; or whatever anyone sends to a port."""

from __future__ import annotations

from typing import Any

import click

from sockcli.cli.common import HELP_OPTIONS, common_options
from sockcli.cli.options import (
    Given,
    deadline_option,
    family_options,
    is_session,
    json_option,
    record_options,
    source_option,
    terminal_options,
)
from sockcli.cli.params import connect_target, pause
from sockcli.cli.settings import Settings, pass_settings

CUTTING = ("framing", "chomp")
READING = ("escapes", "hex")
REPLYING = ("wait", "replies", "retries")

# With one of these, a terminal is no session but plain input and output.
PLAIN = ("listen", "count", "framing", *READING, *REPLYING, "empty", "as_json")

EXCLUSIONS = {
    "listen": (*CUTTING, *READING, *REPLYING, "empty", "source"),
    "empty": (*CUTTING, *READING),
    "escapes": ("hex",),
}


@click.command("udp", context_settings=HELP_OPTIONS)
@click.argument("words", nargs=-1, metavar="TARGET [MESSAGE]...")
@click.option("--framing", metavar="line|all|N", default="line", show_default=True, help="How stdin is cut.")
@click.option("--chomp", is_flag=True, help="Drop the newline.")
@click.option("--escapes", is_flag=True, help=r"Read \n \r \t \0 \xHH \\ in messages.")
@click.option("--hex", is_flag=True, help="Messages and lines are hex.")
@click.option("-w", "--wait", metavar="S", type=pause, help="After the last datagram, print replies for S seconds.")
@click.option("-n", "--replies", metavar="N", type=click.IntRange(1), help="Leave after N replies.")
@click.option(
    "--retries",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="With --replies: send again N times, the wait split evenly.",
)
@click.option("--empty", is_flag=True, help="Send one datagram of no bytes.")
@click.option("-l", "--listen", is_flag=True, help="Print what comes to [HOST] PORT, from anyone, instead.")
@click.option("--count", metavar="N", type=click.IntRange(1), help="With -l: leave after N datagrams.")
@family_options
@source_option
@deadline_option
@terminal_options
@record_options
@json_option
@common_options
@pass_settings
@click.pass_context
def command(ctx: click.Context, settings: Settings, /, words: tuple[str, ...], **values: Any) -> None:
    """Send datagrams and print the replies, or with -l receive them.

    TARGET is HOST PORT, HOST:PORT or [IPV6]:PORT; a port is a number or a service's name. Each MESSAGE is a datagram;
    without one stdin is read. Listening without a HOST is on 127.0.0.1.
    """
    given = Given(ctx)
    if is_session(given, PLAIN, values) and not connect_target(words, "udp")[1]:
        from sockcli.cli.interactive import run_udp

        given.check(EXCLUSIONS)
        run_udp(settings, words, values)
        return

    from sockcli.cli.datagramming import run
    from sockcli.cli.running import output_of

    with output_of(settings, values) as output:
        given.check(EXCLUSIONS)
        given.require("retries", "replies")
        given.require("count", "listen")
        run(settings, output, words, values)
