"""The REPL: one run of it, on the user's terminal, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sockcli.commands.shell import CommandLine, MakeCommandLine
from sockcli.console.controller import Controller
from sockcli.console.history import COMMANDS, HistoryFile, history_path
from sockcli.console.messages import MessageOutput, lead_style
from sockcli.console.mode_switch import ModeSwitch
from sockcli.console.options import ConsoleOptions
from sockcli.console.tty_claim import ClaimedTty
from sockcli.errors import Denied, Interrupted
from sockcli.policy import Policy
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.opener import MakeEngine
from sockcli.sessions.settings import SessionSettings

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from sockcli.commands.runner import Runner

Begin = Callable[["Repl"], Awaitable[None]]


class Repl:
    """One run, on the user's terminal: the Shell of commands. What the user does is the Controller's."""

    def __init__(
        self,
        policy: Policy,
        make_command_line: MakeCommandLine,
        claimed: ClaimedTty,
        options: ConsoleOptions,
        *,
        single: bool = False,
        make_engine: MakeEngine | None = None,
    ) -> None:
        """`single`: it is over with its last session. `make_engine`: for tests."""
        self.policy = policy
        self._make_command_line = make_command_line
        self.settings = options.settings or SessionSettings()
        self._controller = Controller(
            lambda observer: SessionManager(policy, observer, self.settings, make_engine, options.files),
            self._runner,
            self._completer,
            self._abort,
            escape=options.escape,
            single=single,
            messages=MessageOutput(lead_style(dumb=claimed.dumb), options.say),
        )
        self.manager = self._controller.manager
        self._claimed = claimed
        self._past = HistoryFile(
            history_path() if options.history and not options.files.none_named else None,
            keeps=options.history,
            refused=self._no_history,
        )
        self._made_runner: Runner | None = None
        self._made_completer: Completer | None = None
        self._failure: BaseException | None = None
        self._main: asyncio.Task[Any] | None = None

    # Running

    def run(self, begin: Begin | None = None) -> int:
        """Until it is over; `begin` opens the first session. The exit code, where nothing is raised.

        Raises SockcliError: what the session that was the program failed with, or Interrupted.
        """
        asyncio.run(self._run(begin))
        failure = self._failure or self._controller.session_end.failure
        if failure is not None:
            raise failure
        return 0

    @property
    def farewell(self) -> Sequence[str]:
        """What is left to say once the terminal is given back."""
        return self._controller.session_end.farewell

    async def _run(self, begin: Begin | None) -> None:
        self._main = asyncio.current_task()
        asyncio.get_running_loop().set_exception_handler(self._crashed)
        self._controller.mode_switch = ModeSwitch(
            self._controller, self.manager, self._controller.views, self._claimed, self._past, self._signalled
        )
        # What is loaded by now stays until the end. Left out of every later collection, it delays no key.
        gc.freeze()
        gc.enable()
        if begin is not None:
            self._controller.start(begin(self))
        try:
            await self._controller.mode_switch.run()
        except asyncio.CancelledError:
            if self._failure is None:
                raise
        finally:
            await self._controller.running_command.end()
            self.manager.close_all()

    def _abort(self, failure: BaseException) -> None:
        """Leave from wherever it is; the terminal is given back on the way."""
        self._failure = self._failure or failure
        assert self._main is not None
        self._main.cancel()

    def _signalled(self, signum: int) -> None:
        if signum == signal.SIGINT and not self._controller.is_program:
            self._controller.cancel()
        else:
            self._abort(Interrupted(signum))

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._abort(error if isinstance(error, BaseException) else RuntimeError(context["message"]))

    def _no_history(self, why: str) -> None:
        self.notice(f"what is typed is kept for this run only; the history file is left alone, {why}")

    def _runner(self) -> Runner:
        if self._made_runner is None:
            # Loaded when the first command is given: a session that is the program may never see one.
            from sockcli.commands.runner import Runner

            self._made_runner = Runner(self)
        return self._made_runner

    def _completer(self) -> Completer:
        if self._made_completer is None:
            from sockcli.console.completion import CommandCompleter

            self._made_completer = CommandCompleter(self)
        return self._made_completer

    # Shell: for commands

    @cached_property
    def command_line(self) -> CommandLine:
        return self._make_command_line()

    @property
    def history(self) -> Sequence[str]:
        return self._past.entries(COMMANDS)

    @property
    def keeps_history(self) -> bool:
        return self._past.keeps

    def keep_history(self, keep: bool) -> None:
        self._past.keeps = keep

    def show(self, text: str) -> None:
        self._controller.messages.show(text)

    def notice(self, text: str) -> None:
        self._controller.messages.notice(text)

    def deny(self, answer: str, error: Denied) -> None:  # noqa: ARG002
        self.show(answer)

    def progress(self, state: Callable[[], str] | None) -> None:
        self._controller.running_command.progress(state)

    def suspend(self) -> None:
        self._controller.suspend()

    def quit(self) -> None:
        self._controller.mode_switch.end()
