"""Where commands run: what they can ask for, and what runs them. Implemented by the prompt and by scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sockcli.errors import Denied
from sockcli.policy import Policy
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import Target

# The words of a `tcp`, `udp` or `listen` command to what they ask for; the first word is the command's name.
# Raises UsageError.
ParseTarget = Callable[[Sequence[str]], Target]


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
    def parse(self) -> ParseTarget:
        """How the command line reads `tcp`, `udp` and `listen`."""
        ...

    @property
    def history(self) -> Sequence[str]:
        """The commands that were given, the oldest first."""
        ...

    def show(self, text: str) -> None:
        """Lines that were asked for. Controls in them are made visible."""
        ...

    def notice(self, text: str) -> None:
        """A line about what happened, with `sockcli: ` before it."""
        ...

    def deny(self, answer: str, error: Denied) -> None:
        """Show the answer to whoever asked what is allowed; for a script it is an error, which is raised."""
        ...

    def progress(self, state: Callable[[], str] | None) -> None:
        """What tells how far the running command is, asked again and again where that is shown; None: no more."""
        ...

    def suspend(self) -> None:
        """Stop the program, as Ctrl-Z does. Raises UsageError where there is no terminal to go back to."""
        ...

    def quit(self) -> None:
        """Leave, closing every session, once the command has returned."""
        ...


class CommandRunner(Protocol):
    """Runs the lines given at the command prompt."""

    async def run(self, line: str) -> None:
        """Run one command; return when it is done. Cancelled by Ctrl-C. Raises SockcliError."""
        ...

    def sends_text(self, line: str) -> bool:
        """Whether what is for the peer to read stands in the line, or may do so."""
        ...


MakeRunner = Callable[[Shell], CommandRunner]
