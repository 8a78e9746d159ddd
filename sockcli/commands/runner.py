"""Runs command lines: each is looked up in the table of commands and given to its handler."""

from __future__ import annotations

from sockcli.commands.handlers.send import send
from sockcli.commands.model import Call, CommandLine
from sockcli.commands.shell import Shell
from sockcli.commands.table import split
from sockcli.errors import UsageError


class Runner:
    """The CommandRunner of a prompt or a script."""

    def __init__(self, shell: Shell, command_line: CommandLine) -> None:
        self._shell = shell
        self._command_line = command_line

    async def run(self, line: str) -> None:
        """Run one command; return when it is done. Raises SockcliError."""
        found = split(line)
        if found is not None:
            command, rest = found
            await command.handler(Call(command, rest, self._shell, self._command_line))

    def sends_text(self, line: str) -> bool:
        """Whether it is `send`; one that is no command may be meant to be."""
        try:
            found = split(line)
        except UsageError:
            return True
        return found is not None and found[0].handler is send
