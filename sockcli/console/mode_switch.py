"""Which face the terminal has, and what has to happen to the terminal between two of them.

A session is shown in character mode by the raw face, everything else by the line. Between them the peer's modes are
undone and brought back, so that the command prompt never stands in the middle of a full-screen program's screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from sockcli.console.character_mode import CharacterMode
from sockcli.console.history import HistoryFile
from sockcli.console.mode import ConsoleMode, ModeController
from sockcli.console.tty_claim import CLEAR_LINE, ClaimedTty
from sockcli.console.tty_owner import TtyOwner
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.session import Session
from sockcli.stdio.descriptors import STDIN

_NEW_LINE: Final = b"\r\n"
_LEAVE_SCREEN: Final = b"\x1b[?1049l"


class ModeSwitch:
    """Made on the running loop."""

    def __init__(
        self,
        host: ModeController,
        manager: SessionManager,
        taken: ClaimedTty,
        history: HistoryFile,
        on_signal: Callable[[int], None],
    ) -> None:
        self._host = host
        self._manager = manager
        self._console = console = TtyOwner(taken)
        console.on_signal = on_signal
        console.on_background = self._rest
        console.on_resume = self._resumed
        console.on_resize = self._resized
        console.modes_off = self._modes_off
        self._raw = CharacterMode(host, console.display, console.keyboard)
        self._line: ConsoleMode = _plain_face(host, console) if taken.dumb else _screen(host, console, history)
        self.face: ConsoleMode = self._line
        self._done = asyncio.Event()
        self._shown: Session | None = None  # whose modes the terminal may have
        # Sessions in character mode that are not shown now, and whether what they show is a screen of its own.
        self._aside: WeakKeyDictionary[Session, bool] = WeakKeyDictionary()

    async def run(self) -> None:
        """Show what is wanted, until `end`. The terminal is ours that long."""
        with self._console.in_use():
            self._resized()
            while not self.over:
                self.face = self._wanted()
                self._before()
                if self.face is self._wanted():
                    await self.face.run()
                self._after()

    @property
    def over(self) -> bool:
        return self._done.is_set()

    def end(self) -> None:
        self._done.set()
        self.face.leave()

    @property
    def screen_aside(self) -> bool:
        """The session in front has a screen of its own, which is not shown now."""
        session = self._manager.current
        return session is not None and self._aside.get(session, False)

    def settle(self) -> None:
        """Something is another now: have the right face show it."""
        session = self._manager.current
        self._exchange(session)
        # A screen that is put aside for the command prompt waits with its peer.
        aside = self._host.commanding and session is not None and session.shows_character
        self._manager.hold(aside or self._console.stopped)
        if self.over or (self.face is not self._wanted() and not self._console.stopped):
            self.face.leave()
        else:
            self.face.wake()

    def suspend(self) -> None:
        """Stop, as on Ctrl-Z. Raises UsageError."""
        self._console.check_job_control()
        self.face.clear()
        self.face.pause()
        self._console.stop()

    def quit(self) -> None:
        """As on Ctrl-\\."""
        self._console.quit()

    def cut_off(self, session: Session) -> bool:
        """This session is over, and what is being typed may be for it. Whether it was half a line."""
        return self._line.cut_off(session)

    def write(self, data: bytes) -> None:
        """To the terminal, as it is."""
        self._console.display.write(data)

    def _wanted(self) -> ConsoleMode:
        session = self._manager.current
        character = session is not None and session.shows_character and not self._host.commanding
        return self._raw if character else self._line

    def _exchange(self, session: Session | None) -> None:
        """Another session is in front, or none: take the modes of the one before off the terminal."""
        before, self._shown = self._shown, session
        if before is session:
            return
        if before is not None:
            self._set_modes(before.view.suspend())
        if session is not None and not session.view.character:
            self._set_modes(session.view.resume())

    def _set_modes(self, data: bytes) -> None:
        # One that only prints has none, and would print this.
        if not self._console.dumb or self.face is self._raw:
            self.write(data)

    def _before(self) -> None:
        session = self._manager.current
        if session is None:
            return
        if self.face is self._raw:
            self._enter_raw(session)
        elif session.view.character and not session.shows_character:
            written = session.view.set_character(False)
            # The line that the cursor is on becomes the prompt, if it holds nothing else.
            alone = session.lines.resume(self._console.display.size[0])
            self.write(written + (CLEAR_LINE if alone else _NEW_LINE))

    def _enter_raw(self, session: Session) -> None:
        if self._console.dumb:
            self._console.discipline.set("raw")
        if session.view.character:
            self._bring_back(session)
        else:
            self._aside.pop(session, None)
            self.write(session.lines.complete() + session.view.set_character(True))
        session.send_keys(self._line.take_draft().encode("utf-8", "surrogateescape"))

    def _after(self) -> None:
        session = self._manager.current
        if self.face is self._raw and session is not None and session.view.character and session.shows_character:
            self.write(self._put_aside(session) + _NEW_LINE)

    def _bring_back(self, session: Session) -> None:
        """Its modes, and what can be seen of it: the line with the cursor is ours to draw, a screen its program's."""
        screen = self._aside.pop(session, None)
        line = session.lines.again() if screen is False else b""
        self.write(line + session.view.resume())
        # Two changes of its size make a full-screen program draw all of its screen again.
        columns, rows = self._console.display.size
        session.resize(columns, max(1, rows - 1))
        session.resize(columns, rows)

    def _resized(self) -> None:
        self._host.resized(*self._console.display.size)

    def _modes_off(self) -> bytes:
        session = self._manager.current
        if session is None or (self._console.dumb and self.face is self._line):
            return b""
        # The line is erased by then, what is raw stays.
        below = _NEW_LINE if self.face is self._raw and session.lines.partial else b""
        return self._put_aside(session) + below

    def _put_aside(self, session: Session) -> bytes:
        written = session.view.suspend()
        self._aside[session] = self._aside.get(session, False) or _LEAVE_SCREEN in written
        return written

    def _rest(self) -> None:
        """Somebody else stopped us, and we go on where the terminal is not ours."""
        self.face.pause()
        self.settle()

    def _resumed(self) -> None:
        session = self._manager.current
        if session is not None and self.face is self._raw:
            self._bring_back(session)
        self._resized()
        self.face.resume()
        self.settle()


def _screen(host: ModeController, console: TtyOwner, history: HistoryFile) -> ConsoleMode:
    from sockcli.console.line_mode import (
        LineMode,  # half of prompt_toolkit, which a terminal that only prints cannot use
    )

    return LineMode(host, console.display, console.keyboard, history)


def _plain_face(host: ModeController, console: TtyOwner) -> ConsoleMode:
    from sockcli.console.dumb_mode import DumbMode

    return DumbMode(host, console.display, console.discipline, STDIN)
