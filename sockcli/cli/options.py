"""Bundles of options that commands share, and the rules of which options go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click
from click.core import ParameterSource

from sockcli.cli.common import bundle
from sockcli.cli.params import limit, source
from sockcli.errors import UsageError
from sockcli.stdio.descriptors import is_interactive

family_options = bundle(
    click.option("-4", "ipv4", is_flag=True, help="IPv4 only."),
    click.option("-6", "ipv6", is_flag=True, help="IPv6 only."),
)

source_option = click.option(
    "-s",
    "--source",
    metavar="[ADDR][:PORT]",
    type=source,
    help="Local address and port.  [default: the system's choice]",
)

deadline_option = click.option("--deadline", metavar="S", type=limit, help="Limit for the whole run; then exit 7.")

record_options = bundle(
    click.option(
        "-x",
        "--hex-dump",
        metavar="FILE",
        help="Record the session as a hex dump: direction, time, offset, hex and text; - is stderr.",
    ),
    click.option("--log", metavar="FILE", help="Record both directions' bytes as they passed; - is stderr."),
)

escape_option = click.option("--escape", metavar="KEY", help="The key for the command prompt, or none.  [default: ^]]")

terminal_options = bundle(
    click.option(
        "--terminal",
        metavar="safe|screen|raw",
        type=click.Choice(["safe", "screen", "raw"]),
        help="What a peer may do to a terminal.  [default: safe, and screen for a telnet peer's full-screen programs]",
    ),
    escape_option,
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print events, a JSON object a line, in place of the bytes."
)


def family_of(ipv4: bool, ipv6: bool) -> int:
    """4, 6, or 0 for both. Raises UsageError where both were asked for alone."""
    if ipv4 and ipv6:
        raise UsageError("-4 and -6 exclude each other", hint="leave both out to use either family")
    return 4 if ipv4 else 6 if ipv6 else 0


class Given:
    """Which of a command's options stood on its command line, and whether they go together."""

    def __init__(self, ctx: click.Context) -> None:
        self._ctx = ctx
        self._options = {param.name: param for param in ctx.command.params if isinstance(param, click.Option)}

    def __contains__(self, name: str) -> bool:
        return self._ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE

    def flag(self, name: str) -> str:
        """How the option is written, as `--line-delay` for `line_delay`."""
        return max(self._options[name].opts, key=len)

    def _declines(self, name: str) -> bool:
        """Whether it is the `--no-telnet` of a pair: to want nothing goes with everything."""
        return bool(self._options[name].secondary_opts) and self._ctx.params.get(name) is False

    def refuse(self, names: Iterable[str], why: str) -> None:
        """Raises UsageError for the first of `names` that was given; `why` ends the sentence."""
        for name in names:
            if name in self and not self._declines(name):
                raise UsageError(f"{self.flag(name)} {why}")

    def check(self, exclusions: Mapping[str, Iterable[str]]) -> None:
        """Raises UsageError where a key was given together with one of its values."""
        for name, others in exclusions.items():
            if name in self:
                self.refuse(others, f"makes no sense with {self.flag(name)}")

    def require(self, name: str, needed: str) -> None:
        """Raises UsageError where `name` was given without `needed`."""
        if name in self and needed not in self:
            raise UsageError(f"{self.flag(name)} needs {self.flag(needed)}")


def is_session(given: Given, plain: Iterable[str], values: Mapping[str, Any]) -> bool:
    """Whether a run is a session at a terminal, and not bytes from stdin to stdout as in a pipe.

    It is not with an option in `plain`, nor where the records would be written into the same terminal.
    """
    if not is_interactive() or "-" in (values["hex_dump"], values["log"]):
        return False
    return not any(name in given for name in plain)
