"""Our bytes to the wire: ends of lines, doubled IACs, and holding back what may not go out yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockcli.telnet.constants import IAC_BYTE, IAC_IAC
from sockcli.telnet.newline import Outgoing, Style
from sockcli.telnet.outbox import SendQueue

# Some reads of stdin: whoever sends stops at the first one that is held back.
HOLD_LIMIT: Final = 256 * 1024


class Sender:
    """`style` is asked for with every send, because the peer's options decide it."""

    __slots__ = ("_finished", "_held", "_outbox", "_outgoing", "_style", "blocked")

    def __init__(self, outbox: SendQueue, style: Callable[[], Style]) -> None:
        self._outbox = outbox
        self._style = style
        self._outgoing = Outgoing(style())
        self._held = bytearray()
        self._finished = False
        self.blocked = False

    @property
    def held(self) -> int:
        """How many bytes wait until we are no longer blocked: data, and what a CR at its end still needs."""
        return len(self._held) + (len(self._outgoing.owed) if self._finished else 0)

    def send(self, data: bytes) -> None:
        """Raises BufferError where the caller kept sending to a blocked sender."""
        if not self.blocked:
            self._write(data)
            return
        if len(self._held) + len(data) > HOLD_LIMIT:
            raise BufferError(f"over {HOLD_LIMIT} bytes were sent while blocked")
        self._held += data

    def finish(self) -> None:
        """No more data will come, so a CR at the end of it is a bare one."""
        self._finished = True
        if not self.blocked:
            self._double(self._outgoing.finish())

    def block(self, blocked: bool) -> None:
        self.blocked = blocked
        if blocked or not (self._held or self._finished):
            return
        held, self._held = bytes(self._held), bytearray()
        self._write(held)
        if self._finished:
            self.finish()

    def _write(self, data: bytes) -> None:
        style = self._style()
        if style != self._outgoing.style:
            self._double(self._outgoing.finish())
            self._outgoing = Outgoing(style)
        self._double(self._outgoing.encode(data))

    def _double(self, data: bytes) -> None:
        self._outbox.write(data.replace(IAC_BYTE, IAC_IAC))
