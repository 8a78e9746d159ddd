"""What records a run: it is told of every byte that is sent and received."""

from __future__ import annotations

from typing import Protocol


class Tap(Protocol):
    """Is told of the bytes on the wire, in their order. Each call may raise LocalFailure, TimedOut, Interrupted."""

    def sent(self, data: bytes) -> None: ...
    def received(self, data: bytes) -> None: ...
    def close(self) -> None: ...
