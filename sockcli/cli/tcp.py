"""`sockcli tcp`: stdin and stdout on a TCP connection, made or accepted."""

from __future__ import annotations

from typing import Any

import click

from sockcli.cli.common import HELP_OPTIONS, Command
from sockcli.cli.options import Given, is_session
from sockcli.cli.settings import Settings, pass_settings
from sockcli.cli.tcp_options import PLAIN, check_options, tcp_options


@click.command("tcp", cls=Command, context_settings=HELP_OPTIONS)
@tcp_options
@pass_settings
@click.pass_context
def command(ctx: click.Context, settings: Settings, /, words: tuple[str, ...], **values: Any) -> None:
    """Connect stdin and stdout to a TCP endpoint, or with -l accept one.

    TARGET is HOST PORT, HOST:PORT or [IPV6]:PORT; a port is a number or a service's name. Listening without a HOST
    is on 127.0.0.1.

    When stdin ends, FIN is sent, and what the peer still sends is printed until it closes. When the peer ends, input
    that is already there is still sent, and it is over.
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
