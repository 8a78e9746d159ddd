"""`sockcli tcp`: stdin and stdout on a TCP connection, made or accepted."""

from __future__ import annotations

from typing import Unpack

import click

from sockcli.cli.common import HELP_OPTIONS, ClickCommand
from sockcli.cli.options.given import Given, is_session
from sockcli.cli.options.tcp import PLAIN, SECTIONS, TcpValues, check_options, tcp_options
from sockcli.cli.settings import RunSettings, pass_settings

USAGES = ("[OPTIONS] TARGET", "-l [OPTIONS] [HOST] PORT")
EXAMPLES = """\b
Examples:
  printf 'GET / HTTP/1.0\\n\\n' | sockcli tcp -C localhost 80
  sockcli tcp localhost 23            at a terminal: a session, and telnet
  sockcli tcp -l 8080 > received      accept one peer on 127.0.0.1
  sockcli tcp -z --retry 30 localhost 5432"""


@click.command(
    "tcp", cls=ClickCommand, usages=USAGES, sections=SECTIONS, epilog=EXAMPLES, context_settings=HELP_OPTIONS
)
@tcp_options
@pass_settings
@click.pass_context
def command(ctx: click.Context, settings: RunSettings, /, **values: Unpack[TcpValues]) -> None:
    """Connect stdin and stdout to a TCP endpoint, or with -l accept one.

    TARGET is HOST PORT, HOST:PORT or [IPV6]:PORT; a port is a number or a service's name. Listening without a HOST
    is on 127.0.0.1. S is a number of seconds.

    When stdin ends, the peer is told (FIN), and what it still sends is printed until it closes. When the peer closes,
    input that is already there is still sent, and the run is over.
    """
    from sockcli.cli import request

    given = Given(ctx)
    if is_session(given, PLAIN, values):
        from sockcli.cli.terminal import run_session

        check_options(given, values, interactive=True)
        run_session(settings, request.tcp_target(values), values["escape"])
        return

    from sockcli.cli.pipe_output import output_of
    from sockcli.cli.tcp_pipe import run_tcp

    with output_of(settings, request.output_options(values)) as output:
        check_options(given, values, interactive=False)
        run_tcp(settings, output, request.tcp_run(values, settings.detail))
