"""What the terminal is for at this moment, as a table of two things: the command prompt, and what the session shows.

Whether a command is running is a third thing, beside this: until it ends, lines that are entered wait for its end
(`ModeController.busy`).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class CommandPrompt(Enum):
    """How far the user is with the command prompt that the escape key gives."""

    CLOSED = auto()  # not asked for, or done with
    OPEN = auto()  # for one command; then the session is back
    ANSWERED = auto()  # what the command showed is to be read before the session's screen covers it: until any key


class Showing(Enum):
    """What the current session shows next."""

    NOTHING = auto()  # there is no current session
    LINES = auto()
    CHARACTERS = auto()  # character mode


class ConsoleState(Enum):
    """What the terminal is for, and so what a key means."""

    COMMAND = auto()  # a line is typed that is a command
    ANSWER = auto()  # any key goes back to the session
    LINE = auto()  # a line is typed that is for the current session
    KEYS = auto()  # each key goes to the current session

    @property
    def is_command(self) -> bool:
        """The command prompt has the terminal, and what is typed is not for the session."""
        return self in (ConsoleState.COMMAND, ConsoleState.ANSWER)


TABLE: Final = {
    (CommandPrompt.CLOSED, Showing.NOTHING): ConsoleState.COMMAND,
    (CommandPrompt.CLOSED, Showing.LINES): ConsoleState.LINE,
    (CommandPrompt.CLOSED, Showing.CHARACTERS): ConsoleState.KEYS,
    (CommandPrompt.OPEN, Showing.NOTHING): ConsoleState.COMMAND,
    (CommandPrompt.OPEN, Showing.LINES): ConsoleState.COMMAND,
    (CommandPrompt.OPEN, Showing.CHARACTERS): ConsoleState.COMMAND,
    (CommandPrompt.ANSWERED, Showing.NOTHING): ConsoleState.COMMAND,
    (CommandPrompt.ANSWERED, Showing.LINES): ConsoleState.ANSWER,
    (CommandPrompt.ANSWERED, Showing.CHARACTERS): ConsoleState.ANSWER,
}
