"""The two sides of what the user sees: the modes (a line editor, a raw terminal), and the controller behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from sockcli.console.escape_key import EscapeKey
from sockcli.console.session_view import SessionView
from sockcli.console.state import ConsoleState
from sockcli.sessions.session import Session

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

COMMAND_PROMPT: Final = "sockcli> "


class ConsoleMode(Protocol):
    """One way to use the terminal. Only one runs at a time."""

    async def run(self) -> None:
        """Use the terminal, until `leave`."""
        ...

    def leave(self) -> None:
        """Have `run` return; harmless where it does not run."""
        ...

    def wake(self) -> None:
        """There is something to show, or to draw anew. Cheap: what is called often is drawn once."""
        ...

    def entered(self, text: str) -> None:
        """This line is about to be acted on: have it stay where it can be seen, and in the history."""
        ...

    def show(self, last: bytes) -> None:
        """Write the end of a session's output, and put the cursor on a new line after it."""
        ...

    @property
    def typing(self) -> bool:
        """A line is begun, or may be: whatever is typed next belongs to it."""
        ...

    def cut_off(self, view: SessionView) -> bool:
        """This session is over. Whether half a line had been typed for it, whose rest is not to be run or sent."""
        ...

    def take_draft(self) -> str:
        """Take away the line that is being typed, which another mode goes on with."""
        ...

    def clear(self) -> None:
        """Take off the terminal what is no output: the line being typed, and what stands below it."""
        ...

    def pause(self) -> None:
        """The shell has the terminal: read nothing from it, and write nothing. Again is harmless."""
        ...

    def resume(self) -> None:
        """The terminal is ours again, and the shell has written over it."""
        ...


class ModeController(Protocol):
    """What a mode asks for, and what it tells of what the user did."""

    @property
    def escape(self) -> EscapeKey | None: ...

    @property
    def view(self) -> SessionView | None:
        """The current session, whose output is shown."""
        ...

    @property
    def state(self) -> ConsoleState:
        """What the terminal is for now."""
        ...

    @property
    def busy(self) -> bool:
        """A command is running, or what waited for its end is not done yet."""
        ...

    @property
    def hidden(self) -> bool:
        """What is typed for the current session is not to be shown: the peer has the echo."""
        ...

    def remembers(self, text: str) -> bool:
        """Whether what is entered now, a command or the session's line, may be kept. To be asked once for each."""
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

    def take_messages_ahead(self) -> bytes:
        """Lines of our own that belong before the session's output, because another one is the current session now."""
        ...

    def take_messages(self) -> bytes:
        """Lines of our own, each with its CR LF."""
        ...

    def shown(self) -> None:
        """What was taken is written: look whether the session is to be closed, or shown in the other mode."""
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

    def toggle_prompt(self) -> None:
        """The escape key."""
        ...

    def go_back(self, key: str) -> None:
        """Any key, in the state ANSWER: show the session again, and give it that key."""
        ...

    def suspend(self) -> None:
        """Ctrl-Z."""
        ...

    def quit_signal(self) -> None:
        """Ctrl-\\."""
        ...

    def refuse(self, text: str) -> None:
        """Show why something that was typed is not acted on."""
        ...

    def lost_terminal(self) -> None:
        """There are no keys any more."""
        ...


def orphan_prompt(session: Session) -> str:
    """The prompt before the rest of a line whose session is over."""
    return f"(session {session.number} is over; Enter goes on) "


def not_sent(session: Session) -> str:
    """What became of that line, as an error says it."""
    return f"session {session.number} is over; this was not sent"
