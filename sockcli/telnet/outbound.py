"""What goes to the peer: the queue of bytes to send, and the user's data on its way into it.

`SendQueue` keeps everything in the order in which it is to be sent. `OutboundData` puts the user's data into telnet's
form (line endings, doubled IACs) and holds it back while telnet does not allow data to be sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from sockcli.telnet.constants import IAC_BYTE, IAC_IAC
from sockcli.telnet.line_endings import LineEndingEncoder, Style

# How much is held back at most, in bytes. The caller stops reading its input once something is held, so this has to
# cover only what it had read by then.
HOLD_LIMIT: Final = 256 * 1024


class _Release(Enum):
    """When a part of the queue may be sent."""

    NOW = auto()
    AFTER_EVENTS = auto()  # once the events of earlier data were handed out
    AS_URGENT = auto()  # now, but by a call of its own: the transport has to mark its last byte


class SendQueue:
    """Bytes to send, in order. Two kinds of them cannot simply be taken with the rest.

    The answer to DO TIMING-MARK says that all earlier data was processed (RFC 860), so it waits until the data's
    events were handed out. The last byte of a Synch is sent as urgent data (RFC 854), which only the transport can do.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: deque[tuple[_Release, bytearray]] = deque()

    def write(self, data: bytes) -> None:
        # Data behind a part that waits has to wait as well, and so can join it.
        if self._parts and self._parts[-1][0] is not _Release.AS_URGENT:
            self._parts[-1][1].extend(data)
        elif data:
            self._parts.append((_Release.NOW, bytearray(data)))

    def write_after_events(self, data: bytes) -> None:
        """To be sent once `release` was called."""
        if self._parts and self._parts[-1][0] is _Release.AFTER_EVENTS:
            self._parts[-1][1].extend(data)
        else:
            self._parts.append((_Release.AFTER_EVENTS, bytearray(data)))

    def write_urgent(self, data: bytes) -> None:
        """To be sent with its last byte marked as urgent."""
        self._parts.append((_Release.AS_URGENT, bytearray(data)))

    def release(self) -> None:
        """The events of all data received so far were handed out."""
        for index, (release, data) in enumerate(self._parts):
            if release is _Release.AFTER_EVENTS:
                self._parts[index] = (_Release.NOW, data)

    def take(self) -> bytes:
        """Everything that may be sent now, up to the next urgent part."""
        taken = bytearray()
        while self._parts and self._parts[0][0] is _Release.NOW:
            taken += self._parts.popleft()[1]
        return bytes(taken)

    def take_urgent(self) -> bytes:
        """The urgent part, if it is what comes next; otherwise nothing."""
        if self._parts and self._parts[0][0] is _Release.AS_URGENT:
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
