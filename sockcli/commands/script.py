"""Commands from a pipe or a file, one a line, until the first that fails. Loads nothing of prompt_toolkit.

What peers send goes to stdout as it comes, byte for byte, from every session, the current one or not. Our messages go
to stderr. At the end of the script each connection ends as it does in a pipe: FIN is sent, and what the peer still
sends is printed until the peer closes.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Final, NamedTuple

from sockcli.base.deadline import Deadline
from sockcli.base.interrupts import SignalInterrupt
from sockcli.base.outcome import DRAIN_GRACE
from sockcli.base.poller import BROKEN
from sockcli.commands.line_reader import LineReader
from sockcli.commands.runner import Runner
from sockcli.commands.shell import CommandLine, MakeCommandLine
from sockcli.errors import Denied, OutputGone, SockcliError, UsageError
from sockcli.policy import Policy
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.opener import MakeEngine
from sockcli.sessions.session import Session
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import Target
from sockcli.sessions.view import TerminalView
from sockcli.stdio.descriptors import STDOUT
from sockcli.stdio.files import ANY_FILE, FileRules
from sockcli.stdio.sink import Sink
from sockcli.stdio.source import Source

# Bytes taken from a session at once: more than it reads from its peer at once, so that nothing is left in its inbox.
MOST: Final = 1 << 21
# Commands that `history` can show. In a script it only helps to see what went wrong.
REMEMBERED: Final = 1000


class ScriptMessages(NamedTuple):
    """Where our own messages go. Each of these makes control characters visible."""

    show: Callable[[str], None]  # what a command was asked to show
    notice: Callable[[str], None]  # what the user wants to know
    detail: Callable[[str], None]  # what went as expected; only for -v


def run_script(
    policy: Policy,
    target: Target | None,
    make_command_line: MakeCommandLine,
    messages: ScriptMessages,
    *,
    files: FileRules = ANY_FILE,
    make_engine: MakeEngine | None = None,
) -> None:
    """`sockcli repl` with stdin no terminal; with `target` a session first. For the main thread only.

    Raises SockcliError: what the first command that failed, or else the first session, failed with.
    """
    with SignalInterrupt() as interrupt:
        script = Script(policy, make_command_line, messages, interrupt, make_engine, files)
        script.run(Source(), target)


class Script:
    """One run: the Shell of its commands, and the SessionObserver of its sessions."""

    def __init__(
        self,
        policy: Policy,
        make_command_line: MakeCommandLine,
        messages: ScriptMessages,
        interrupt: SignalInterrupt,
        make_engine: MakeEngine | None = None,
        files: FileRules = ANY_FILE,
    ) -> None:
        self.policy = policy
        self._make_command_line = make_command_line
        self.settings = SessionSettings()
        self.manager = SessionManager(policy, self, self.settings, make_engine, files)
        self.history: deque[str] = deque(maxlen=REMEMBERED)
        self.keeps_history = True
        self._messages = messages
        self._interrupt = interrupt
        self._runner = Runner(self)
        self._sink = Sink()
        self._on_terminal = os.isatty(STDOUT)
        self._views: dict[Session, TerminalView] = {}  # of those that are not printed byte for byte
        self._failures: list[SockcliError] = []  # of sessions
        self._quitting = False
        self._stopped: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    def run(self, source: Source, target: Target | None) -> None:
        """Raises SockcliError."""
        try:
            asyncio.run(self._main(source, target))
        except OutputGone:
            raise
        except SockcliError:
            with suppress(SockcliError):  # the first error is the one to tell
                self._sink.drain(Deadline(DRAIN_GRACE))
            raise
        self._sink.close()

    async def _main(self, source: Source, target: Target | None) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._crashed)
        loop.add_reader(self._interrupt.fileno(), self._check_signals)
        if stat.S_ISFIFO(os.fstat(self._sink.fileno()).st_mode):
            # The writing end of a pipe becomes readable only when its reader is gone.
            loop.add_reader(self._sink.fileno(), self._output_gone)
        self._task = asyncio.current_task()
        try:
            await self._all(source, target)
        except asyncio.CancelledError:
            if self._stopped is None:
                raise
            raise self._stopped from None
        finally:
            for session in self.manager.sessions.values():
                self._restore_terminal(session)
            self.manager.close_all()
            loop.remove_reader(self._interrupt.fileno())
            loop.remove_reader(self._sink.fileno())

    async def _all(self, source: Source, target: Target | None) -> None:
        try:
            if target is not None:
                await self.manager.open(target)
            await self._commands(LineReader(source))
        except SockcliError:
            await self._each(self._flush)
            raise
        await self._each(self._flush if self._quitting else self._end)
        for failure in self._failures[1:]:
            self._messages.notice(str(failure))
        if self._failures:
            raise self._failures[0]

    async def _commands(self, lines: LineReader) -> None:
        while not self._quitting and (line := await lines.next()) is not None:
            try:
                await self._runner.run(line)
            except SockcliError as exc:
                exc.message = f"line {lines.number}: {exc.message}"
                raise
            if line.strip() and self.keeps_history:
                self.history.append(line)
            # One turn of the event loop, so that sessions send and print also in a script that never waits.
            await asyncio.sleep(0)

    # How it ends

    async def _each(self, finish: Callable[[Session], Awaitable[None]]) -> None:
        sessions = list(self.manager.sessions.values())
        for session in sessions:
            if session.kind == "tcp-listen":
                self.manager.close(session.number)  # else new peers would go on being accepted
        await asyncio.gather(*map(finish, sessions))

    async def _flush(self, session: Session) -> None:
        await self.manager.flush(session)

    async def _end(self, session: Session) -> None:
        """End one session as a pipe's does when stdin ends."""
        if not session.can_half_close:
            await self.manager.flush(session)
            await asyncio.sleep(0)  # a port that is unreachable says so at once, if it is on this machine
            await asyncio.sleep(0)
            return
        await self.manager.until(session, lambda: session.room)
        if not session.over and not session.input_ended:
            session.send_eof()
        await self.manager.until(session, lambda: False)

    def _stop(self, failure: BaseException) -> None:
        """From a callback: end whatever is awaited."""
        self._stopped = self._stopped or failure
        if self._task is not None:
            self._task.cancel()

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._stop(error if isinstance(error, BaseException) else RuntimeError(context["message"]))

    def _check_signals(self) -> None:
        try:
            self._interrupt.check()
        except SockcliError as exc:
            self._stop(exc)

    def _output_gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._sink.fileno())
        try:
            self._sink.ready(BROKEN)
        except SockcliError as exc:
            self._stop(exc)

    # Shell: for commands

    @cached_property
    def command_line(self) -> CommandLine:
        return self._make_command_line()

    def keep_history(self, keep: bool) -> None:
        self.keeps_history = keep

    def show(self, text: str) -> None:
        for line in text.split("\n"):  # one line at a time, since a newline within it would be shown as \n
            self._messages.show(line)

    def notice(self, text: str) -> None:
        self._messages.detail(text)

    def deny(self, answer: str, error: Denied) -> None:  # noqa: ARG002
        raise error

    def progress(self, state: Callable[[], str] | None) -> None:
        """Nobody looks."""

    def suspend(self) -> None:
        raise UsageError("a script has no terminal to give back")

    def quit(self) -> None:
        self._quitting = True

    # SessionObserver: of sessions

    @property
    def free(self) -> bool:
        return True  # nobody types

    def session_output(self, session: Session) -> None:
        """Written before anything more is read, so that nothing piles up, whoever is slow."""
        try:
            if self._is_viewed(session):
                self._sink.write_raw(self._view(session).take(session.inbox, MOST))
            else:
                while (chunk := session.inbox.take(MOST)) is not None:
                    self._sink.write_raw(chunk.data)
            self._sink.drain(interrupt=self._interrupt)
        except SockcliError as exc:
            self._stop(exc)

    def session_changed(self, session: Session) -> None:
        """There is nothing to draw."""

    def session_notice(self, session: Session | None, text: str) -> None:
        self._messages.notice(self.manager.named(session, text))

    def session_unrecorded(self, session: Session, failure: SockcliError) -> None:  # noqa: ARG002 - it names the file
        self._failures.append(failure)

    def session_over(self, session: Session) -> None:
        if session.failure is not None:
            self._failures.append(session.failure)
        self._restore_terminal(session)

    def session_closed(self, session: Session) -> None:
        self._views.pop(session, None)

    def _view(self, session: Session) -> TerminalView:
        if session not in self._views:
            self._views[session] = TerminalView(session.settings)
        return self._views[session]

    def _is_viewed(self, session: Session) -> bool:
        """Whether it is shown as a terminal has to be shown it, or as `set` asked for; else it is printed as it is."""
        settings = session.settings
        return self._on_terminal or settings.view != "text" or settings.timestamps == "on"

    def _restore_terminal(self, session: Session) -> None:
        if not self._is_viewed(session):
            return
        with suppress(SockcliError):  # whatever is wrong with stdout, it has been said
            self._sink.write_raw(self._view(session).finish())
        for text in self._view(session).left_out():
            self._messages.notice(text)
