"""`sockcli udp`: datagrams out, replies in; or whatever anyone sends to a port."""

from __future__ import annotations

from typing import Any

import click

from sockcli.cli.common import HELP_OPTIONS, ClickCommand
from sockcli.cli.options import Given, is_session
from sockcli.cli.params import connect_target
from sockcli.cli.settings import RunSettings, pass_settings
from sockcli.cli.udp_options import PLAIN, SECTIONS, check_options, udp_options

USAGES = ("[OPTIONS] TARGET [MESSAGE]...", "-l [OPTIONS] [HOST] PORT")
EXAMPLES = """\b
Examples:
  sockcli udp -n 1 localhost 7007 hello       send one, print one reply
  tail -f app.log | sockcli udp localhost 514
  sockcli udp -l --count 3 5140               print three from anyone"""


@click.command(
    "udp", cls=ClickCommand, usages=USAGES, sections=SECTIONS, epilog=EXAMPLES, context_settings=HELP_OPTIONS
)
@udp_options
@pass_settings
@click.pass_context
def command(ctx: click.Context, settings: RunSettings, /, words: tuple[str, ...], **values: Any) -> None:
    """Send datagrams and print the replies, or with -l receive them.

    TARGET is HOST PORT, HOST:PORT or [IPV6]:PORT; a port is a number or a service's name. Each MESSAGE is a datagram;
    without one stdin is read, a datagram a line. Listening without a HOST is on 127.0.0.1. S is a number of seconds.
    """
    given = Given(ctx)
    if is_session(given, PLAIN, values) and not connect_target(words, "udp")[1]:
        from sockcli.cli.interactive import run_udp

        check_options(given)
        run_udp(settings, words, values)
        return

    from sockcli.cli.datagramming import run
    from sockcli.cli.running import output_of

    with output_of(settings, values) as output:
        check_options(given)
        run(settings, output, words, values)
