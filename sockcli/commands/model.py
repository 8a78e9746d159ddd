"""What a command is, and what its handler gets: the types behind the table in `commands`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from sockcli.base.escaping import printable
from sockcli.commands import word_parser
from sockcli.commands.shell import Shell
from sockcli.errors import UsageError
from sockcli.policy import Policy, Request
from sockcli.sessions.session import Session


class CommandLine(NamedTuple):
    """What commands have from there, to be the same in both places."""

    # How it reads `OP HOST PORT`, which is also a request to send: `udp-send-to HOST PORT`. Raises UsageError.
    parse_request: Callable[[Sequence[str]], Request]
    # What `check` says of a request.
    explain: Callable[[Policy, Request], str]
    # The options of a command that it reads as well, and what is said of each.
    option_rows: Callable[[str], Sequence[tuple[str, str]]]


class Kind(Enum):
    """What completion offers for a command's words, or for an option's."""

    COMMAND = "command"
    SESSION = "session"
    SETTING = "setting"  # then its value
    NEGOTIATION = "negotiation"  # a verb, then the option
    FILE = "file"
    LOG = "log"  # a file, or off
    TCP = "tcp-connect"  # a host, then a port, as the manifest's rules of that operation name them
    UDP = "udp-send-to"
    ADDRESSEE = "addressee"  # who sent something to the port in front; or as udp-send-to
    LISTEN = "listen"  # tcp or udp, or neither; then as above, and the host may be missing
    CHECK = "check"  # an operation; then as above
    EOL = "eol"  # the values of that setting
    ENCODING = "encoding"
    TERMINAL = "terminal"


class Takes(NamedTuple):
    """How many words follow an option, and what they are."""

    words: int = 0
    kind: Kind | None = None


class Call(NamedTuple):
    """A command that was given."""

    command: Command
    rest: str  # of its line
    shell: Shell
    command_line: CommandLine

    @property
    def name(self) -> str:
        return self.command.name

    def words(self, most: int) -> list[str]:
        """At most so many. Raises UsageError."""
        words = word_parser.words(self.rest)
        if len(words) > most:
            raise self.usage(f'unexpected "{printable(words[most])}"')
        return words

    def session(self, number: str | None = None) -> Session:
        """The session of that number, or the one in front. Raises UsageError."""
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
    options: Mapping[str, Takes] = {}
    detail: str = ""

    @property
    def name(self) -> str:
        return self.usage.partition(" ")[0]


FLAG: Final = Takes()
VALUE: Final = Takes(1)
PATH: Final = Takes(1, Kind.FILE)
