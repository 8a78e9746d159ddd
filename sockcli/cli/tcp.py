"""`sockcli tcp`: stdin and stdout on a TCP connection, made or accepted."""

from __future__ import annotations

from typing import NamedTuple

import click

from sockcli.cli.options import (
    Given,
    common_options,
    deadline_option,
    family_of,
    family_options,
    json_option,
    record_options,
    source_option,
)
from sockcli.cli.params import LIMIT, PAUSE, Source, connect_target, expect_no_more, listen_target
from sockcli.cli.settings import Settings, pass_settings
from sockcli.endpoint import Endpoint
from sockcli.errors import UsageError

# Options that only make sense where something is sent, received, connected to, or relayed at all.
SENDING = ("crlf", "line_delay", "linger", "no_shutdown")
RELAYING = (*SENDING, "send_only", "recv_only", "idle_timeout", "hex_dump", "log", "progress")
CONNECTING = ("probe", "source", "retry", "retry_delay", "connect_timeout")

EXCLUSIONS = {
    "listen": CONNECTING,
    "probe": RELAYING,
    "recv_only": ("send_only", *SENDING),
    "quiet": ("progress",),
}


@click.command("tcp", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("words", nargs=-1, metavar="TARGET")
@click.option("-l", "--listen", is_flag=True, help="Accept one peer at [HOST] PORT instead; HOST is 127.0.0.1 if not given.")
@click.option("-k", "--keep-open", is_flag=True, help="With -l: keep accepting, one peer after the other.")
@family_options
@click.option("--connect-timeout", type=LIMIT, default=10.0, show_default=True, help="For connecting, name lookup included.")
@click.option("--idle-timeout", type=LIMIT, help="Since the last byte either way; then exit 7.")
@deadline_option
@click.option("--linger", type=PAUSE, help="After stdin ended, wait so long for the peer to finish; then exit 7.")
@click.option("--no-shutdown", is_flag=True, help="Do not send FIN when stdin ends.")
@click.option("--send-only", is_flag=True, help="Drop what the peer sends; leave once it has acknowledged all.")
@click.option("--recv-only", is_flag=True, help="Never read stdin.")
@click.option("-C", "--crlf", is_flag=True, help="Send each LF of stdin as CR LF.")
@click.option("--line-delay", type=PAUSE, help="Pause between lines sent.")
@source_option
@click.option("--retry", type=click.IntRange(0), default=0, show_default=True, help="Further tries to connect.")
@click.option("--retry-delay", type=PAUSE, default=1.0, show_default=True, help="Pause before each further try.")
@click.option("-z", "--probe", is_flag=True, help="Connect, say so on stderr, and leave.")
@record_options
@click.option("--progress/--no-progress", default=None, help="Bytes, rate and what is left, on stderr.")
@json_option
@common_options
@pass_settings
@click.pass_context
def command(ctx: click.Context, settings: Settings, words: tuple[str, ...], **options: object) -> int:
    """Connect stdin and stdout to a TCP endpoint, or with -l accept one.

    TARGET is HOST PORT, HOST:PORT or [IPV6]:PORT; a port is a number or a service's name.

    When stdin ends, FIN is sent, and what the peer still sends is printed until it closes. When the peer ends, input
    that is already there is still sent; then it is over.
    """
    raise NotImplementedError
