"""Runs lines of commands: each is looked up in the table, and its handler is called."""

from __future__ import annotations

from sockcli.commands.handlers.send import send
from sockcli.commands.model import Call
from sockcli.commands.shell import Shell
from sockcli.commands.table import split
from sockcli.errors import UsageError


class Runner:
    """Runs the lines of one prompt or script."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def run(self, line: str) -> None:
        """Run one command; return when it is done. Can be cancelled, as Ctrl-C does. Raises SockcliError."""
        found = split(line)
        if found is not None:
            command, rest = found
            await command.handler(Call(command, rest, self._shell))

    def sends_text(self, line: str) -> bool:
        """Whether the line may hold text for the peer, which may be a password: `send`, or a command mistyped."""
        try:
            found = split(line)
        except UsageError:
            return True
        return found is not None and found[0].handler is send
