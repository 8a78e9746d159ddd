"""What the user does at the terminal and what that means: the controller of the modes, and the observer of sessions.

Enter sends the line, or runs it as a command. The escape key asks for one command, then it is back to the session.
Ctrl-C ends a running command, else it empties the line. On an empty line it is Interrupt Process for a telnet peer,
ends a plain session that is the program, as in nc, and does nothing where there may be several sessions. Ctrl-D on an
empty line ends the input of a session, the second time the session; at the command prompt it leaves. Ctrl-\\ is
SIGQUIT, as anywhere.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sockcli.console.escape_key import EscapeKey
from sockcli.console.messages import MessageOutput, Messages
from sockcli.console.mode_switch import ModeSwitch
from sockcli.console.running_command import RunningCommand
from sockcli.console.session_end import SessionEnd
from sockcli.console.session_view import SessionView, SessionViews
from sockcli.console.state import TABLE, CommandPrompt, ConsoleState, Showing
from sockcli.console.toolbar import fragments
from sockcli.errors import Interrupted, SockcliError, UsageError
from sockcli.sessions.inbox import LOOK_BACK
from sockcli.sessions.manager import SessionManager, SessionObserver
from sockcli.sessions.secret_lines import SecretLines, is_secret
from sockcli.sessions.session import Session

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from sockcli.commands.runner import Runner

MakeManager = Callable[[SessionObserver], SessionManager]


class Controller:
    """At one terminal. `mode_switch` is set as soon as a loop runs that it can be made on."""

    mode_switch: ModeSwitch

    def __init__(
        self,
        make_manager: MakeManager,
        runner: Callable[[], Runner],
        completer: Callable[[], Completer],
        abort: Callable[[BaseException], None],
        *,
        escape: EscapeKey | None,
        single: bool,
        messages: MessageOutput,
    ) -> None:
        """`abort` leaves from wherever it is. `single`: it is over with its last session."""
        self.escape = escape
        self.manager = make_manager(self)
        self.views = SessionViews(self.manager)
        self.messages = Messages(self.refresh, messages)
        self.session_end = SessionEnd(self.manager, self.messages, single=single)
        self.running_command = RunningCommand(self._command_failed, self._command_ended, self.refresh)
        self._runner = runner
        self._completer = completer
        self._abort = abort
        self._single = single
        self._prompt = CommandPrompt.CLOSED
        self._commanded_from: Session | None = None  # the current session when the last command was given
        self._command = ""  # that command
        self._commands_failed: set[str] = set()
        self._last_shown: SessionView | None = None  # whose output was taken last

    def refresh(self) -> None:
        """Something may be different now: a mode, a message, what is to be drawn."""
        if self.session_end.is_last and not self.running_command.runs:
            self.mode_switch.end()
        else:
            self.mode_switch.refresh()

    @property
    def is_program(self) -> bool:
        """There is one session, and its end is the program's."""
        return self._single and len(self.manager.sessions) <= 1

    # SessionObserver

    @property
    def free(self) -> bool:
        return not self.busy and not self.mode_switch.mode.typing

    def session_output(self, _session: Session) -> None:
        self.mode_switch.mode.wake()

    def session_changed(self, _session: Session) -> None:
        self.refresh()

    def session_notice(self, session: Session | None, text: str) -> None:
        self.messages.notice(self.manager.named(session, text))

    def session_unrecorded(self, session: Session, failure: SockcliError) -> None:
        failure.message = f"session {session.number} is not recorded any more: {failure.message}"
        self.messages.report(failure)

    def session_over(self, session: Session) -> None:
        if session is not self.manager.current:
            self.session_end.end_in_background(self.views.of(session), self.mode_switch)
        elif self.views.of(session).character:
            self._prompt = CommandPrompt.CLOSED  # its screen is what the user sees last
        self.refresh()

    def session_closed(self, session: Session) -> None:
        self.refresh()
        self.views.forget(session)

    # Commands

    def start(self, work: Awaitable[None]) -> None:
        """Do this as a command, which may take long and can be cancelled."""
        self.messages.spoke, self._commanded_from = False, self.manager.current
        self.running_command.start(work)
        self.refresh()

    def _command_failed(self, failure: SockcliError | str) -> None:
        if isinstance(failure, SockcliError):
            self._commands_failed.add(self._command)
        if isinstance(failure, str):
            self.messages.notice(failure)
        elif self.session_end.is_last:
            self.session_end.failure = failure
        else:
            self.messages.report(failure)

    def _command_ended(self) -> None:
        self._prompt = self._prompt_after_command()
        self.refresh()
        while not self.mode_switch.over and (action := self.running_command.next_action()) is not None:
            action()

    def _prompt_after_command(self) -> CommandPrompt:
        """Back to the session; where its screen would cover what the command showed, only at the next key."""
        view = self.views.current
        covers = view is not None and view.has_screen_aside and view.session is self._commanded_from
        if (
            self._prompt is not CommandPrompt.CLOSED
            and self.messages.spoke
            and covers
            and not self.running_command.has_queue
        ):
            return CommandPrompt.ANSWERED
        return CommandPrompt.CLOSED

    def _close_prompt(self) -> None:
        self._prompt = CommandPrompt.CLOSED
        self.refresh()

    # ModeController: what there is to see

    @property
    def view(self) -> SessionView | None:
        return self.views.current

    @property
    def state(self) -> ConsoleState:
        view = self.views.current
        return TABLE[self._prompt, view.showing if view is not None else Showing.NOTHING]

    @property
    def busy(self) -> bool:
        # Until the last of what waited is done, what is being typed is for whatever comes after that.
        return self.running_command.runs or self.running_command.has_queue

    @property
    def doing(self) -> str:
        return self.running_command.doing

    @property
    def hidden(self) -> bool:
        session = self.manager.current
        return session is not None and session.echo_off

    def remembers(self, text: str) -> bool:
        view = self.views.current
        secret_lines, prompt = (view.secret_lines, view.prompt_text) if view is not None else (SecretLines(), "")
        sent: str | None = text
        if self.state.is_command:
            sent = self._runner().text_sent(text)
            # What is sent while the peer has the echo may be a password, just as what is typed then.
            if is_secret(text) or (self.hidden and sent is not None):
                return False
        # All of them, also behind one with a password: it may go on in the next.
        secret = [secret_lines.entered(line, prompt) for line in (sent or "").splitlines()]
        return not any(secret)

    def failed(self, command: str) -> bool:
        return command in self._commands_failed

    @property
    def completer(self) -> Completer | None:
        return self._completer()

    def toolbar(self, columns: int) -> Sequence[tuple[str, str]]:
        current = self.manager.current
        return fragments(current, [each for each in self.manager.sessions.values() if each is not current], columns)

    def take(self, limit: int) -> bytes:
        view = self.views.current
        if view is None or view.must_switch:
            return b""
        data = view.take(limit)
        self.manager.inbox_read(view.session)
        return data

    def take_messages_ahead(self) -> bytes:
        before, view = self._last_shown, self.views.current
        self._last_shown = view
        if before is view:
            return b""
        if view is not None and view.session.kind == "tcp" and view.showing is Showing.LINES:
            view.session.inbox.trim(LOOK_BACK)
        return self.messages.take()

    def take_messages(self) -> bytes:
        return self.messages.take()

    def shown(self) -> None:
        view = self.views.current
        if view is None:
            return
        if view.session.over and not view.session.inbox:
            self.session_end.finish(view, self.mode_switch)
            self.refresh()
        elif view.must_switch and not self.state.is_command:
            self.refresh()

    def resized(self, columns: int, rows: int) -> None:
        self.manager.resize(columns, rows)

    # ModeController: what the user does

    def enter(self, text: str) -> None:
        if self.running_command.runs:
            self.running_command.queue(partial(self._act, text))
        else:
            self._act(text)

    def _act(self, text: str) -> None:
        # Whom the line is for; None where it is a command.
        session = self.manager.current if self._prompt is CommandPrompt.CLOSED else None
        if session is not None and session.character_mode:
            session.send_keys(f"{text}\r".encode("utf-8", "surrogateescape"))  # typed before that mode began
            return
        self.mode_switch.mode.entered(text)
        try:
            if session is not None:
                session.send_lines(text.split("\n"))
            elif "\n" in text:
                raise UsageError("a pasted block is not run; a command is one line")
            elif text.strip():
                self._command = text
                self._commands_failed.discard(text)
                self.start(self._runner().run(text))
            else:
                self._close_prompt()
        except SockcliError as exc:
            self.messages.report(exc)

    def cancel(self) -> None:
        session = self.manager.current
        if self.running_command.runs:
            self.running_command.cancel()
        elif self._prompt is not CommandPrompt.CLOSED:
            self._close_prompt()
        elif session is not None and session.speaks_telnet:
            self._try(session.interrupt)
        elif session is not None and self.is_program:
            self._abort(Interrupted(signal.SIGINT))
        elif self._single:
            self.messages.notice("Ctrl-C ends none of several sessions; close ends one, quit all of them")

    def end_of_input(self) -> None:
        session = self.manager.current
        if self.running_command.runs:
            return
        if self._prompt is not CommandPrompt.CLOSED:
            self._close_prompt()
        elif session is None:
            self.mode_switch.end()
        elif session.input_ended or not session.can_half_close:
            self.session_end.close(session)
            self.refresh()
        else:
            self._try(session.send_eof)

    def toggle_prompt(self) -> None:
        if self.running_command.runs:
            self.running_command.queue(self.toggle_prompt)  # the line after it is a command, whenever it is run
        elif self.manager.current is not None:
            is_closed = self._prompt is CommandPrompt.CLOSED
            self._prompt = CommandPrompt.OPEN if is_closed else CommandPrompt.CLOSED
            self.refresh()

    def go_back(self, key: str) -> None:
        session = self.manager.current
        self._prompt = CommandPrompt.CLOSED
        if session is not None and key != "\r":
            session.send_keys(key.encode("utf-8", "surrogateescape"))
        self.refresh()

    def suspend(self) -> None:
        self.mode_switch.suspend()

    def quit_signal(self) -> None:
        self.mode_switch.quit()

    def refuse(self, text: str) -> None:
        self.messages.report(UsageError(text))

    def lost_terminal(self) -> None:
        self._abort(Interrupted(signal.SIGHUP))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except SockcliError as exc:
            self.messages.report(exc)
