"""Character mode: every key goes to the peer as it is typed, and what the peer sends is the screen.

The terminal is raw, so Ctrl-C and Ctrl-Z are the peer's. Two things are not: the escape key, unless it is pasted, and
the marks that the terminal puts around a pasted block, which the peer did not ask for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Final

from sockcli.repl.display import Display
from sockcli.repl.ends import TerminalInput
from sockcli.repl.face import Host
from sockcli.repl.session import Session

# Written at a time. A key of the user's that ends a flood is not to wait behind more than this.
BATCH: Final = 16 * 1024
READ: Final = 4096

_BEGIN: Final = b"\x1b[200~"
_END: Final = b"\x1b[201~"
# The marks are typed by the terminal in one go, but a read may end within one. Esc alone is a key that someone waits
# for, so only what is longer is held back, and not for longer than it takes to read the rest.
_HELD_AT_LEAST: Final = 2
_HELD_FOR: Final = 0.05


class PasteMarks:
    """Takes the marks out of what is typed, and tells what was pasted from what was not."""

    def __init__(self) -> None:
        self._inside = False
        self._held = b""

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def feed(self, data: bytes) -> Iterator[tuple[bool, bytes]]:
        """Pieces, in order: whether each was pasted, and what it is."""
        data = self._held + data
        self._held = b""
        while data:
            piece, mark, rest = data.partition(_END if self._inside else _BEGIN)
            if not mark:
                self._held = self._beginning_of_mark(data)
                piece = data[: len(data) - len(self._held)]
            if piece:
                yield self._inside, piece
            if not mark:
                return
            self._inside = not self._inside
            data = rest

    def release(self) -> bytes:
        """What was held back; it was no mark."""
        held, self._held = self._held, b""
        return held

    def _beginning_of_mark(self, data: bytes) -> bytes:
        mark = _END if self._inside else _BEGIN
        for length in range(len(mark) - 1, _HELD_AT_LEAST - 1, -1):
            if data.endswith(mark[:length]):
                return mark[:length]
        return b""


class RawFace:
    """The face of character mode."""

    def __init__(self, host: Host, display: Display, keyboard: TerminalInput) -> None:
        self._host = host
        self._display = display
        self._keyboard = keyboard
        self._fd = keyboard.fileno()
        self._marks = PasteMarks()
        self._left = asyncio.Event()
        self._paused = False
        self._reading = False
        self._scheduled = False
        self._release: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        self._left.clear()
        self._display.on_drained = lambda _: self.wake()
        self._type(self._keyboard.take_typeahead())
        self.wake()
        try:
            await self._left.wait()
        finally:
            self._read(False)

    def leave(self) -> None:
        self._left.set()

    def wake(self) -> None:
        session = self._host.session
        self._read(session is not None and session.room and not self._paused and not self._left.is_set())
        if not self._scheduled and not self._left.is_set():
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._show)

    def show(self, last: bytes) -> None:
        session = self._host.session
        self._display.write(last + (b"\r\n" if session is not None and session.lines.partial else b""))

    @property
    def typing(self) -> bool:
        return True  # every key is the peer's

    def cut_off(self, session: Session) -> bool:
        return session.half_typed

    def take_draft(self) -> str:
        return ""  # every key is with the peer already

    def clear(self) -> None:
        """All that there is to see is the peer's."""

    def pause(self) -> None:
        self._paused = True
        self._read(False)

    def entered(self, text: str) -> None:
        """Nothing is, here."""

    def resume(self) -> None:
        self._paused = False
        self.wake()

    # Showing

    def _show(self) -> None:
        self._scheduled = False
        session = self._host.session
        if session is None or self._paused or self._left.is_set() or self._display.pending:
            return
        data = self._host.take(BATCH)
        session.lines.watch(data)
        self._display.write(data)
        self._host.shown()
        if session.inbox:
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
            # The terminal is gone. SIGHUP follows where it is our own.
            self._read(False)
            self._host.lost_terminal()

    def _type(self, data: bytes) -> None:
        if self._release is not None:
            self._release.cancel()
            self._release = None
        pieces = self._marks.feed(data)
        for pasted, piece in pieces:
            if pasted:
                self._send(piece.replace(b"\r\n", b"\r").replace(b"\n", b"\r"))
                continue
            escape = self._host.escape
            before, key, after = piece.partition(escape.byte) if escape is not None else (piece, b"", b"")
            self._send(before)
            if key:
                rest = [_BEGIN + more + _END if inside else more for inside, more in pieces]
                self._keyboard.give_typeahead(b"".join([after, *rest, self._marks.release()]))
                self._host.ask()
                return
        if self._marks.holds:
            self._release = asyncio.get_running_loop().call_later(_HELD_FOR, self._no_mark)

    def _no_mark(self) -> None:
        self._release = None
        self._send(self._marks.release())

    def _send(self, data: bytes) -> None:
        session = self._host.session
        if data and session is not None:
            session.send_keys(data)
