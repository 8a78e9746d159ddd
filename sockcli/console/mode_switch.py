"""Which mode has the terminal, and what has to happen to the terminal between two of them.

Theory of operation. There are two ways to use a terminal, the modes: one where a line is edited (LineMode, or DumbMode
where the terminal can only print), and one where every key goes to the peer (CharacterMode). Exactly one runs at a
time. It owns the keys and all that is written, until its `run` returns.

Which one is wanted follows from the ConsoleState, which is never stored: the controller looks it up in a table
(`state`) from the command prompt and from what the current session shows next.

    COMMAND  a line is a command            line mode
    ANSWER   any key goes back              line mode, over the screen of a session in character mode
    LINE     a line is for the session      line mode
    KEYS     a key is for the session       character mode

`refresh` is called whenever something may be different: a command began or ended, the escape key was pressed, a session
was opened, chosen or closed, or its peer went into the other mode. It leaves the mode that runs, if another is wanted
or the view of the session must be switched; else it wakes it, to draw. Output alone does not come this way: it only
wakes the mode (`Controller.session_output`). Once that has written it, `Controller.shown` sees whether what comes next
is of the other mode.

`run` is the loop. Before a mode it brings the modes that the peer has set back to the terminal (`_before`), after it
it takes them off (`_after`), so that no command prompt ever stands in the middle of a full-screen program. Who owns
what:

    TtyOwner      the descriptor, its attributes, signals, stopping and going on
    ModeSwitch    which mode runs, and whose modes are on the terminal (`_on_terminal`)
    SessionView   what a session looks like, whether its screen is set aside, and what was being typed for it
    mode          the cursor, while it runs

A session that is set aside in character mode is not read from (`SessionManager.hold`): its peer waits with its screen.
While the shell has the terminal (Ctrl-Z) no mode is left or entered; the one that runs is paused.

The end: `end` is called once (quit, Ctrl-D at the command prompt, or the last session of a program that is one
session). The mode that runs is left, and `run` returns, with the terminal as it was found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sockcli.console.character_mode import CharacterMode
from sockcli.console.history import HistoryFile
from sockcli.console.mode import ConsoleMode, ModeController
from sockcli.console.session_view import NEW_LINE, SessionView, SessionViews
from sockcli.console.state import ConsoleState, Showing
from sockcli.console.tty_claim import ClaimedTty
from sockcli.console.tty_owner import TtyOwner
from sockcli.sessions.manager import SessionManager
from sockcli.stdio.descriptors import STDIN


class ModeSwitch:
    """Made on the running loop."""

    def __init__(
        self,
        controller: ModeController,
        manager: SessionManager,
        views: SessionViews,
        claimed: ClaimedTty,
        history: HistoryFile,
        on_signal: Callable[[int], None],
    ) -> None:
        self._controller = controller
        self._manager = manager
        self._views = views
        self._tty = tty = TtyOwner(claimed)
        tty.on_signal = on_signal
        tty.on_background = self._in_background
        tty.on_resume = self._resumed
        tty.on_resize = self._resized
        tty.modes_off = self._modes_off
        self._character = CharacterMode(controller, tty.display, tty.keyboard)
        self._line = _dumb_mode(controller, tty) if claimed.dumb else _line_mode(controller, tty, history)
        self.mode: ConsoleMode = self._line
        self._over = asyncio.Event()
        self._on_terminal: SessionView | None = None  # whose modes the terminal may have

    async def run(self) -> None:
        """Run the mode that is wanted, and then the next, until `end`. The terminal is ours that long."""
        with self._tty.in_use():
            self._resized()
            while not self.over:
                self.mode = self._wanted()
                self._before()
                if self.mode is self._wanted():
                    await self.mode.run()
                self._after()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def end(self) -> None:
        self._over.set()
        self.mode.leave()

    def refresh(self) -> None:
        """Something may be different: have the right mode show it."""
        view = self._views.current
        self._exchange(view)
        set_aside = self._controller.state.is_command and view is not None and view.showing is Showing.CHARACTERS
        self._manager.hold(set_aside or self._tty.stopped)
        if self.over or (self._must_leave() and not self._tty.stopped):
            self.mode.leave()
        else:
            self.mode.wake()

    def suspend(self) -> None:
        """Stop, as on Ctrl-Z. Raises UsageError where nobody would continue us."""
        self._tty.check_job_control()
        self.mode.clear()
        self.mode.pause()
        self._tty.stop()

    def quit(self) -> None:
        """End as on Ctrl-\\ (SIGQUIT)."""
        self._tty.quit()

    def cut_off(self, view: SessionView) -> bool:
        """This session is over. Whether half a line had been typed for it, the rest of which may still come."""
        return self._line.cut_off(view)

    def _wanted(self) -> ConsoleMode:
        return self._character if self._controller.state is ConsoleState.KEYS else self._line

    def _must_leave(self) -> bool:
        if self.mode is not self._wanted():
            return True
        # The peer left character mode while the command prompt had the terminal. `_before` switches the view.
        view = self._views.current
        return self._controller.state is ConsoleState.LINE and view is not None and view.must_switch

    def _exchange(self, view: SessionView | None) -> None:
        """Where another session is the current one now: the modes of the last one off the terminal, its own on."""
        before, self._on_terminal = self._on_terminal, view
        if before is view:
            return
        if before is not None:
            self._set_modes(before.leave())
        if view is not None:
            self._set_modes(view.enter())

    def _set_modes(self, data: bytes) -> None:
        # A terminal that can only print has no modes, and would print this.
        if not self._tty.dumb or self.mode is self._character:
            self._tty.display.write(data)

    def _before(self) -> None:
        view = self._views.current
        if view is None:
            return
        if self.mode is self._character:
            self._enter_character(view)
        elif view.character and view.must_switch:
            columns = self._tty.display.size[0]
            self._tty.display.write(view.begin_printing() if self._tty.dumb else view.begin_lines(columns))

    def _enter_character(self, view: SessionView) -> None:
        if self._tty.dumb:
            self._tty.discipline.set("raw")
        if view.character:
            self._bring_back(view)
        else:
            self._tty.display.write(view.begin_characters(printed=self._tty.dumb))
        view.session.send_keys(self._line.take_draft().encode("utf-8", "surrogateescape"))

    def _after(self) -> None:
        view = self._views.current
        if self.mode is self._character and view is not None and view.character and not view.must_switch:
            self._tty.display.write(view.set_aside() + NEW_LINE)

    def _bring_back(self, view: SessionView) -> None:
        """Draw it again: the line with the cursor is drawn by us, a screen of its own only by the peer's program."""
        self._tty.display.write(view.bring_back())
        # Two changes of its size make a full-screen program draw all of its screen again.
        columns, rows = self._tty.display.size
        view.session.resize(columns, max(1, rows - 1))
        view.session.resize(columns, rows)

    def _resized(self) -> None:
        self._controller.resized(*self._tty.display.size)

    def _modes_off(self) -> bytes:
        """What takes the modes of the current session off the terminal, which the shell is about to get."""
        view = self._views.current
        if view is None or (self._tty.dumb and self.mode is self._line):
            return b""
        # Line mode has erased its line by then. What character mode wrote stays, and the shell begins below it.
        below = NEW_LINE if self.mode is self._character and view.lines.partial else b""
        return view.set_aside() + below

    def _in_background(self) -> None:
        """Somebody else stopped us, and we go on while the shell has the terminal."""
        self.mode.pause()
        self.refresh()

    def _resumed(self) -> None:
        view = self._views.current
        if view is not None and self.mode is self._character:
            self._bring_back(view)
        self._resized()
        self.mode.resume()
        self.refresh()


def _line_mode(controller: ModeController, tty: TtyOwner, history: HistoryFile) -> ConsoleMode:
    # Half of prompt_toolkit, which a terminal that can only print cannot use.
    from sockcli.console.line_mode import LineMode

    return LineMode(controller, tty.display, tty.keyboard, history)


def _dumb_mode(controller: ModeController, tty: TtyOwner) -> ConsoleMode:
    from sockcli.console.dumb_mode import DumbMode

    return DumbMode(controller, tty.display, tty.discipline, STDIN)
