"""`sockcli check`: the manifest's answer to a request, without making it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sockcli.cli.common import HELP_OPTIONS, common_options
from sockcli.cli.options import deadline_option, family_of, family_options
from sockcli.cli.output import emit, emit_json, table
from sockcli.cli.params import Protocol, expect_no_more, port_number, take_target
from sockcli.cli.settings import Settings, pass_settings
from sockcli.endpoint import Host, Operation
from sockcli.errors import Denied, ExitCode, UsageError
from sockcli.policy import Request

if TYPE_CHECKING:
    from sockcli.policy import Decision, Policy


@click.command("check", context_settings=HELP_OPTIONS)
@click.argument("words", nargs=-1, metavar="OP [HOST PORT]")
@click.option("--resolve", is_flag=True, help="Look the name up, where it is allowed, and check its addresses too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@family_options
@deadline_option
@common_options
@pass_settings
def command(
    settings: Settings,
    words: tuple[str, ...],
    resolve: bool,
    as_json: bool,
    ipv4: bool,
    ipv6: bool,
    deadline: float | None,
) -> int:
    """Would the manifest allow it, by which rule, and where does that stand? Exit 0 or 3.

    OP HOST PORT, or all in one word as OP:HOST:PORT; OP alone where it takes no address.
    Asks no server, unless --resolve is given.
    """
    request = parse_request(words)
    family = family_of(ipv4, ipv6)
    if not resolve and (family or deadline is not None):
        raise UsageError("-4, -6 and --deadline are for --resolve")
    if resolve and not request.operation.takes_address:
        raise UsageError(f"{request.operation} has no address to resolve")
    policy = settings.load_policy()
    raise NotImplementedError(policy, as_json)


def parse_request(words: Sequence[str]) -> Request:
    """`OP HOST PORT`, `OP HOST:PORT`, `OP:HOST:PORT` or `OP`. Raises UsageError."""
    if not words:
        raise UsageError("an operation is missing", hint=f"one of {', '.join(Operation)}")
    name, colon, rest = words[0].partition(":")
    try:
        operation = Operation(name)
    except ValueError:
        raise UsageError(f"{name!r} is no operation", hint=f"one of {', '.join(Operation)}") from None
    others = [rest, *words[1:]] if colon else list(words[1:])
    if not operation.takes_address:
        expect_no_more(others)
        return Request(operation)
    protocol: Protocol = "tcp" if operation.startswith("tcp") else "udp"
    if colon and len(others) > 1:
        expect_no_more(others[1:])
    target, more = take_target(others, protocol)
    expect_no_more(more)
    return Request(operation, target.host, target.port)
