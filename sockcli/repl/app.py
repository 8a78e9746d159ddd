"""The REPL: what a line that was entered means, what sessions have to say, and how it all ends.

Enter sends the line, or runs it as a command. The escape key asks for one command, then it is back to the session.
Ctrl-C ends a running command, else it empties the line; on an empty line it is Interrupt Process for a telnet peer,
ends a plain session that is the program, as in nc, and does nothing in the REPL. Ctrl-D on an empty line ends the
input of a session, the second time the session; at the command prompt it leaves. Ctrl-\\ is SIGQUIT, as anywhere.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sockcli.errors import Denied, Interrupted, SockcliError, UsageError
from sockcli.policy import Policy
from sockcli.repl.errand import Errand
from sockcli.repl.history import COMMANDS, HistoryFile, history_path
from sockcli.repl.hub import Hub, MakeEngine
from sockcli.repl.options import EscapeKey, Settings
from sockcli.repl.session import Session
from sockcli.repl.shell import CommandRunner, MakeRunner, ParseTarget
from sockcli.repl.stage import Stage
from sockcli.repl.taking import Taken
from sockcli.repl.toolbar import fragments
from sockcli.text import printable

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

# Lines of ours that wait while a full-screen program has the terminal. The last ones are the ones to read.
MOST_WORDS: Final = 500
# Seconds between two showings of how far a command is: as often as an eye can follow.
PROGRESS: Final = 0.1

Begin = Callable[["Repl"], Awaitable[None]]


class Repl:
    """One run, on the user's terminal: the Shell of commands, the Host of faces, the Watcher of sessions."""

    def __init__(
        self,
        policy: Policy,
        make_runner: MakeRunner,
        parse: ParseTarget,
        taken: Taken,
        *,
        settings: Settings | None = None,
        escape: EscapeKey | None = None,
        single: bool = False,
        make_engine: MakeEngine | None = None,
    ) -> None:
        """`single`: it is over with its last session."""
        self.policy = policy
        self.parse = parse
        self.settings = settings or Settings()
        self.escape = escape
        self.hub = Hub(policy, self, self.settings, make_engine)
        self.farewell: list[str] = []  # what is left to say once the terminal is given back
        self._single = single
        self._taken = taken
        self._past = HistoryFile(history_path())
        self._make_runner = make_runner
        self._made_runner: CommandRunner | None = None
        self._asked = False  # one command, then back to the session
        self._errand = Errand(self._command_failed, self._command_ended)
        self._progress: Callable[[], str] | None = None
        self._next_look: asyncio.TimerHandle | None = None  # at it
        self._spoke = False  # the command that runs showed something
        self.lingering = False
        self._words: deque[str] = deque(maxlen=MOST_WORDS)
        self._shown: Session | None = None  # whose output was asked for last
        self._failure: BaseException | None = None
        self._main: asyncio.Task[Any] | None = None
        self._stage: Stage | None = None

    # Running

    def run(self, begin: Begin | None = None) -> int:
        """Until it is over; `begin` opens the first session. The exit code, where nothing is raised.

        Raises SockcliError: what the session that was the program failed with, or Interrupted.
        """
        asyncio.run(self._run(begin))
        if self._failure is not None:
            raise self._failure
        return 0

    async def _run(self, begin: Begin | None) -> None:
        self._main = asyncio.current_task()
        asyncio.get_running_loop().set_exception_handler(self._crashed)
        self._stage = Stage(self, self.hub, self._taken, self._past, self._signalled)
        # What is loaded by now stays until the end. Left out of every later collection, it costs no key any time.
        gc.freeze()
        gc.enable()
        if begin is not None:
            self._start(begin(self))
        try:
            await self._stage.run()
        except asyncio.CancelledError:
            if self._failure is None:
                raise
        finally:
            await self._errand.end()
            self.hub.close_all()

    def _abort(self, failure: BaseException) -> None:
        """Leave from wherever it is; the terminal is given back on the way."""
        self._failure = self._failure or failure
        assert self._main is not None
        self._main.cancel()

    def _signalled(self, signum: int) -> None:
        if signum == signal.SIGINT and not self._single:
            self.cancel()
        else:
            self._abort(Interrupted(signum))

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._abort(error if isinstance(error, BaseException) else RuntimeError(context["message"]))

    def _end(self) -> None:
        if self._stage is not None:
            self._stage.end()

    def _settle(self) -> None:
        """Something is another now."""
        if self._stage is None:
            return
        if self._is_last and not self.busy:
            self._stage.end()
        else:
            self._stage.settle()

    # Commands

    @property
    def _runner(self) -> CommandRunner:
        # Made when the first command is given: a session that is the program may never see one.
        self._made_runner = self._made_runner or self._make_runner(self)
        return self._made_runner

    def _start(self, work: Awaitable[None]) -> None:
        self._spoke = False
        self._errand.start(work)
        self._settle()

    def _command_failed(self, failure: SockcliError | str) -> None:
        if isinstance(failure, str):
            self.notice(failure)
        elif self._is_last:
            self._failure = failure
        else:
            self._report(failure)

    def _command_ended(self) -> None:
        assert self._stage is not None
        self._progress = None
        self.lingering = self._asked and self._spoke and self._stage.screen_aside and not self._errand.waiting
        self._asked = self.lingering
        self._settle()
        while not self._stage.over and (line := self._errand.next_line()) is not None:
            self._act(line)

    def _report(self, error: SockcliError) -> None:
        for line in error.lines:
            self._say(f"sockcli: error: {line}")
        if error.hint:
            self._say(f"hint: {error.hint}")

    def _say(self, text: str) -> None:
        self._spoke = True
        self._words += [printable(line) for line in text.split("\n")]
        self._settle()

    # Shell: for commands

    @property
    def history(self) -> Sequence[str]:
        return self._past.entries(COMMANDS)

    def show(self, text: str) -> None:
        self._say(text)

    def notice(self, text: str) -> None:
        self._say(f"sockcli: {text}")

    def deny(self, answer: str, error: Denied) -> None:  # noqa: ARG002
        self.show(answer)

    def progress(self, state: Callable[[], str] | None) -> None:
        self._progress = state
        if self._next_look is not None:
            self._next_look.cancel()
        self._show_progress()

    def _show_progress(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(PROGRESS, self._show_progress) if self._progress is not None else None
        self._settle()

    def suspend(self) -> None:
        assert self._stage is not None
        self._stage.suspend()

    def quit(self) -> None:
        self._end()

    # Watcher: of sessions

    @property
    def free(self) -> bool:
        return self._stage is not None and not self.busy and not self._stage.face.typing

    def output(self, _session: Session) -> None:
        self._settle()

    def changed(self, _session: Session) -> None:
        self._settle()

    def told(self, session: Session | None, text: str) -> None:
        place = f"session {session.number}: " if session is not None and session is not self.hub.current else ""
        self.notice(f"{place}{text}")

    def unrecorded(self, session: Session, failure: SockcliError) -> None:
        failure.message = f"session {session.number} is not recorded any more: {failure.message}"
        self._report(failure)

    def over(self, session: Session) -> None:
        if session is not self.hub.current:
            ended = str(session.failure or f"connection closed by {session.peer}")
            self.told(session, ended)
            if not session.inbox:
                self._forget(session)
        elif session.view.character:
            self._asked = False  # its screen is what there is to see last
        self._settle()

    # Host: of faces

    @property
    def session(self) -> Session | None:
        return self.hub.current

    @property
    def commanding(self) -> bool:
        return self._asked or self.hub.current is None

    @property
    def busy(self) -> bool:
        return self._errand.runs

    @property
    def doing(self) -> str:
        return self._progress() if self._progress is not None else ""

    @property
    def hidden(self) -> bool:
        session = self.hub.current
        return session is not None and session.echo_off

    def remembers(self, command: str) -> bool:
        # What is sent while the peer has the echo may be a password, just as what is typed then.
        return not (self.hidden and self._runner.sends_text(command))

    @property
    def completer(self) -> Completer | None:
        return self._runner.completer()

    def toolbar(self, columns: int) -> Sequence[tuple[str, str]]:
        current = self.hub.current
        return fragments(current, [each for each in self.hub.sessions.values() if each is not current], columns)

    def take(self, limit: int) -> bytes:
        session = self.hub.current
        if session is None or session.shows_character != session.view.character:
            return b""
        data = session.take(limit)
        self.hub.taken(session)
        return data

    def take_ahead(self) -> bytes:
        before, self._shown = self._shown, self.hub.current
        return self.take_words() if before is not self._shown else b""

    def take_words(self) -> bytes:
        words = "".join(f"{line}\r\n" for line in self._words)
        self._words.clear()
        return words.encode("utf-8", "backslashreplace")

    def shown(self) -> None:
        session = self.hub.current
        if session is not None and session.over and not session.inbox:
            self._finish(session)
        elif session is not None and session.shows_character != session.view.character:
            self._settle()

    def resized(self, columns: int, rows: int) -> None:
        self.hub.resize(columns, rows)

    def enter(self, text: str) -> None:
        if self.busy:
            self._errand.queue(text)
        else:
            self._act(text)

    def _act(self, text: str) -> None:
        assert self._stage is not None
        session = self.hub.current
        if session is not None and session.character_mode and not self._asked:
            session.send_keys(f"{text}\r".encode("utf-8", "surrogateescape"))  # typed ahead of that mode
            return
        self._stage.face.entered(text)
        try:
            if session is not None and not self._asked:
                session.send_lines(text.split("\n"))
            elif "\n" in text:
                raise UsageError("a pasted block is not run; a command is one line")
            elif text.strip():
                self._start(self._runner.run(text))
            else:
                self._asked = False
                self._settle()
        except SockcliError as exc:
            self._report(exc)

    def cancel(self) -> None:
        session = self.hub.current
        if self.busy:
            self._errand.cancel()
        elif self._asked:
            self._asked = False
            self._settle()
        elif session is not None and session.speaks_telnet:
            self._try(session.interrupt)
        elif session is not None and self._single:
            self._abort(Interrupted(signal.SIGINT))

    def end_of_input(self) -> None:
        session = self.hub.current
        if self.busy:
            return
        if self._asked:
            self._asked = False
            self._settle()
        elif session is None:
            self._end()
        elif session.input_ended or not session.can_half_close:
            self._close(session)
        else:
            self._try(session.send_eof)

    def ask(self) -> None:
        if not self.busy and self.hub.current is not None:
            self._asked = not self._asked
            self._settle()

    def go_back(self, key: str) -> None:
        session = self.hub.current
        self._asked = self.lingering = False
        if session is not None and key != "\r":
            session.send_keys(key.encode("utf-8", "surrogateescape"))
        self._settle()

    def quit_signal(self) -> None:
        assert self._stage is not None
        self._stage.quit()

    def refuse(self, text: str) -> None:
        self._report(UsageError(text))

    def lost_terminal(self) -> None:
        self._abort(Interrupted(signal.SIGHUP))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except SockcliError as exc:
            self._report(exc)

    # How a session ends

    def _finish(self, session: Session) -> None:
        """All that it sent was shown."""
        assert self._stage is not None
        last = session.view.finish()
        if not session.view.character:
            last = session.lines.feed(last, len(last)) + session.lines.complete()
        self._stage.face.show(last)
        for text in session.view.left_out():
            self._tell(session, text)
        half_typed = self._stage.cut_off(session)
        self._close(session)
        if half_typed and self._is_last:
            self.farewell.append("what was being typed was not sent")

    def _close(self, session: Session) -> None:
        over, failure = session.over, session.failure
        try:
            self.hub.close(session.number)
        except SockcliError as exc:
            failure = failure or exc
        if self._is_last:
            self._failure = failure
        if failure is None and over:
            self._tell(session, f"connection closed by {session.peer}")
        elif failure is not None and not self._is_last:
            self._report(failure)
        self._settle()

    def _forget(self, session: Session) -> None:
        assert self._stage is not None
        self._stage.cut_off(session)
        with suppress(SockcliError):  # that it is over has been said
            self.hub.close(session.number)

    def _tell(self, session: Session, text: str) -> None:
        """Now, or when the terminal is given back if that is now as well."""
        if self._single and len(self.hub.sessions) <= 1:
            self.farewell.append(text)
        else:
            self.told(session, text)

    @property
    def _is_last(self) -> bool:
        """Nothing is left of a program that was one session."""
        return self._single and not self.hub.sessions
