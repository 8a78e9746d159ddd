"""Which options stood on a command line, and whether they go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click
from click.core import ParameterSource

from sockcli.cli.options.shared import SharedValues
from sockcli.errors import UsageError
from sockcli.stdio.descriptors import is_interactive


class Given:
    """Which of a command's options stood on its command line. An option's default does not count as given."""

    def __init__(self, ctx: click.Context) -> None:
        self._ctx = ctx
        self._options = {param.name: param for param in ctx.command.params if isinstance(param, click.Option)}

    def __contains__(self, name: str) -> bool:
        return self._ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE

    def flag(self, name: str) -> str:
        """How the option is written: `--line-delay` for `line_delay`."""
        return max(self._options[name].opts, key=len)

    def _is_declined(self, name: str) -> bool:
        """Whether it was given as the negative of a pair, as `--no-telnet`. That goes with every other option."""
        return bool(self._options[name].secondary_opts) and self._ctx.params.get(name) is False

    def refuse(self, names: Iterable[str], why: str) -> None:
        """Raises UsageError for the first of `names` that was given; `why` ends the sentence."""
        for name in names:
            if name in self and not self._is_declined(name):
                raise UsageError(f"{self.flag(name)} {why}")

    def check(self, exclusions: Mapping[str, Iterable[str]]) -> None:
        """Raises UsageError where a key of `exclusions` was given together with one of its values."""
        for name, others in exclusions.items():
            if name in self:
                self.refuse(others, f"makes no sense with {self.flag(name)}")

    def require(self, name: str, needed: str) -> None:
        """Raises UsageError where `name` was given without `needed`."""
        if name in self and needed not in self:
            raise UsageError(f"{self.flag(name)} needs {self.flag(needed)}")


def is_session(given: Given, plain: Iterable[str], values: SharedValues) -> bool:
    """Whether this run is a session at a terminal, and not bytes from stdin to stdout as in a pipe.

    It is none where stdin or stdout is no terminal, with an option in `plain`, or where a record (`-x -`, `--log -`)
    goes to stderr, which is the same terminal.
    """
    if not is_interactive() or "-" in (values["hex_dump"], values["log"]):
        return False
    return not any(name in given for name in plain)
