"""How a session ends at the terminal: all of it is shown, it is closed, and what became of it is said."""

from __future__ import annotations

from contextlib import suppress

from sockcli.console.messages import Messages
from sockcli.console.mode_switch import ModeSwitch
from sockcli.console.session_view import SessionView
from sockcli.errors import SockcliError
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.session import Session


class SessionEnd:
    """Of the sessions of one program."""

    def __init__(self, manager: SessionManager, messages: Messages, *, single: bool) -> None:
        """`single`: the program is over with its last session."""
        self._manager = manager
        self._messages = messages
        self._single = single
        self.farewell: list[str] = []  # what is left to say once the terminal is given back
        self.failure: SockcliError | None = None  # of the session that was the program

    @property
    def is_last(self) -> bool:
        """Nothing is left of a program that was one session."""
        return self._single and not self._manager.sessions

    def end_in_background(self, view: SessionView, mode_switch: ModeSwitch) -> None:
        """It is over, and another is the current one. What its inbox still has stays until somebody looks at it."""
        session = view.session
        self._messages.notice(self._manager.named(session, str(session.failure or _closed(session))))
        if not session.inbox:
            mode_switch.cut_off(view)
            with suppress(SockcliError):  # that it is over has been said
                self._manager.close(session.number)

    def finish(self, view: SessionView, mode_switch: ModeSwitch) -> None:
        """The current session is over, and all that it sent was shown."""
        session = view.session
        half_typed = mode_switch.cut_off(view)
        mode_switch.mode.show(view.finish())
        for text in view.left_out():
            self._tell(session, text)
        self.close(session)
        if half_typed and self.is_last:
            self.farewell.append("what was being typed was not sent")

    def close(self, session: Session) -> None:
        """Close it, and say why it is over, if the user does not know."""
        over, failure = session.over, session.failure
        try:
            self._manager.close(session.number)
        except SockcliError as exc:
            failure = failure or exc
        if self.is_last:
            self.failure = failure
        if failure is None and over:
            self._tell(session, _closed(session))
        elif failure is not None and not self.is_last:
            self._messages.report(failure)

    def _tell(self, session: Session, text: str) -> None:
        """At once; for the last session of a program that is one session, when the terminal is given back.

        To be called before or after the session is closed.
        """
        others = [each for each in self._manager.sessions.values() if each is not session]
        if self._single and not others:
            self.farewell.append(text)
        else:
            self._messages.notice(self._manager.named(session, text))


def _closed(session: Session) -> str:
    return f"connection closed by {session.peer}"
