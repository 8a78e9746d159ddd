"""Line mode on a terminal that can only print (TERM=dumb): the terminal edits the line, and nothing is redrawn.

What comes in is printed where the cursor is; where an unfinished line turns out to look like one of ours, it begins
anew on a line of its own, marked. The escape key works as the first of a line: alone with Enter behind it,
or with a command and Enter.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from sockcli.console.line_flow import COLOURS
from sockcli.console.mode import COMMAND_PROMPT, ModeController, not_sent, orphan_prompt
from sockcli.console.session_view import SessionView
from sockcli.console.tty_output import TtyOutput
from sockcli.sessions.session import Session
from sockcli.stdio.line_discipline import LineDiscipline, pending_input

# Bytes written at a time.
BATCH: Final = 16 * 1024
# Bytes that a terminal gives as one line at most.
READ: Final = 4096


class DumbMode:
    """The ConsoleMode of a terminal that edits lines itself."""

    def __init__(self, controller: ModeController, display: TtyOutput, discipline: LineDiscipline, fd: int) -> None:
        self._controller = controller
        self._display = display
        self._discipline = discipline
        self._fd = fd
        self._leaving = asyncio.Event()
        self._scheduled = False
        self._paused = False
        self._prompted = False  # the command prompt stands there, and nothing after it
        self._orphaned_by: Session | None = None  # the rest of a line is awaited whose session is over
        self._at_line_start = True  # the cursor is
        self._printed = b""  # of the peer's unfinished line, and nothing after it

    async def run(self) -> None:
        self._leaving.clear()
        self._prompted = False
        self._at_line_start = True  # the mode switch has seen to that
        self._printed = b""
        self._display.on_drained = lambda _: self.wake()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._fd, self._read)
        self.wake()
        try:
            await self._leaving.wait()
        finally:
            loop.remove_reader(self._fd)
            self._display.write(self._controller.take_messages())

    def leave(self) -> None:
        self._leaving.set()

    def wake(self) -> None:
        if not self._scheduled and not self._leaving.is_set():
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._show)

    def entered(self, text: str) -> None:  # noqa: ARG002 - the terminal has shown it
        self._prompted = False
        view = self._controller.view
        if view is not None and not self._controller.state.is_command:
            view.lines.complete()
            self._printed = b""

    def show(self, last: bytes) -> None:
        self._print_flow(last, b"")
        self._start_line()

    @property
    def typing(self) -> bool:
        return True  # the terminal has the line, and does not tell before its end

    def cut_off(self, view: SessionView) -> bool:
        if view is not self._controller.view or self._controller.state.is_command:
            return False
        session = view.session
        # The terminal keeps a line to itself until it is whole. In mode cbreak it gives what there is of one.
        self._discipline.set("cbreak")
        typed = os.read(self._fd, READ) if pending_input(self._fd) else b""
        self._discipline.set("line")
        half = session.half_typed or (bool(typed) and not typed.endswith(b"\n"))
        self._orphaned_by = session if half else None
        if half:
            self._at_line_start = False  # the beginning of that line stands there
        elif typed:
            self._controller.refuse(not_sent(session))
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
        if self._paused or self._leaving.is_set() or self._display.pending:
            return
        controller, view = self._controller, self._controller.view
        is_command = controller.state.is_command
        self._discipline.set("quiet" if controller.hidden and not is_command else "line")
        if ahead := controller.take_messages_ahead():
            self._start_line()
            self._print(ahead)
        data = controller.take(BATCH)
        if data and view is not None:
            above = view.lines.feed(data, self._display.size[0])
            self._print_flow(above, view.lines.prompt.replace(b"\n", b"\r\n"))
        messages = controller.take_messages()
        prompts = is_command and not controller.busy and not (self._prompted and not messages)
        if messages or prompts:
            self._start_line()
        self._print(messages)
        if prompts:
            prompt = orphan_prompt(self._orphaned_by) if self._orphaned_by is not None else COMMAND_PROMPT
            self._print(prompt.encode())
            self._prompted = True
        controller.shown()
        if view is not None and view.session.inbox:
            self.wake()

    def _print_flow(self, above: bytes, unfinished: bytes) -> None:
        """Whole lines, and the one after them; of these, what does not stand there yet."""
        above, unfinished = COLOURS.sub(b"", above), COLOURS.sub(b"", unfinished)
        text = above + unfinished
        if self._printed and not text.startswith(self._printed):
            self._start_line()  # it looks like one of ours now, and is marked
            self._printed = b""
        self._print(text[len(self._printed) :])
        self._printed = unfinished

    def _print(self, data: bytes) -> None:
        self._printed = b"" if data else self._printed
        if data:
            self._at_line_start, self._prompted = data.endswith(b"\n"), False
            self._display.write(data)

    def _start_line(self) -> None:
        if not self._at_line_start:
            self._print(b"\r\n")

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ)
        except BlockingIOError:
            return
        except OSError:
            self._controller.lost_terminal()
            return
        text = data.decode("utf-8", "surrogateescape")
        self._at_line_start = self._at_line_start if not text else text.endswith("\n")
        if self._orphaned_by is not None:
            session, self._orphaned_by = self._orphaned_by, None
            self._prompted = False
            self._controller.refuse(not_sent(session))
        elif not text:
            self._controller.end_of_input()
        elif self._controller.escape is not None and data.startswith(self._controller.escape.byte):
            self._ask(text[1:].removesuffix("\n"))
        else:
            # Without a newline it is a line that Ctrl-D ended.
            self._controller.enter(text.removesuffix("\n"))
        self.wake()

    def _ask(self, command: str) -> None:
        """The escape key, with the command that is on its line if there is one."""
        controller = self._controller
        if controller.busy or not (command and controller.state.is_command):
            controller.toggle_prompt()
        if command:
            controller.enter(command)
