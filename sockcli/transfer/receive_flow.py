"""From the peer to stdout: through this process, or past it where there is a kernel_transfer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from sockcli.base.deadline import AT_ONCE
from sockcli.base.poller import BROKEN, URGENT, WRITABLE, Interest, wait
from sockcli.errors import SockcliError
from sockcli.net.transport import CHUNK, WANT_READ, NotReady, Transport
from sockcli.net.zero_copy import KernelTransfer, SupportsZeroCopy, ZeroCopyRefused
from sockcli.stdio.sink import Sink
from sockcli.transfer.send_flow import SendFlow

if TYPE_CHECKING:
    from sockcli.base.poller import Ready
    from sockcli.stdio.tap import Tap
    from sockcli.transfer.interfaces import Codec

# What one read takes once there is much to take. To a file, 64 KiB at a time take twice as long, and more than this
# saves nothing.
LARGE: Final = 512 * 1024


class ReceiveFlow:
    """Without a sink, what the peer sends is read and dropped."""

    def __init__(
        self,
        transport: Transport,
        sink: Sink | None,
        outbound: SendFlow,
        *,
        taps: Sequence[Tap] = (),
        codec: Codec | None = None,
        on_event: Callable[[object], None] | None = None,
        kernel_transfer: KernelTransfer | None = None,
    ) -> None:
        """With a `kernel_transfer` nobody sees the bytes, so it goes with none of the others."""
        self._transport = transport
        self._sink = sink
        self._outbound = outbound
        self._taps = taps
        self._codec = codec
        self._on_event = on_event
        self._kernel_transfer = kernel_transfer
        self._direct = transport if isinstance(transport, SupportsZeroCopy) and not taps and codec is None else None
        self._buffer = bytearray(CHUNK if self._direct is not None else 0)
        self._urgent = False  # the codec knows about the urgent byte that is on its way
        self._wire_ended = False
        self.received = 0
        self.failure: SockcliError | None = None
        self.ended = False  # nothing more will come, and all that came is at the sink

    @property
    def has_buffered_events(self) -> bool:
        """It can do something that no event will tell of."""
        if self._kernel_transfer is not None or self.ended or not self._has_room():
            return False
        return self._transport.pending() or (self._codec is not None and self._decodes(self._codec))

    @property
    def output_blocked(self) -> bool:
        """It waits for whoever reads stdout."""
        if self._kernel_transfer is not None and not self._kernel_transfer.hungry:
            return not self.ended
        return self._sink is not None and self._sink.pending > 0

    def interest(self) -> Interest:
        sink = self._sink
        if self._kernel_transfer is not None and sink is not None:
            return self._interest_of(self._kernel_transfer, sink)
        # The sink is always watched: once its reader is gone, nothing has to be written to notice it.
        interest: Interest = () if sink is None else ((sink.fileno(), WRITABLE if sink.pending else 0),)
        if not self._wire_ended and self._has_room():
            interest = (*interest, (self._transport.fileno(), self._wanted()))
        return interest

    def step(self, ready: Ready) -> None:
        if self._sink is not None and (events := ready.get(self._sink.fileno())):
            self._sink.ready(events)
        if self._kernel_transfer is not None:
            self._move(self._kernel_transfer, ready)
        elif self.ended or not self._has_room():
            return
        elif self._codec is not None and self._decodes(self._codec):
            self._decode(self._codec)
        elif ready.get(self._transport.fileno(), 0) & (self._wanted() | BROKEN) or self._transport.pending():
            if self._direct is None or (self._sink is not None and self._sink.filter is not None):
                self._receive(ready)
            else:
                self._copy(self._direct)

    def _has_room(self) -> bool:
        return (self._sink is None or self._sink.room) and not (
            self._codec is not None and self._outbound.answer_backlog_full
        )

    def _decodes(self, codec: Codec) -> bool:
        """The codec has events that did not fit, or may have, with nothing more to come."""
        return codec.pending or self._wire_ended

    def _wanted(self) -> int:
        wanted = self._transport.interest(WANT_READ)
        return wanted if self._codec is None or self._urgent else wanted | URGENT

    def _interest_of(self, kernel_transfer: KernelTransfer, sink: Sink) -> Interest:
        if self.ended or not kernel_transfer.hungry or sink.pending:
            return ((sink.fileno(), WRITABLE if self.output_blocked else 0),)
        return (sink.fileno(), 0), (self._transport.fileno(), WANT_READ)

    def _move(self, kernel_transfer: KernelTransfer, ready: Ready) -> None:
        """Have the kernel move what is there, behind what is still to be written."""
        awaited = self._transport if kernel_transfer.hungry else self._sink
        if self.ended or awaited is None or not ready.get(awaited.fileno()):
            return
        if self._sink is not None and self._sink.pending:
            return
        try:
            self._count(kernel_transfer.move)
        except ZeroCopyRefused:
            self._kernel_transfer = None

    def _copy(self, direct: SupportsZeroCopy) -> None:
        """Nobody keeps the bytes: one buffer does for all of them."""
        buffer = self._buffer
        count = self._count(lambda: direct.receive_into(buffer))
        if self._sink is not None and count:
            self._sink.write_raw(memoryview(buffer)[:count])
        if count == len(buffer) < LARGE:
            self._buffer = bytearray(LARGE)

    def _count(self, take: Callable[[], int | NotReady]) -> int:
        try:
            taken = take()
        except SockcliError as exc:
            self.failure = exc
            taken = NotReady.EOF
        if isinstance(taken, int):
            self.received += taken
            return taken
        if taken is NotReady.EOF:
            self._end()
        return 0

    def _receive(self, ready: Ready) -> None:
        if self._codec is not None:
            self._notice_urgent(self._codec, ready)
        try:
            data = self._transport.receive(CHUNK)
        except SockcliError as exc:
            self.failure = exc
            data = NotReady.EOF
        if isinstance(data, bytes):
            self.received += len(data)
            if self._codec is not None:
                self._codec.receive_data(data)
                self._decode(self._codec)
            elif self._sink is not None:
                self._sink.write(data)
            # After stdout: a tap may fail, and what was received is to be written all the same.
            for tap in self._taps:
                tap.received(data)
        elif data is NotReady.EOF:
            self._end()

    def _end(self) -> None:
        self._wire_ended = True
        if self._codec is None:
            self.ended = True
        else:
            self._codec.receive_eof()
            self._decode(self._codec)

    def _decode(self, codec: Codec) -> None:
        while self._has_room() and not self.ended:
            try:
                events = codec.events_received()
            except SockcliError as exc:
                self.failure = self.failure or exc
                self._wire_ended = self.ended = True
                break
            for event in events:
                self._hand_out(event)
            # After the events: an answer may say that they were handed out (RFC 860).
            self._outbound.answer(codec.data_to_send())
            if not events:
                self.ended = self._wire_ended
                break

    def _hand_out(self, event: object) -> None:
        data = getattr(event, "data", None)
        if isinstance(data, bytes):
            if self._sink is not None:
                self._sink.write(data)
        elif self._on_event is not None:
            self._on_event(event)

    def _notice_urgent(self, codec: Codec, ready: Ready) -> None:
        fd = self._transport.fileno()
        if not self._urgent and ready.get(fd, 0) & URGENT:
            # Told once: poll() repeats it until the urgent byte was read, which may be after the codec is past it.
            self._urgent = True
            codec.receive_urgent()
        elif self._urgent and not wait([(fd, URGENT)], AT_ONCE):
            self._urgent = False
