"""`sockcli tcp`: stdin and stdout on a TCP connection, made or accepted."""

from __future__ import annotations

from typing import Any

import click

from sockcli.cli.common import HELP_OPTIONS, ClickCommand
from sockcli.cli.options import Given, is_session
from sockcli.cli.settings import RunSettings, pass_settings
from sockcli.cli.tcp_options import PLAIN, SECTIONS, check_options, tcp_options

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
def command(ctx: click.Context, settings: RunSettings, /, words: tuple[str, ...], **values: Any) -> None:
    """Connect stdin and stdout to a TCP endpoint, or with -l accept one.

    TARGET is HOST PORT, HOST:PORT or [IPV6]:PORT; a port is a number or a service's name. Listening without a HOST
    is on 127.0.0.1. S is a number of seconds.

    When stdin ends, the peer is told (FIN), and what it still sends is printed until it closes. When the peer closes,
    input that is already there is still sent, and the run is over.
    """
    given = Given(ctx)
    if is_session(given, PLAIN, values):
        from sockcli.cli.interactive import run_tcp

        check_options(given, values, interactive=True)
        run_tcp(settings, words, values)
        return

    from sockcli.cli.relaying import run
    from sockcli.cli.running import output_of

    with output_of(settings, values) as output:
        check_options(given, values, interactive=False)
        run(settings, output, words, values)
