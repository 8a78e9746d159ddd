"""What is being typed, and what for: a command, or the line of a session.

Each has its own draft, with its own history. It is put away while something else has the line, and comes back with it:
the session's draft is kept by its SessionView, the command's here.

A line whose session ends half typed is orphaned. The rest of it is typed by a user who has not seen the end yet, so it
is no command, and goes to no other session: until Enter it stays a line for itself (`orphaned_by`), and is then
dropped.
"""

from __future__ import annotations

from typing import NamedTuple

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import Clipboard
from prompt_toolkit.document import Document
from prompt_toolkit.history import History, InMemoryHistory

from sockcli.console.history import COMMANDS, LINES, HistoryFile, TypedHistory
from sockcli.console.mode import ModeController
from sockcli.console.session_view import SessionView
from sockcli.sessions.secret_lines import SecretLines
from sockcli.sessions.session import Session


class LinePurpose(NamedTuple):
    """What a line is for."""

    view: SessionView | None  # a session; None: it is a command
    hidden: bool  # what is typed is not shown, and not remembered either


class Drafts:
    """Of one line editor, whose text is in `buffer`."""

    def __init__(self, controller: ModeController, buffer: Buffer, clipboard: Clipboard, history: HistoryFile) -> None:
        """`clipboard`: the editor's, from which a line that was dropped can be taken again."""
        self._controller = controller
        self._buffer = buffer
        self._clipboard = clipboard
        self._commands = TypedHistory(history, COMMANDS)
        self._lines = TypedHistory(history, LINES)
        self._purpose: LinePurpose | None = None  # of what is in the buffer; None: nothing has been typed yet
        self._command = ""  # the draft of a command, while the line is for a session
        self._typed_ahead = False  # a command was entered: what is typed since then is for whatever comes after it
        self.orphaned_by: Session | None = None  # what is being typed was for this session, which is over
        self._beginning_unseen = False  # the beginning of that line went to the session key by key
        self._orphan_prompt = ""  # what it answered
        self._orphan_lines = SecretLines()  # those before it

    @property
    def hidden(self) -> bool:
        """What is being typed is not to be shown."""
        return self._purpose is not None and self._purpose.hidden

    @property
    def for_command(self) -> bool:
        """What is being typed is a command."""
        return self._purpose is not None and self._purpose.view is None

    @property
    def begun(self) -> bool:
        """There is some of a line."""
        return bool(self._buffer.text) or self.orphaned_by is not None

    def follow(self) -> None:
        """Have the line be for what it is to be for now, with the draft that was left there."""
        controller = self._controller
        if self.orphaned_by is not None and (self._buffer.text or self._beginning_unseen):
            return
        self.orphaned_by = None
        view = None if controller.state.is_command else controller.view
        purpose = LinePurpose(view, view is not None and (controller.hidden or self._holds_hidden(view)))
        if self._purpose is None:
            self._typed_ahead = controller.busy  # the first session is being opened, which runs as a command does
        if purpose == self._purpose:
            self._typed_ahead = self._typed_ahead and controller.busy
        else:
            self._change(purpose)

    def _change(self, purpose: LinePurpose) -> None:
        buffer = self._buffer
        before, self._purpose = self._purpose or LinePurpose(None, False), purpose
        draft = buffer.text
        if purpose.view is not before.view:
            ahead, draft = (draft, "") if self._typed_ahead else ("", draft)
            draft = self._exchange(before, draft, purpose.view) + ahead
        buffer.history = self._history(purpose)
        buffer.reset(Document(draft))

    def take(self) -> str:
        """Take away what was being typed for a session, or for whatever comes next."""
        if (self._purpose is None or self._purpose.view is None) and not self._typed_ahead:
            return ""  # the beginning of a command
        self._typed_ahead = False
        text = self._buffer.text
        self._buffer.reset()
        return text

    def cut_off(self, view: SessionView) -> bool:
        """This session is over. Whether that leaves a line half typed, of which the rest may still come."""
        controller, session = self._controller, view.session
        self._orphan_prompt, self._orphan_lines = view.prompt_text, view.secret_lines
        if view is controller.view and not controller.state.is_command and session.half_typed:
            self._change(LinePurpose(view, hidden=True))  # nobody can know whether the peer would have shown it
            self.orphaned_by, self._beginning_unseen = session, True
        elif self._purpose is not None and self._purpose.view is view:
            self.orphaned_by = session if self._buffer.text else None
        elif not view.draft_hidden:
            self._keep(view.draft)  # something else had the line; the draft can be had again
        return self.orphaned_by is session

    def drop(self, text: str) -> bool:
        """Give up `text`, the orphaned line. Whether it can be had again from the clipboard."""
        self.orphaned_by, self._beginning_unseen = None, False
        self._buffer.reset()
        if self.hidden:
            return False
        self._keep(text)
        return bool(text)

    def _keep(self, text: str) -> None:
        if text:
            self._clipboard.set_text(text)
            if not self._orphan_lines.entered(text, self._orphan_prompt):
                self._lines.remember(text)

    def entered_command(self, text: str, *, remember: bool) -> None:
        self._typed_ahead = True
        if remember:
            self._commands.remember(text)

    def entered_line(self, text: str, *, remember: bool) -> None:
        if remember:
            self._lines.remember(text)

    def _holds_hidden(self, view: SessionView) -> bool:
        """Whether its line began while the peer had the echo: a password stays one when its prompt is given up."""
        if self._purpose is not None and view is self._purpose.view:
            return self.hidden and self.begun
        return view.draft_hidden and bool(view.draft)

    def _exchange(self, before: LinePurpose, draft: str, after: SessionView | None) -> str:
        """Put away the draft for what the line was for; return the one for what it is for now."""
        if before.view is None:
            self._command = draft
        else:
            before.view.draft, before.view.draft_hidden = draft, before.hidden
        return self._command if after is None else after.draft

    def _history(self, purpose: LinePurpose) -> History:
        if purpose.view is None:
            return self._commands
        return InMemoryHistory() if purpose.hidden else self._lines
