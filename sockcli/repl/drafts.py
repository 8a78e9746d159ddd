"""What is being typed, and what for: a command, or the line of a session.

Each has its own, with its own history; it is put away while something else has the line, and comes back with it.
"""

from __future__ import annotations

from typing import NamedTuple

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import History, InMemoryHistory

from sockcli.repl.face import Host
from sockcli.repl.history import COMMANDS, LINES, HistoryFile, TypedHistory
from sockcli.repl.session import Session


class _Kind(NamedTuple):
    """What a line is for: a session, or None for a command; and whether it is shown."""

    session: Session | None
    hidden: bool  # and then nothing of it is remembered either


class Drafts:
    """Of one line editor, whose text is in `buffer`."""

    def __init__(self, host: Host, buffer: Buffer, history: HistoryFile) -> None:
        self._host = host
        self._buffer = buffer
        self._commands = TypedHistory(history, COMMANDS)
        self._lines = TypedHistory(history, LINES)
        self._kind: _Kind | None = None  # what the line is for
        self._command = ""
        self._ahead = False  # a command was entered, and what is typed from then on is for whatever comes after it

    @property
    def hidden(self) -> bool:
        """What is being typed is not to be shown."""
        return self._kind is not None and self._kind.hidden

    @property
    def begun(self) -> bool:
        """There is some of a line."""
        return bool(self._buffer.text)

    def follow(self) -> None:
        """Have the line be for what it is to be for now, as it was left."""
        host, buffer = self._host, self._buffer
        session = None if host.commanding else host.session
        kind = _Kind(session, session is not None and (host.hidden or self._holds_hidden(session)))
        if kind == self._kind:
            self._ahead = self._ahead and host.busy
            return
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

    def entered_command(self, text: str) -> None:
        self._ahead = True
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
