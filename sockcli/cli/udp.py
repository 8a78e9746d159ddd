"""`sockcli udp`: datagrams out, replies in; or whatever anyone sends to a port."""

from __future__ import annotations

from typing import Unpack

import click

from sockcli.cli.common import HELP_OPTIONS, ClickCommand
from sockcli.cli.options.given import Given, is_session
from sockcli.cli.options.udp import PLAIN, SECTIONS, UdpValues, check_options, udp_options
from sockcli.cli.params import connect_target
from sockcli.cli.settings import RunSettings, pass_settings

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
def command(ctx: click.Context, settings: RunSettings, /, **values: Unpack[UdpValues]) -> None:
    """Send datagrams and print the replies, or with -l receive them.

    TARGET is HOST PORT, HOST:PORT or [IPV6]:PORT; a port is a number or a service's name. Each MESSAGE is a datagram;
    without one stdin is read, a datagram a line. Listening without a HOST is on 127.0.0.1. S is a number of seconds.
    """
    from sockcli.cli import request

    given = Given(ctx)
    # With a message that stands on the command line there is nothing to type.
    if is_session(given, PLAIN, values) and not connect_target(values["words"], "udp")[1]:
        from sockcli.cli.terminal import run_session

        check_options(given)
        run_session(settings, request.udp_target(values), values["escape"])
        return

    from sockcli.cli.pipe_output import output_of
    from sockcli.cli.udp_pipe import run_udp

    with output_of(settings, request.output_options(values)) as output:
        check_options(given)
        run_udp(settings, output, request.udp_run(values, settings.detail))
