"""What stands at the ends of a flow, and between them.

A flow moves bytes one way: from a ByteSource to a Channel, or from a Channel to a ByteSink. stdin and stdout are such
ends, and so is another connection. A flow says what it waits for (`interest`), and does what can be done without
waiting (`step`); a loop needs nothing else of it, so that one loop drives any number of flows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sockcli.base.deadline import Deadline
from sockcli.base.poller import Interest, Interrupt, Ready
from sockcli.net.transport import NotReady


class ByteSource(Protocol):
    """Where bytes come from. `ended` once there are no more."""

    ended: bool

    def fileno(self) -> int: ...
    def read(self) -> bytes | NotReady:
        """What is there; to be called when poll() says so. Raises LocalFailure."""
        ...

    def readable(self) -> bool:
        """Whether a read would give something now, be it the end."""
        ...

    def remaining(self) -> int:
        """How many bytes are known to be there still."""
        ...


class ByteSink(Protocol):
    """Where bytes go. It takes all that it is given, and has `room` while more should be given.

    Raises OutputGone where nobody reads it any more, and LocalFailure for every other fault.
    """

    @property
    def changes_bytes(self) -> bool:
        """What is written is not what was received: a filter is in between."""
        ...

    @property
    def pending(self) -> int:
        """Bytes that wait to be written."""
        ...

    @property
    def room(self) -> bool: ...
    def fileno(self) -> int: ...
    def write(self, data: bytes) -> None: ...
    def write_raw(self, data: bytes | memoryview) -> None:
        """Past the filter. What lies under a view may change afterwards."""
        ...

    def finish(self) -> None:
        """No more comes from this peer. Again is harmless."""
        ...

    def ready(self, events: int) -> None:
        """poll() reported this: go on writing, or learn that nobody reads any more."""
        ...

    def drain(self, deadline: Deadline = ..., interrupt: Interrupt = ...) -> bool:
        """Write all that is pending; False if the deadline passed before that."""
        ...


class Flow(Protocol):
    """One direction of a connection."""

    @property
    def has_buffered_events(self) -> bool:
        """It can do something that no descriptor will tell of, so the loop must not wait."""
        ...

    def interest(self) -> Interest: ...
    def step(self, ready: Ready) -> None: ...


class Codec(Protocol):
    """A protocol between the user's bytes and the wire's, without I/O. An event with `data` is for the user."""

    @property
    def active(self) -> bool:
        """Whether the protocol is spoken; until then bytes pass as they are."""
        ...

    @property
    def pending(self) -> bool:
        """`events_received` would give more, with nothing more received."""
        ...

    @property
    def blocked(self) -> bool:
        """Data that is given to it is held back for now."""
        ...

    @property
    def held(self) -> int:
        """How many bytes are held back."""
        ...

    def receive_data(self, data: bytes) -> None: ...
    def receive_urgent(self) -> None:
        """Something further on in the stream is marked urgent (RFC 854, Synch)."""
        ...

    def receive_eof(self) -> None: ...
    def events_received(self) -> Sequence[object]:
        """The next events, after a bounded amount of work. Raises ProtocolError."""
        ...

    def send_data(self, data: bytes) -> None: ...
    def send_eof(self) -> None: ...
    def data_to_send(self) -> bytes:
        """What is to go on the wire now."""
        ...

    def urgent_to_send(self) -> bytes:
        """What follows that, with its last byte marked urgent; usually nothing."""
        ...
