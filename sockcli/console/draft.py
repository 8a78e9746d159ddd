"""What is being typed, and what for: a command, or the line of a session.

Each has its own, with its own history; it is put away while something else has the line, and comes back with it.

A line whose session ends half typed is nobody's. The rest of it is typed by someone who has not seen that yet, so it
is no command, and goes to no other session: until Enter it stays a line for itself (`left_by`), which is then dropped.
"""

from __future__ import annotations

from typing import NamedTuple

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import Clipboard
from prompt_toolkit.document import Document
from prompt_toolkit.history import History, InMemoryHistory

from sockcli.console.history import COMMANDS, LINES, HistoryFile, TypedHistory
from sockcli.console.mode import ModeController
from sockcli.sessions.session import Session


class _Kind(NamedTuple):
    """What a line is for: a session, or None for a command; and whether it is shown."""

    session: Session | None
    hidden: bool  # and then nothing of it is remembered either


class Drafts:
    """Of one line editor, whose text is in `buffer`."""

    def __init__(self, host: ModeController, buffer: Buffer, clipboard: Clipboard, history: HistoryFile) -> None:
        """`clipboard`: of the editor, where what was dropped can be had again."""
        self._host = host
        self._buffer = buffer
        self._clipboard = clipboard
        self._commands = TypedHistory(history, COMMANDS)
        self._lines = TypedHistory(history, LINES)
        self._kind: _Kind | None = None  # what the line is for
        self._command = ""
        self._ahead = False  # a command was entered, and what is typed from then on is for whatever comes after it
        self.left_by: Session | None = None  # what is being typed was for this one, which is over
        self._unseen = False  # its beginning went there key by key

    @property
    def hidden(self) -> bool:
        """What is being typed is not to be shown."""
        return self._kind is not None and self._kind.hidden

    @property
    def commanding(self) -> bool:
        """What is being typed is a command."""
        return self._kind is not None and self._kind.session is None

    @property
    def begun(self) -> bool:
        """There is some of a line."""
        return bool(self._buffer.text) or self.left_by is not None

    def follow(self) -> None:
        """Have the line be for what it is to be for now, as it was left."""
        host = self._host
        if self.left_by is not None and (self._buffer.text or self._unseen):
            return
        self.left_by = None
        session = None if host.commanding else host.session
        kind = _Kind(session, session is not None and (host.hidden or self._holds_hidden(session)))
        if self._kind is None:
            self._ahead = host.busy  # the first session is being opened, as by a command
        if kind == self._kind:
            self._ahead = self._ahead and host.busy
        else:
            self._change(kind)

    def _change(self, kind: _Kind) -> None:
        buffer = self._buffer
        before, self._kind = self._kind or _Kind(None, False), kind
        draft = buffer.text
        if kind.session is not before.session:
            ahead, draft = (draft, "") if self._ahead else ("", draft)
            draft = self._exchange(before, draft, kind.session) + ahead
        buffer.history = self._history(kind)
        buffer.reset(Document(draft))

    def take(self) -> str:
        """What was being typed for a session, or for whatever comes next; it is not there any more."""
        if (self._kind is None or self._kind.session is None) and not self._ahead:
            return ""  # the beginning of a command
        self._ahead = False
        text = self._buffer.text
        self._buffer.reset()
        return text

    def cut_off(self, session: Session) -> bool:
        """This session is over; whether that leaves a line half typed, of which the rest may still come."""
        if session is self._host.session and not self._host.commanding and session.half_typed:
            self._change(_Kind(session, hidden=True))  # as nobody can know whether the peer would show it
            self.left_by, self._unseen = session, True
        elif self._kind is not None and self._kind.session is session:
            self.left_by = session if self._buffer.text else None
        elif not session.draft_hidden:
            self._keep(session.draft)
        return self.left_by is session

    def drop(self, text: str) -> bool:
        """Give up `text`, the line that a session has left; whether it can be had again."""
        self.left_by, self._unseen = None, False
        self._buffer.reset()
        if self.hidden:
            return False
        self._keep(text)
        return bool(text)

    def _keep(self, text: str) -> None:
        if text:
            self._clipboard.set_text(text)
            self._lines.remember(text)

    def entered_command(self, text: str, *, remember: bool) -> None:
        self._ahead = True
        if remember:
            self._commands.remember(text)

    def entered_line(self, text: str) -> None:
        self._lines.remember(text)

    def _holds_hidden(self, session: Session) -> bool:
        """Whether its line began while the peer had the echo: a password stays one when its prompt is given up."""
        if self._kind is not None and session is self._kind.session:
            return self.hidden and self.begun
        return session.draft_hidden and bool(session.draft)

    def _exchange(self, before: _Kind, draft: str, after: Session | None) -> str:
        """Put away what was being typed for one thing; what was for the other."""
        if before.session is None:
            self._command = draft
        else:
            before.session.draft, before.session.draft_hidden = draft, before.hidden
        return self._command if after is None else after.draft

    def _history(self, kind: _Kind) -> History:
        if kind.session is None:
            return self._commands
        return InMemoryHistory() if kind.hidden else self._lines
