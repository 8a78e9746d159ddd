"""Runs command lines: each is looked up in the table of commands and given to its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockcli.errors import UsageError
from sockcli.repl.command import Call, CommandLine
from sockcli.repl.commands import split
from sockcli.repl.sending import send
from sockcli.repl.shell import Shell

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer


class Runner:
    """The CommandRunner of a prompt or a script."""

    def __init__(self, shell: Shell, command_line: CommandLine) -> None:
        self._shell = shell
        self._command_line = command_line
        self._completer: Completer | None = None

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

    def completer(self) -> Completer:
        """For the prompt; a script has no use for it."""
        if self._completer is None:
            from sockcli.repl.completion import CommandCompleter

            self._completer = CommandCompleter(self._shell)
        return self._completer
