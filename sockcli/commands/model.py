"""What a command is, and what its handler gets: the types of the table in `table.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from sockcli.base.escaping import printable
from sockcli.commands import word_parser
from sockcli.commands.options import Kind, OptionSpec
from sockcli.commands.shell import Shell
from sockcli.errors import UsageError
from sockcli.sessions.session import Session


class Call(NamedTuple):
    """A command with the words that it was given: what its handler gets."""

    command: Command
    rest: str  # of the line, behind the command's name
    shell: Shell

    @property
    def name(self) -> str:
        return self.command.name

    def words(self, most: int) -> list[str]:
        """At most so many. Raises UsageError."""
        words = word_parser.split_words(self.rest)
        if len(words) > most:
            raise self.usage(f'unexpected "{printable(words[most])}"')
        return words

    def session(self, number: str | None = None) -> Session:
        """The session of that number, or the current one. Raises UsageError."""
        if number is None:
            return self.shell.manager.get()
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise self.usage(f'"{printable(number)}" is not the number of a session')
        return self.shell.manager.get(int(number))

    def usage(self, why: str) -> UsageError:
        """The error that says how the command is written."""
        return UsageError(f"{self.name}: {why}", hint=f"usage: {self.command.usage}")


Handler = Callable[[Call], Awaitable[None]]


class Command(NamedTuple):
    """A row of the table. `detail` is what `help COMMAND` adds to the summary."""

    usage: str
    summary: str
    handler: Handler
    argument: Kind | None = None
    options: Sequence[OptionSpec] = ()  # its own; those that it shares with the command line are in CommandLine
    detail: str = ""

    @property
    def name(self) -> str:
        return self.usage.partition(" ")[0]
