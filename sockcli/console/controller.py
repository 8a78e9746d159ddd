"""What the user does at the terminal, and sees there: the ModeController of faces.

Enter sends the line, or runs it as a command. The escape key asks for one command, then it is back to the session.
Ctrl-C ends a running command, else it empties the line; on an empty line it is Interrupt Process for a telnet peer,
ends a plain session that is the program, as in nc, and does nothing where there may be several. Ctrl-D on an empty
line ends the input of a session, the second time the session; at the command prompt it leaves. Ctrl-\\ is SIGQUIT, as
anywhere.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sockcli.console.escape_key import EscapeKey
from sockcli.console.messages import Messages
from sockcli.console.mode_switch import ModeSwitch
from sockcli.console.running_command import RunningCommand
from sockcli.console.session_end import SessionEnd
from sockcli.console.toolbar import fragments
from sockcli.errors import Interrupted, SockcliError, UsageError
from sockcli.sessions.inbox import LOOK_BACK
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.session import Session

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from sockcli.commands.runner import Runner


class Controller:
    """At one terminal, whose `stage` is set as soon as a loop runs that it can be made on."""

    stage: ModeSwitch

    def __init__(
        self,
        manager: SessionManager,
        runner: Callable[[], Runner],
        completer: Callable[[], Completer],
        abort: Callable[[BaseException], None],
        *,
        escape: EscapeKey | None,
        single: bool,
    ) -> None:
        """`abort` leaves from wherever it is. `single`: it is over with its last session."""
        self.escape = escape
        self.lingering = False
        self.words = Messages(self.settle)
        self.parting = SessionEnd(manager, self.words, single=single)
        self.errand = RunningCommand(self._failed, self._ended, self.settle)
        self._manager = manager
        self._runner = runner
        self._completer = completer
        self._abort = abort
        self._single = single
        self._asked = False  # one command, then back to the session
        self._asked_by: Session | None = None  # what was in front when the command was given that ran last
        self._command = ""  # that one
        self._commands_failed: set[str] = set()
        self._shown: Session | None = None  # whose output was asked for last

    def settle(self) -> None:
        """Something is another now."""
        if self.parting.is_last and not self.errand.runs:
            self.stage.end()
        else:
            self.stage.settle()

    def over(self, session: Session) -> None:
        """Nothing more will come or go in this session."""
        if session is not self._manager.current:
            self.parting.aside(session, self.stage)
        elif session.view.character:
            self._asked = False  # its screen is what there is to see last
        self.settle()

    @property
    def is_program(self) -> bool:
        """There is one session, and its end is the program's."""
        return self._single and len(self._manager.sessions) <= 1

    # Commands

    def start(self, work: Awaitable[None]) -> None:
        self.words.spoke, self._asked_by = False, self._manager.current
        self.errand.start(work)
        self.settle()

    def _failed(self, failure: SockcliError | str) -> None:
        if isinstance(failure, SockcliError):
            self._commands_failed.add(self._command)
        if isinstance(failure, str):
            self.words.notice(failure)
        elif self.parting.is_last:
            self.parting.failure = failure
        else:
            self.words.report(failure)

    def _ended(self) -> None:
        covered = self.stage.screen_aside and self._manager.current is self._asked_by
        self.lingering = self._asked and self.words.spoke and covered and not self.errand.waiting
        self._asked = self.lingering
        self.settle()
        while not self.stage.over and (action := self.errand.next_action()) is not None:
            action()

    # What there is to see

    @property
    def session(self) -> Session | None:
        return self._manager.current

    @property
    def commanding(self) -> bool:
        return self._asked or self._manager.current is None

    @property
    def busy(self) -> bool:
        # Until the last of what waited is done, what is being typed is for whatever comes after that.
        return self.errand.runs or self.errand.waiting

    @property
    def doing(self) -> str:
        return self.errand.doing

    @property
    def hidden(self) -> bool:
        session = self._manager.current
        return session is not None and session.echo_off

    def remembers(self, command: str) -> bool:
        # What is sent while the peer has the echo may be a password, just as what is typed then.
        return not (self.hidden and self._runner().sends_text(command))

    def failed(self, command: str) -> bool:
        return command in self._commands_failed

    @property
    def completer(self) -> Completer | None:
        return self._completer()

    def toolbar(self, columns: int) -> Sequence[tuple[str, str]]:
        current = self._manager.current
        return fragments(current, [each for each in self._manager.sessions.values() if each is not current], columns)

    def take(self, limit: int) -> bytes:
        session = self._manager.current
        if session is None or session.shows_character != session.view.character:
            return b""
        data = session.take(limit)
        self._manager.taken(session)
        return data

    def take_ahead(self) -> bytes:
        before, self._shown = self._shown, self._manager.current
        if before is self._shown:
            return b""
        if self._shown is not None and self._shown.kind == "tcp" and not self._shown.shows_character:
            self._shown.inbox.trim(LOOK_BACK)
        return self.words.take()

    def take_words(self) -> bytes:
        return self.words.take()

    def shown(self) -> None:
        session = self._manager.current
        if session is not None and session.over and not session.inbox:
            self.parting.finish(session, self.stage)
            self.settle()
        elif session is not None and session.shows_character != session.view.character:
            self.settle()

    def resized(self, columns: int, rows: int) -> None:
        self._manager.resize(columns, rows)

    # What the user does

    def enter(self, text: str) -> None:
        if self.errand.runs:
            self.errand.queue(partial(self._act, text))
        else:
            self._act(text)

    def _act(self, text: str) -> None:
        session = self._manager.current
        if session is not None and session.character_mode and not self._asked:
            session.send_keys(f"{text}\r".encode("utf-8", "surrogateescape"))  # typed ahead of that mode
            return
        self.stage.face.entered(text)
        try:
            if session is not None and not self._asked:
                session.send_lines(text.split("\n"))
            elif "\n" in text:
                raise UsageError("a pasted block is not run; a command is one line")
            elif text.strip():
                self._command = text
                self._commands_failed.discard(text)
                self.start(self._runner().run(text))
            else:
                self._asked = False
                self.settle()
        except SockcliError as exc:
            self.words.report(exc)

    def cancel(self) -> None:
        session = self._manager.current
        if self.errand.runs:
            self.errand.cancel()
        elif self._asked:
            self._asked = False
            self.settle()
        elif session is not None and session.speaks_telnet:
            self._try(session.interrupt)
        elif session is not None and self.is_program:
            self._abort(Interrupted(signal.SIGINT))
        elif self._single:
            self.words.notice("Ctrl-C ends none of several sessions; close ends one, quit all of them")

    def end_of_input(self) -> None:
        session = self._manager.current
        if self.errand.runs:
            return
        if self._asked:
            self._asked = False
            self.settle()
        elif session is None:
            self.stage.end()
        elif session.input_ended or not session.can_half_close:
            self.parting.close(session)
            self.settle()
        else:
            self._try(session.send_eof)

    def ask(self) -> None:
        if self.errand.runs:
            self.errand.queue(self.ask)  # the line after it is a command, whenever it is run
        elif self._manager.current is not None:
            self._asked = not self._asked
            self.settle()

    def go_back(self, key: str) -> None:
        session = self._manager.current
        self._asked = self.lingering = False
        if session is not None and key != "\r":
            session.send_keys(key.encode("utf-8", "surrogateescape"))
        self.settle()

    def suspend(self) -> None:
        self.stage.suspend()

    def quit_signal(self) -> None:
        self.stage.quit()

    def refuse(self, text: str) -> None:
        self.words.report(UsageError(text))

    def lost_terminal(self) -> None:
        self._abort(Interrupted(signal.SIGHUP))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except SockcliError as exc:
            self.words.report(exc)
