"""What is to be sent, in order, with the two places where it cannot be taken in one go.

Bytes may have to wait until earlier data was handed out (RFC 860: a timing mark says that it was), and the last
byte of a Synch goes out as urgent data, which only the transport can do.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto


class _Kind(Enum):
    PLAIN = auto()
    WAITING = auto()  # for earlier data to be handed out
    URGENT = auto()


class SendQueue:
    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: deque[tuple[_Kind, bytearray]] = deque()

    def write(self, data: bytes) -> None:
        # Whatever follows a part that waits has to wait as well, so it may as well join it.
        if self._parts and self._parts[-1][0] is not _Kind.URGENT:
            self._parts[-1][1].extend(data)
        elif data:
            self._parts.append((_Kind.PLAIN, bytearray(data)))

    def write_after_events(self, data: bytes) -> None:
        """To be sent once `release` says that earlier data was handed out."""
        if self._parts and self._parts[-1][0] is _Kind.WAITING:
            self._parts[-1][1].extend(data)
        else:
            self._parts.append((_Kind.WAITING, bytearray(data)))

    def write_urgent(self, data: bytes) -> None:
        """To be sent with its last byte urgent."""
        self._parts.append((_Kind.URGENT, bytearray(data)))

    def release(self) -> None:
        for index, (kind, data) in enumerate(self._parts):
            if kind is _Kind.WAITING:
                self._parts[index] = (_Kind.PLAIN, data)

    def take(self) -> bytes:
        """All that may go out now, up to the next urgent part."""
        taken = bytearray()
        while self._parts and self._parts[0][0] is _Kind.PLAIN:
            taken += self._parts.popleft()[1]
        return bytes(taken)

    def take_urgent(self) -> bytes:
        """The urgent part, where it is what comes next; else nothing."""
        if self._parts and self._parts[0][0] is _Kind.URGENT:
            return bytes(self._parts.popleft()[1])
        return b""
