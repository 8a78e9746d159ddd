"""From what a peer sent to what is written to the terminal: its encoding, the chosen view, and always the filter.

Nothing that a peer sent reaches the terminal on another way. Whoever shows a session makes a TerminalView of it: the
console, and a script whose stdout is a terminal, or that was asked for `set view hex`.
"""

from __future__ import annotations

import codecs
import time
from typing import Final

from sockcli.base.formatting import hex_dump_lines
from sockcli.sessions.inbox import Chunk, Inbox
from sockcli.sessions.settings import SessionSettings
from sockcli.terminal import FilterMode, TerminalFilter

EMPTY: Final = b"(a datagram of no bytes)\n"


class TerminalView:
    """How one session is shown. It has the state of the terminal as the peer has set it: colours, modes, a screen."""

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._character = False
        self._mode = self._wanted_mode()
        self._filter = TerminalFilter(self._mode)
        self._encoding = ""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._offset = 0
        self._at_line_start = True
        self.apply()

    def take(self, inbox: Inbox, limit: int) -> bytes:
        """What to write next: about `limit` bytes of the peer's, taken out of `inbox`; empty where there is nothing.

        Ends before data of the other mode, for which the view is to be switched first (`set_character`).
        """
        shown = bytearray(self.apply())
        if inbox.dropped:
            shown += f"\n[sockcli: {inbox.dropped:,} bytes were dropped here, more than is kept]\n".encode()
            inbox.dropped = 0
        while limit > 0 and inbox.first is not None and inbox.first.character == self.character:
            chunk = inbox.take(limit)
            assert chunk is not None
            shown += self.show(chunk)
            limit -= max(1, len(chunk.data))
        return bytes(shown)

    def show(self, chunk: Chunk) -> bytes:
        """What to write for this chunk."""
        # In character mode hex and times would destroy the screen that the peer draws.
        view = "text" if self._character else self._settings.view
        stamp = self._settings.timestamps == "on" and not self._character
        shown = b""
        if view != "hex":
            shown = self._datagram(chunk) if chunk.datagram else self._text(chunk.data)
        if view == "text":
            shown = _sender(chunk) + shown
            return self._stamped(shown, chunk.time) if stamp else shown
        # The dump begins on a line of its own, also behind a prompt or half a line. The time and the sender get one as
        # well: a row of the dump fills 80 columns, and leaves no room for them.
        shown += b"\n" if shown and not shown.endswith(b"\n") else b""
        self._at_line_start = True
        head = (_stamp(chunk.time) if stamp else b"") + _sender(chunk)
        return (head.rstrip() + b"\n" if head else b"") + shown + self._hex(chunk, empty=b"" if shown else EMPTY)

    @property
    def character(self) -> bool:
        """What is shown is character mode: the peer draws a screen, or edits the line itself."""
        return self._character

    def set_character(self, on: bool) -> bytes:
        """The peer went into character mode, or left it; what to write for that."""
        self._character = on
        return self.apply()

    def apply(self) -> bytes:
        """SessionSettings were changed; what to write for that."""
        if self._settings.encoding != self._encoding:
            self._encoding = self._settings.encoding
            other = self._encoding != "utf-8"  # which the filter reads itself
            self._decoder = codecs.getincrementaldecoder(self._encoding)("replace") if other else None
        wanted = self._wanted_mode()
        if wanted == self._mode:
            return b""
        before, self._mode = self._mode, wanted
        if "raw" not in (before, wanted):
            return self._filter.switch("screen" if wanted == "screen" else "safe")
        written = self._filter.finish()
        self._filter = TerminalFilter(wanted)
        return written

    def suspend(self) -> bytes:
        """What to write to undo, for a while, the modes that the peer has set on the terminal."""
        return self._filter.suspend()

    def resume(self) -> bytes:
        """What to write to bring those modes back."""
        return self._filter.resume()

    def finish(self) -> bytes:
        """What to write at the end, whatever ended it: what the filter held back, and all modes undone."""
        return self._filter.finish()

    def left_out(self) -> list[str]:
        """Sentences about what the peer sent and the filter did not let through, one for each kind."""
        return self._filter.notices()

    def _wanted_mode(self) -> FilterMode:
        match self._settings.terminal:
            case "safe":
                return "safe"
            case "screen":
                return "screen"
            case "raw":
                return "raw"
            case _:
                return "screen" if self._character else "safe"

    def _text(self, data: bytes) -> bytes:
        if self._decoder is not None:
            data = self._decoder.decode(data).encode()
        return self._filter.feed(data)

    def _datagram(self, chunk: Chunk) -> bytes:
        """A datagram gets lines of its own. An unfinished character at its end does not wait for the next one."""
        if not chunk.data:
            return EMPTY
        shown = self._text(chunk.data) + self._filter.finish()
        return shown if shown.endswith(b"\n") else shown + b"\n"

    def _hex(self, chunk: Chunk, empty: bytes) -> bytes:
        """Rows of a hex dump; `empty` where there are no bytes."""
        offset = 0 if chunk.datagram else self._offset
        lines = "".join(f"{line}\n" for line in hex_dump_lines(chunk.data, offset))
        self._offset = offset + len(chunk.data)
        return lines.encode("ascii") or empty

    def _stamped(self, shown: bytes, when: float) -> bytes:
        if not shown:
            return shown
        stamp = _stamp(when)
        first = stamp if self._at_line_start else b""
        self._at_line_start = shown.endswith(b"\n")
        inner = shown[:-1] if self._at_line_start else shown
        return first + inner.replace(b"\n", b"\n" + stamp) + (b"\n" if self._at_line_start else b"")


def _stamp(when: float) -> bytes:
    clock = time.strftime("%H:%M:%S", time.localtime(when))
    return f"{clock}.{int(when * 1000) % 1000:03d} ".encode()


def _sender(chunk: Chunk) -> bytes:
    return f"[{chunk.sender}] ".encode() if chunk.sender is not None else b""
