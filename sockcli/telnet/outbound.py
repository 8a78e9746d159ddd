"""What goes to the peer: the queue of bytes to send, and the user's data on its way into it.

`SendQueue` keeps everything in the order in which it is to be sent. `OutboundData` puts the user's data into telnet's
form (line endings, doubled IACs) and holds it back while telnet does not allow data to be sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sockcli.telnet.constants import IAC_BYTE, IAC_IAC
from sockcli.telnet.line_endings import LineEndingEncoder, Style

# How much is held back at most, in bytes. The caller stops reading its input once something is held, so this has to
# cover only what it had read by then.
HOLD_LIMIT: Final = 256 * 1024


class SendQueue:
    """Bytes to send, in order.

    The last byte of a Synch is sent as urgent data (RFC 854), which only the transport can do. So such a part is taken
    by itself, once all before it was taken.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: deque[tuple[bool, bytearray]] = deque()  # (urgent, bytes)

    def write(self, data: bytes) -> None:
        """To be sent behind everything that is here."""
        if self._parts and not self._parts[-1][0]:
            self._parts[-1][1].extend(data)
        elif data:
            self._parts.append((False, bytearray(data)))

    def write_urgent(self, data: bytes) -> None:
        """To be sent with its last byte marked as urgent."""
        self._parts.append((True, bytearray(data)))

    def take(self) -> bytes:
        """Everything up to the next urgent part."""
        if self._parts and not self._parts[0][0]:
            return bytes(self._parts.popleft()[1])
        return b""

    def take_urgent(self) -> bytes:
        """The urgent part, if it is what comes next; otherwise nothing."""
        if self._parts and self._parts[0][0]:
            return bytes(self._parts.popleft()[1])
        return b""


class OutboundData:
    """The user's data, to be sent in telnet's form. Holds it back while `blocked`.

    The form depends on the options that are on, so `style` is called with every `send`.
    """

    __slots__ = ("_encoder", "_finished", "_held", "_queue", "_style", "blocked")

    def __init__(self, queue: SendQueue, style: Callable[[], Style]) -> None:
        self._queue = queue
        self._style = style
        self._encoder = LineEndingEncoder(style())
        self._held = bytearray()
        self._finished = False
        self.blocked = False

    @property
    def held(self) -> int:
        """How many bytes are held back, with those that a CR at the end of the data is still to be followed by."""
        return len(self._held) + (len(self._encoder.owed) if self._finished else 0)

    def send(self, data: bytes) -> None:
        """Raises BufferError where more than HOLD_LIMIT bytes would be held back."""
        if not self.blocked:
            self._write(data)
            return
        if len(self._held) + len(data) > HOLD_LIMIT:
            raise BufferError(f"over {HOLD_LIMIT} bytes were sent while blocked")
        self._held += data

    def finish(self) -> None:
        """No more data will come, so a CR at its end is a bare CR."""
        self._finished = True
        if not self.blocked:
            self._double(self._encoder.finish())

    def block(self, blocked: bool) -> None:
        """Hold data back from here on, or no longer; then what is held goes out."""
        self.blocked = blocked
        if blocked or not (self._held or self._finished):
            return
        held, self._held = bytes(self._held), bytearray()
        self._write(held)
        if self._finished:
            self.finish()

    def _write(self, data: bytes) -> None:
        style = self._style()
        if style != self._encoder.style:
            self._double(self._encoder.finish())
            self._encoder = LineEndingEncoder(style)
        self._double(self._encoder.encode(data))

    def _double(self, data: bytes) -> None:
        self._queue.write(data.replace(IAC_BYTE, IAC_IAC))
