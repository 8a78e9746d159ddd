"""The two sides of what is in front of the user: faces (a line editor, a raw terminal), and the host behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from sockcli.console.escape_key import EscapeKey
from sockcli.sessions.session import Session

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

COMMAND_PROMPT: Final = "sockcli> "


class ConsoleMode(Protocol):
    """One way to use the terminal. Only one runs at a time."""

    async def run(self) -> None:
        """Until `leave`."""
        ...

    def leave(self) -> None:
        """Have `run` return; harmless where it does not run."""
        ...

    def wake(self) -> None:
        """There is something to show, or something that is shown is another now."""
        ...

    def entered(self, text: str) -> None:
        """This line is about to be acted on: have it stay where it can be seen, and in the history."""
        ...

    def show(self, last: bytes) -> None:
        """Write the end of a session's output, and stand on a new line after it."""
        ...

    @property
    def typing(self) -> bool:
        """A line is begun, or could be: whatever is typed next belongs to it."""
        ...

    def cut_off(self, session: Session) -> bool:
        """This session is over. Whether a line was half typed for it, of which the rest is not to be run or sent."""
        ...

    def take_draft(self) -> str:
        """The line that was being typed; it is not there any more."""
        ...

    def clear(self) -> None:
        """Take off the terminal what does not belong to any output."""
        ...

    def pause(self) -> None:
        """The terminal is the shell's: read nothing from it, and write nothing. Again is harmless."""
        ...

    def resume(self) -> None:
        """It is ours again, and what was on it is gone."""
        ...


class ModeController(Protocol):
    """What a face asks for, and tells what the user did."""

    @property
    def escape(self) -> EscapeKey | None: ...

    @property
    def session(self) -> Session | None:
        """The one in front, whose output is shown."""
        ...

    @property
    def commanding(self) -> bool:
        """A line that is entered is a command, not the session's."""
        ...

    @property
    def lingering(self) -> bool:
        """What a command showed is to be read before the session's screen covers it again."""
        ...

    @property
    def busy(self) -> bool:
        """A command is running, or what waited for its end is being done."""
        ...

    @property
    def hidden(self) -> bool:
        """What is typed is not shown: the peer has the echo."""
        ...

    def remembers(self, command: str) -> bool:
        """Whether a command that is entered now belongs in the history."""
        ...

    def failed(self, command: str) -> bool:
        """Whether it failed when it was run last."""
        ...

    @property
    def doing(self) -> str:
        """What the running command is about."""
        ...

    @property
    def completer(self) -> Completer | None: ...

    def toolbar(self, columns: int) -> Sequence[tuple[str, str]]:
        """Styles and texts."""
        ...

    def take(self, limit: int) -> bytes:
        """The next piece of the session's output, about as long, fit for the terminal."""
        ...

    def take_ahead(self) -> bytes:
        """Lines of our own that belong before the session's output, as that it is in front now."""
        ...

    def take_words(self) -> bytes:
        """Lines of our own, each with its CR LF."""
        ...

    def shown(self) -> None:
        """What was taken is written."""
        ...

    def resized(self, columns: int, rows: int) -> None: ...

    def enter(self, text: str) -> None:
        """A line was entered; it may be several, pasted as one."""
        ...

    def cancel(self) -> None:
        """Ctrl-C, with nothing typed."""
        ...

    def end_of_input(self) -> None:
        """Ctrl-D, with nothing typed."""
        ...

    def ask(self) -> None:
        """The escape key."""
        ...

    def go_back(self, key: str) -> None:
        """Any key, while lingering."""
        ...

    def suspend(self) -> None:
        """Ctrl-Z."""
        ...

    def quit_signal(self) -> None:
        """Ctrl-\\."""
        ...

    def refuse(self, text: str) -> None:
        """Something that was typed is not taken, and why."""
        ...

    def lost_terminal(self) -> None:
        """There are no keys any more."""
        ...


def left_prompt(session: Session) -> str:
    """Before the rest of a line whose session is over."""
    return f"(session {session.number} is over; Enter goes on) "


def dropped(session: Session) -> str:
    """What became of that line."""
    return f"session {session.number} is over; this was not sent"
