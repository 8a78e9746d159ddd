"""Line mode on a terminal that can only print (TERM=dumb): the terminal edits the line, and nothing is redrawn.

What comes in is printed where the cursor is. The escape key works at the beginning of a line, with Enter behind
it, or a command and Enter.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from sockcli.console.mode import COMMAND_PROMPT, ModeController, dropped, left_prompt
from sockcli.console.tty_output import TtyOutput
from sockcli.sessions.line_flow import COLOURS
from sockcli.sessions.session import Session
from sockcli.stdio.line_discipline import LineDiscipline, pending_input

BATCH: Final = 16 * 1024
# What a terminal gives as one line at most.
READ: Final = 4096


class DumbMode:
    """The face of a terminal that edits lines itself."""

    def __init__(self, host: ModeController, display: TtyOutput, discipline: LineDiscipline, fd: int) -> None:
        self._host = host
        self._display = display
        self._discipline = discipline
        self._fd = fd
        self._left = asyncio.Event()
        self._scheduled = False
        self._paused = False
        self._prompted = False
        self._left_by: Session | None = None  # the rest of a line is awaited whose session is over
        self._below = True  # the cursor is at the beginning of a line

    async def run(self) -> None:
        self._left.clear()
        self._prompted = False
        self._display.on_drained = lambda _: self.wake()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._fd, self._read)
        self.wake()
        try:
            await self._left.wait()
        finally:
            loop.remove_reader(self._fd)
            self._display.write(self._host.take_words())

    def leave(self) -> None:
        self._left.set()

    def wake(self) -> None:
        if not self._scheduled and not self._left.is_set():
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._show)

    def entered(self, text: str) -> None:  # noqa: ARG002 - the terminal has shown it
        self._prompted = False

    def show(self, last: bytes) -> None:
        self._print(COLOURS.sub(b"", last))
        self._start_line()

    @property
    def typing(self) -> bool:
        return True  # the terminal has the line, and does not tell before its end

    def cut_off(self, session: Session) -> bool:
        if session is not self._host.session or self._host.commanding:
            return False
        # The terminal keeps a line to itself until it is whole. In this mode it gives what there is of one.
        self._discipline.set("cbreak")
        typed = os.read(self._fd, READ) if pending_input(self._fd) else b""
        self._discipline.set("line")
        half = session.half_typed or (bool(typed) and not typed.endswith(b"\n"))
        self._left_by = session if half else None
        if half:
            self._below = False  # its beginning stands there
        elif typed:
            self._host.refuse(dropped(session))
        return half

    def take_draft(self) -> str:
        return ""  # the terminal has it

    def clear(self) -> None:
        """Nothing can be taken off."""

    def pause(self) -> None:
        self._paused = True
        asyncio.get_running_loop().remove_reader(self._fd)

    def resume(self) -> None:
        self._paused = self._prompted = False
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        self.wake()

    def _show(self) -> None:
        self._scheduled = False
        if self._paused or self._left.is_set() or self._display.pending:
            return
        host = self._host
        self._discipline.set("quiet" if host.hidden and not host.commanding else "line")
        session = host.session
        if ahead := host.take_ahead():
            self._start_line()
            self._print(ahead)
        self._print(COLOURS.sub(b"", host.take(BATCH)))
        words = host.take_words()
        if words or (host.commanding and not host.busy and not self._prompted):
            self._start_line()
        self._print(words)
        if host.commanding and not host.busy and not self._prompted:
            self._print(left_prompt(self._left_by).encode() if self._left_by is not None else COMMAND_PROMPT.encode())
            self._prompted = True
        host.shown()
        if _has_more(session):
            self.wake()

    def _print(self, data: bytes) -> None:
        if data:
            self._below, self._prompted = data.endswith(b"\n"), False
            self._display.write(data)

    def _start_line(self) -> None:
        if not self._below:
            self._print(b"\r\n")

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ)
        except BlockingIOError:
            return
        except OSError:
            self._host.lost_terminal()
            return
        text = data.decode("utf-8", "surrogateescape")
        self._below = self._below if not text else text.endswith("\n")
        if self._left_by is not None:
            session, self._left_by = self._left_by, None
            self._prompted = False
            self._host.refuse(dropped(session))
        elif not text:
            self._host.end_of_input()
        elif self._host.escape is not None and data.startswith(self._host.escape.byte):
            self._ask(text[1:].removesuffix("\n"))
        else:
            # Without a newline it is a line that Ctrl-D ended.
            self._host.enter(text.removesuffix("\n"))
        self.wake()

    def _ask(self, command: str) -> None:
        """The escape key, with the command that is on its line if there is one."""
        host = self._host
        if host.busy or not (command and host.commanding):
            host.ask()
        if command:
            host.enter(command)


def _has_more(session: Session | None) -> bool:
    return session is not None and bool(session.inbox)
