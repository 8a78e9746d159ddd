"""What a flow meets on its way: a codec between the user's bytes and the wire's.

A flow says what it waits for (`interest`) and does what can be done without waiting (`step`); that is all that the
loop needs of it. A lost connection is kept in the flow's `failure`, because what came in before it is still to be
written; a fault of stdin or stdout is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Codec(Protocol):
    """A protocol between the user's bytes and the wire's, without I/O. An event with `data` is for the user."""

    @property
    def pending(self) -> bool:
        """There are more events than were asked for."""
        ...

    @property
    def blocked(self) -> bool:
        """Send nothing more for now."""
        ...

    @property
    def held(self) -> int:
        """Bytes that it cannot send yet."""
        ...

    def receive_data(self, data: bytes) -> None: ...
    def receive_urgent(self) -> None: ...
    def receive_eof(self) -> None: ...
    def events_received(self) -> Sequence[object]: ...
    def send_data(self, data: bytes) -> None: ...
    def send_eof(self) -> None: ...
    def data_to_send(self) -> bytes: ...
