"""What a command can use while it runs. The prompt implements it, and so does a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from sockcli.commands.options import OptionSpec
from sockcli.errors import Denied
from sockcli.policy import Policy, Request
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import Target

# The words of a `tcp`, `udp` or `listen` command to what they ask for; the first word is the command's name.
# Raises UsageError.
ParseTarget = Callable[[Sequence[str]], Target]


class CommandLine(NamedTuple):
    """What commands share with the command line, which makes it: options and words mean the same in both places."""

    # Those of `tcp`, `udp` and `listen`, by the command's name.
    options: Mapping[str, Sequence[OptionSpec]]
    parse_target: ParseTarget
    # `OP HOST PORT`, as `check` takes it. Raises UsageError.
    parse_request: Callable[[Sequence[str]], Request]


# Called when the first command is given: to list the options takes about 1 ms, and a session may see no command.
MakeCommandLine = Callable[[], CommandLine]


class Shell(Protocol):
    """What a command may use."""

    @property
    def manager(self) -> SessionManager:
        """The sessions."""
        ...

    @property
    def policy(self) -> Policy: ...

    @property
    def settings(self) -> SessionSettings:
        """What new sessions start with; `set` without a session changes these."""
        ...

    @property
    def command_line(self) -> CommandLine: ...

    @property
    def history(self) -> Sequence[str]:
        """The commands that were given, the oldest first."""
        ...

    @property
    def keeps_history(self) -> bool:
        """Whether what is typed from now on is kept."""
        ...

    def keep_history(self, keep: bool) -> None:
        """Keep what is typed from now on, or nothing of it."""
        ...

    def show(self, text: str) -> None:
        """Show lines that the user asked for. Control characters in them are made visible."""
        ...

    def notice(self, text: str) -> None:
        """Tell of something that happened, in a line that begins with `sockcli: `."""
        ...

    def deny(self, answer: str, error: Denied) -> None:
        """The answer to `check` is that it is denied: a prompt shows `answer`; a script fails, and raises `error`."""
        ...

    def progress(self, state: Callable[[], str] | None) -> None:
        """Show how far the running command is: `state` is called again and again for the text. None: show no more."""
        ...

    def suspend(self) -> None:
        """Stop the program, as Ctrl-Z does. Raises UsageError where there is no terminal to go back to."""
        ...

    def quit(self) -> None:
        """Leave, closing every session, once the command has returned."""
        ...
