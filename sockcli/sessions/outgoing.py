"""What is on its way to a TCP peer: our bytes and telnet's in one order, and what is urgent marked as such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from sockcli.base.byte_queue import MAX_ANSWER_BACKLOG, ByteQueue
from sockcli.net.transport import NotReady, Transport
from sockcli.telnet import TelnetCodec


@runtime_checkable
class SendsUrgent(Protocol):
    """A transport that can mark a byte as urgent."""

    def send_urgent(self, data: memoryview) -> int | NotReady: ...


class Outgoing:
    """A queue that never refuses; `room` says when to put no more."""

    def __init__(self, transport: Transport, codec: TelnetCodec | None, went: Callable[[memoryview], None]) -> None:
        """`went` is told of what the kernel took."""
        self._transport = transport
        self._codec = codec
        self._went = went
        self._queue = ByteQueue()
        self._urgent = memoryview(b"")  # behind all that is in the queue

    @property
    def pending(self) -> int:
        """Bytes that wait for the kernel."""
        return self._queue.pending + len(self._urgent)

    @property
    def unsent(self) -> int:
        """Bytes that are not with the kernel, also those that the codec may not send yet."""
        return self.pending + (self._codec.held if self._codec is not None else 0)

    @property
    def room(self) -> bool:
        held_back = self._codec is not None and self._codec.blocked and self._codec.held > 0
        return self._queue.room and not held_back

    @property
    def answer_backlog_full(self) -> bool:
        """Not even answers are taken: ask the peer for nothing more to answer."""
        return self._queue.pending > MAX_ANSWER_BACKLOG

    def put(self, data: bytes) -> None:
        """Our bytes, for the codec to bring into telnet's form."""
        if self._codec is not None:
            self._codec.send_data(data)
        else:
            self._queue.put(data)
        self.pull()

    def put_raw(self, data: bytes) -> None:
        """Bytes that no codec is to change, where telnet is not spoken."""
        self._queue.put(data)

    def pull(self) -> None:
        """Take over what the codec has to say, up to what is urgent, which waits until all before it is sent."""
        if self._codec is None or self._urgent:
            return
        self._queue.put(self._codec.data_to_send())
        if not self._queue.pending:
            self._urgent = memoryview(self._codec.urgent_to_send())

    def send(self) -> None:
        """What the kernel takes now. Raises SockcliError."""
        while self.pending:
            front = self._queue.front() if self._queue.pending else self._urgent
            taken = self._send_some(front)
            if not isinstance(taken, int):
                return
            self._went(front[:taken])
            if self._queue.pending:
                self._queue.consume(taken)
            else:
                self._urgent = self._urgent[taken:]
            self.pull()

    def _send_some(self, data: memoryview) -> int | NotReady:
        if not self._queue.pending and isinstance(self._transport, SendsUrgent):
            return self._transport.send_urgent(data)
        return self._transport.send(data)
