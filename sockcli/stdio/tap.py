"""Who sees the bytes of a run as they pass on the wire."""

from __future__ import annotations

from typing import Protocol


class Tap(Protocol):
    """Sees the bytes as they pass on the wire."""

    def sent(self, data: bytes) -> None: ...
    def received(self, data: bytes) -> None: ...
    def close(self) -> None: ...
