"""A session at the terminal: all that has to do with showing it and typing for it, and that the session does not know.

The filter and the chosen view (TerminalView), the peer's unfinished line, what was being typed for it when something
else took the line, and what became of its screen when the command prompt took the terminal.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from sockcli.console.line_flow import COLOURS, LineFlow
from sockcli.console.state import Showing
from sockcli.console.tty_claim import CLEAR_LINE
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.secret_lines import SecretLines
from sockcli.sessions.session import Session
from sockcli.sessions.view import TerminalView

NEW_LINE: Final = b"\r\n"
_LEAVE_SCREEN: Final = b"\x1b[?1049l"


class Aside(Enum):
    """What was on the terminal of a session in character mode when it was set aside."""

    NO = auto()  # it was not
    LINE = auto()  # lines that scroll: the one with the cursor is drawn again when it comes back
    SCREEN = auto()  # a screen of its own, which only its program can draw again


class SessionView:
    """Of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.lines = self._line_flow()
        self.draft = ""  # what was being typed for it when something else took the line
        self.draft_hidden = False  # the peer had the echo then: it may be a password
        self.secret_lines = SecretLines()  # what it was given, lines and `send`s
        self._terminal = TerminalView(session.settings)
        self._aside = Aside.NO

    @property
    def character(self) -> bool:
        """What is shown of it now is character mode."""
        return self._terminal.character

    @property
    def showing(self) -> Showing:
        """What is to be shown of it next."""
        return Showing.CHARACTERS if self.session.shows_character else Showing.LINES

    @property
    def must_switch(self) -> bool:
        """What is to be shown next is of the other mode than what is shown now."""
        return self.session.shows_character != self._terminal.character

    @property
    def has_screen_aside(self) -> bool:
        """It has a screen of its own, which is not on the terminal now."""
        return self._aside is Aside.SCREEN

    @property
    def prompt_text(self) -> str:
        """The peer's unfinished line, without its colours."""
        return COLOURS.sub(b"", self.lines.partial).decode("utf-8", "replace")

    def take(self, limit: int) -> bytes:
        """What to write next, about `limit` bytes of the peer's; empty where there is none, or it `must_switch`."""
        return b"" if self.must_switch else self._terminal.take(self.session.inbox, limit)

    def _line_flow(self) -> LineFlow:
        # To `set terminal raw` is the user's own word: what comes then is shown as it is.
        return LineFlow(marks=lambda: self.session.settings.terminal != "raw")

    # What to write when it gets the terminal, and when something else does

    def begin_characters(self, *, printed: bool) -> bytes:
        """Its peer went into character mode. `printed`: the unfinished line stands there already."""
        self._aside = Aside.NO
        unfinished = self.lines.complete()
        return (b"" if printed else unfinished) + self._terminal.set_character(True)

    def begin_lines(self, columns: int) -> bytes:
        """Its peer left character mode. The line that the cursor is on becomes the prompt, if that is all it holds."""
        written = self._terminal.set_character(False)
        return written + (CLEAR_LINE if self.lines.resume(columns) else NEW_LINE)

    def begin_printing(self) -> bytes:
        """As `begin_lines`, on a terminal that can only print: what stands there stays, and the cursor goes below."""
        written = self._terminal.set_character(False)
        below = NEW_LINE if self.lines.partial else b""
        self.lines = self._line_flow()
        return written + below

    def set_aside(self) -> bytes:
        """The command prompt, or the shell, takes the terminal; the peer's modes are undone. Again is harmless."""
        written = self._terminal.suspend()
        if self._aside is not Aside.SCREEN:
            self._aside = Aside.SCREEN if _LEAVE_SCREEN in written else Aside.LINE
        return written

    def bring_back(self) -> bytes:
        """In character mode, after `set_aside`: the peer's modes, and the cursor's line where that can be drawn."""
        line = self.lines.again() if self._aside is Aside.LINE else b""
        self._aside = Aside.NO
        return line + self._terminal.resume()

    def leave(self) -> bytes:
        """Another session becomes the current one."""
        return self._terminal.suspend()

    def enter(self) -> bytes:
        """It becomes the current session, and shows lines. In character mode `bring_back` does this."""
        return b"" if self._terminal.character else self._terminal.resume()

    def finish(self) -> bytes:
        """It is over, and its inbox is empty: what was held back, the unfinished line, and all modes undone."""
        last = self._terminal.finish()
        if self._terminal.character:
            return last
        return self.lines.feed(last, len(last)) + self.lines.complete()

    def left_out(self) -> list[str]:
        """Sentences about what the filter did not let through."""
        return self._terminal.left_out()


class SessionViews:
    """One for each session, made when it is first looked at."""

    def __init__(self, manager: SessionManager) -> None:
        self._manager = manager
        self._views: dict[Session, SessionView] = {}

    @property
    def current(self) -> SessionView | None:
        """Of the current session."""
        session = self._manager.current
        return self.of(session) if session is not None else None

    def of(self, session: Session) -> SessionView:
        if session not in self._views:
            self._views[session] = SessionView(session)
        return self._views[session]

    def forget(self, session: Session) -> None:
        """It is closed."""
        self._views.pop(session, None)
