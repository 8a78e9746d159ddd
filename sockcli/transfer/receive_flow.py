"""From the peer to a sink: through this process, or past it where the kernel can move the bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from sockcli.base.poller import BROKEN, WRITABLE, Interest, Ready
from sockcli.net.transport import CHUNK, WANT_READ
from sockcli.net.zero_copy import KernelTransfer, SupportsZeroCopy, ZeroCopyRefused
from sockcli.transfer.channel import Channel
from sockcli.transfer.interfaces import ByteSink

if TYPE_CHECKING:
    from sockcli.stdio.tap import Tap

# What one read takes once there is much to take. To a file, 64 KiB at a time take twice as long, and more than this
# saves nothing.
LARGE: Final = 512 * 1024


class ReceiveFlow:
    """Without a sink, what the peer sends is read and dropped."""

    def __init__(
        self,
        channel: Channel,
        sink: ByteSink | None,
        *,
        taps: Sequence[Tap] = (),
        on_event: Callable[[object], None] | None = None,
        kernel_transfer: KernelTransfer | None = None,
    ) -> None:
        """`on_event` is told of the codec's events that are no data. With a `kernel_transfer` nobody sees the bytes, so
        it goes with no taps, no codec and no filter.
        """
        self._channel = channel
        self._sink = sink
        self._taps = taps
        self._on_event = on_event
        self._kernel_transfer = kernel_transfer
        # One buffer does for all reads where nobody keeps or changes the bytes.
        transport = channel.transport
        reuses = not taps and channel.codec is None and not (sink is not None and sink.changes_bytes)
        self._direct = transport if reuses and isinstance(transport, SupportsZeroCopy) else None
        self._buffer = bytearray(CHUNK if self._direct is not None else 0)

    @property
    def has_buffered_events(self) -> bool:
        """It can do something that no event will tell of."""
        channel = self._channel
        if self._kernel_transfer is not None or channel.ended or not self._has_room():
            return False
        return channel.has_buffered_events or channel.transport.pending()

    @property
    def output_blocked(self) -> bool:
        """It waits for whoever reads the sink."""
        if self._kernel_transfer is not None and not self._kernel_transfer.awaits_input:
            return not self._channel.ended
        return self._sink is not None and self._sink.pending > 0

    def interest(self) -> Interest:
        channel, sink = self._channel, self._sink
        if self._kernel_transfer is not None and sink is not None:
            return self._interest_of(self._kernel_transfer, sink)
        # The sink is always watched: once its reader is gone, nothing has to be written to notice it.
        interest: Interest = () if sink is None else ((sink.fileno(), WRITABLE if sink.pending else 0),)
        if not channel.eof_received and self._has_room():
            interest = (*interest, (channel.transport.fileno(), channel.read_interest()))
        return interest

    def step(self, ready: Ready) -> None:
        channel, sink = self._channel, self._sink
        if sink is not None and (events := ready.get(sink.fileno())):
            sink.ready(events)
        if self._kernel_transfer is not None:
            self._move(self._kernel_transfer, ready)
        elif channel.ended or not self._has_room():
            return
        elif channel.has_buffered_events:
            channel.deliver(self._hand_out)
        elif (
            ready.get(channel.transport.fileno(), 0) & (channel.read_interest() | BROKEN) or channel.transport.pending()
        ):
            if self._direct is None:
                self._receive()
            else:
                self._copy(self._direct)

    def _has_room(self) -> bool:
        return (self._sink is None or self._sink.room) and not self._channel.answer_backlog_full

    def _interest_of(self, transfer: KernelTransfer, sink: ByteSink) -> Interest:
        if self._channel.ended or not transfer.awaits_input or sink.pending:
            return ((sink.fileno(), WRITABLE if self.output_blocked else 0),)
        return (sink.fileno(), 0), (self._channel.transport.fileno(), WANT_READ)

    def _move(self, transfer: KernelTransfer, ready: Ready) -> None:
        """Have the kernel move what is there, behind what is still to be written."""
        awaited = self._channel.transport if transfer.awaits_input else self._sink
        if self._channel.ended or awaited is None or not ready.get(awaited.fileno()):
            return
        if self._sink is not None and self._sink.pending:
            return
        try:
            self._channel.take(transfer.move)
        except ZeroCopyRefused:
            self._kernel_transfer = None

    def _copy(self, transport: SupportsZeroCopy) -> None:
        buffer = self._buffer
        count = self._channel.take(lambda: transport.receive_into(buffer))
        if self._sink is not None and count:
            self._sink.write_raw(memoryview(buffer)[:count])
        if count == len(buffer) < LARGE:
            self._buffer = bytearray(LARGE)

    def _receive(self) -> None:
        channel = self._channel
        data = channel.receive()
        if channel.codec is not None:
            channel.deliver(self._hand_out)
        elif data and self._sink is not None:
            self._sink.write(data)
        if data:
            # After the sink: a tap may fail, and what was received is to be written all the same.
            for tap in self._taps:
                tap.received(data)

    def _hand_out(self, event: object) -> None:
        data = getattr(event, "data", None)
        if isinstance(data, bytes):
            if self._sink is not None:
                self._sink.write(data)
        elif self._on_event is not None:
            self._on_event(event)
