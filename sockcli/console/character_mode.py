"""Character mode: every key goes to the peer as it is typed, and what the peer sends is the screen.

The terminal is raw, so Ctrl-C and Ctrl-Z go to the peer too. Two things do not: the escape key, unless it is within a
pasted block, and the marks that the terminal puts around such a block, which the peer did not ask for.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from sockcli.console import paste
from sockcli.console.mode import ModeController
from sockcli.console.prompt_toolkit_io import TerminalInput
from sockcli.console.session_view import SessionView
from sockcli.console.tty_output import TtyOutput

# Bytes written at a time. The key with which a user ends a flood does not wait behind more than this.
BATCH: Final = 16 * 1024
# Bytes of keys at a time: as many as a terminal's queue has.
READ: Final = 4096
# Seconds within which the rest of a paste mark is read. What was held back for longer is no mark, but a key that
# somebody waits for.
_HELD_FOR: Final = 0.05


class CharacterMode:
    """The ConsoleMode in which every key is the peer's."""

    def __init__(self, controller: ModeController, display: TtyOutput, keyboard: TerminalInput) -> None:
        self._controller = controller
        self._display = display
        self._keyboard = keyboard
        self._fd = keyboard.fileno()
        self._marks = paste.PasteMarks()
        self._leaving = asyncio.Event()
        self._paused = False
        self._reading = False
        self._scheduled = False
        self._release: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        self._leaving.clear()
        self._display.on_drained = lambda _: self.wake()
        self._type(self._keyboard.take_typeahead())
        self.wake()
        try:
            await self._leaving.wait()
        finally:
            self._read(False)

    def leave(self) -> None:
        self._leaving.set()

    def wake(self) -> None:
        view = self._controller.view
        self._read(view is not None and view.session.room and not self._paused and not self._leaving.is_set())
        if not self._scheduled and not self._leaving.is_set():
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._show)

    def show(self, last: bytes) -> None:
        view = self._controller.view
        self._display.write(last + (b"\r\n" if view is not None and view.lines.partial else b""))

    @property
    def typing(self) -> bool:
        return True  # every key is the peer's

    def cut_off(self, view: SessionView) -> bool:
        return view.session.half_typed

    def take_draft(self) -> str:
        return ""  # every key is with the peer already

    def clear(self) -> None:
        """Nothing is taken off: all that there is to see is the peer's."""

    def pause(self) -> None:
        self._paused = True
        self._read(False)

    def entered(self, text: str) -> None:
        """Nothing stays: no line is entered in this mode."""

    def resume(self) -> None:
        self._paused = False
        self.wake()

    # Showing

    def _show(self) -> None:
        self._scheduled = False
        view = self._controller.view
        if view is None or self._paused or self._leaving.is_set() or self._display.pending:
            return
        data = self._controller.take(BATCH)
        view.lines.watch(data)
        self._display.write(data)
        self._controller.shown()
        if view.session.inbox:
            self.wake()

    # Typing

    def _read(self, wanted: bool) -> None:
        """Read keys, or leave them with the terminal: the peer takes no more for now."""
        if wanted != self._reading:
            self._reading = wanted
            loop = asyncio.get_running_loop()
            _ = loop.add_reader(self._fd, self._keys) if wanted else loop.remove_reader(self._fd)

    def _keys(self) -> None:
        try:
            data = os.read(self._fd, READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._type(data)
        else:
            # The terminal is gone. SIGHUP follows, if it is our controlling terminal.
            self._read(False)
            self._controller.lost_terminal()

    def _type(self, data: bytes) -> None:
        if self._release is not None:
            self._release.cancel()
            self._release = None
        pieces = self._marks.feed(data)
        for pasted, piece in pieces:
            if pasted:
                self._send(piece.replace(b"\r\n", b"\r").replace(b"\n", b"\r"))
                continue
            escape = self._controller.escape
            before, key, after = piece.partition(escape.byte) if escape is not None else (piece, b"", b"")
            self._send(before)
            if key:
                rest = [paste.BEGIN + more + paste.END if inside else more for inside, more in pieces]
                self._keyboard.give_typeahead(b"".join([after, *rest, self._marks.release()]))
                self._controller.toggle_prompt()
                return
        if self._marks.holds:
            self._release = asyncio.get_running_loop().call_later(_HELD_FOR, self._no_mark)

    def _no_mark(self) -> None:
        self._release = None
        self._send(self._marks.release())

    def _send(self, data: bytes) -> None:
        view = self._controller.view
        if data and view is not None:
            view.session.send_keys(data)
