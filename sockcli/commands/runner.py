"""Runs lines of commands: each is looked up in the table, and its handler is called."""

from __future__ import annotations

from sockcli.commands.handlers.send import send, text_of
from sockcli.commands.model import Call
from sockcli.commands.shell import Shell
from sockcli.commands.table import split
from sockcli.commands.word_parser import first_word
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

    def text_sent(self, line: str) -> str | None:
        """The text for the peer, which may be a password: of `send`, or of a command mistyped. None: there is none."""
        try:
            found = split(line)
        except UsageError:
            return first_word(line)[1]
        if found is None or found[0].handler is not send:
            return None
        return text_of(Call(*found, self._shell))
