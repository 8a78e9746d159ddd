"""From a source to the peer: read, bring into form, and give to the channel; or have the kernel move the bytes."""

from __future__ import annotations

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.encodings import CrlfEncoder
from sockcli.base.poller import READABLE, Interest, Ready
from sockcli.errors import SockcliError
from sockcli.net.transport import WANT_WRITE, NotReady
from sockcli.net.zero_copy import KernelTransfer, ZeroCopyRefused
from sockcli.stdio.source import BULK_CHUNK, BULK_IDLE, INPUT_IDLE
from sockcli.transfer.channel import Channel
from sockcli.transfer.interfaces import ByteSource
from sockcli.transfer.line_pacer import LinePacer


class SendFlow:
    """Without a source it only sends what the channel's codec has to say."""

    has_buffered_events = False  # each of its steps follows an event, or a moment (`next_moment`)

    def __init__(
        self,
        channel: Channel,
        source: ByteSource | None,
        *,
        crlf: bool = False,
        line_delay: float | None = None,
        kernel_transfer: KernelTransfer | None = None,
    ) -> None:
        """`line_delay`: seconds between lines. With a `kernel_transfer` nobody sees the bytes, so it goes with neither
        of the two before it, nor with a codec on the channel.
        """
        self._channel = channel
        self._source = source
        self._encoder = CrlfEncoder() if crlf else None
        self._pacer = LinePacer(Deadline(line_delay)) if line_delay else None
        self._kernel_transfer = kernel_transfer
        self._bulk = False  # it is a program that writes the input
        self.input_idle = Deadline(INPUT_IDLE)

    @property
    def unsent(self) -> int:
        """Bytes of input that were read and not sent."""
        return self._channel.unsent + (self._pacer.pending if self._pacer is not None else 0)

    @property
    def draining(self) -> bool:
        """There is no more input but what the peer has not taken yet."""
        source = self._source
        return source is not None and source.ended and not (self._pacer is not None and self._pacer.pending)

    def next_moment(self) -> Deadline:
        """When the next line is due."""
        return NEVER if self._pacer is None or self._channel.pending else self._pacer.due

    def exhausted(self) -> bool:
        """The peer ended: is all input sent that is there? More of it is not waited for."""
        channel, source = self._channel, self._source
        if source is None:
            return True
        if channel.send_failure is not None:
            # If all that was refused are replies, it comes to nothing, unless there is still input to be refused.
            return source.ended or self.input_idle.expired
        if channel.pending:
            return False
        if channel.holds_input:
            return True  # only the peer could have changed that
        if not source.ended and (source.readable() or not self.input_idle.expired):
            return False
        if self._pacer is not None:
            self._pacer.end()
            return not self._pacer.pending
        return True

    def interest(self) -> Interest:
        channel, transfer = self._channel, self._kernel_transfer
        if channel.send_failure is not None:
            return ()
        if transfer is not None and not transfer.awaits_input:
            ended = self._source is not None and self._source.ended
            return () if ended else ((channel.transport.fileno(), WANT_WRITE),)
        interest: Interest = ()
        if channel.pending:
            interest = ((channel.transport.fileno(), channel.write_interest()),)
        if self._source is not None and self._reads(self._source):
            # Where it does not read it asks for nothing at all: the end of a pipe is reported to whoever asks for 0.
            interest = (*interest, (self._source.fileno(), READABLE))
        return interest

    def step(self, ready: Ready) -> None:
        source = self._source
        if source is not None and not source.ended and self._channel.send_failure is None:
            if self._kernel_transfer is not None:
                self._move(source, self._kernel_transfer, ready)
            elif ready.get(source.fileno()) and self._reads(source):
                self._read(source)
        if self._pacer is not None and not self._channel.pending:
            self._channel.send_data(self._pacer.take())
        if self.draining:
            self._channel.end_input()
        self._channel.flush()

    def _reads(self, source: ByteSource) -> bool:
        if source.ended or not self._channel.room:
            return False
        return self._pacer is None or self._pacer.hungry

    def _read(self, source: ByteSource) -> None:
        data = source.read()
        if not isinstance(data, bytes):
            if source.ended and self._pacer is not None:
                self._pacer.end()
            return
        self._note_chunk(len(data))
        if self._encoder is not None:
            data = self._encoder.encode(data)
        if self._pacer is not None:
            self._pacer.put(data)
        else:
            self._channel.send_data(data)

    def _move(self, source: ByteSource, transfer: KernelTransfer, ready: Ready) -> None:
        if not ready.get(source.fileno() if transfer.awaits_input else self._channel.transport.fileno()):
            return
        try:
            moved = transfer.move()
        except ZeroCopyRefused:
            self._kernel_transfer = None
        except SockcliError as exc:
            self._channel.send_failure = exc
        else:
            if isinstance(moved, int):
                self._channel.count_sent(moved)
                self._note_chunk(moved)
            elif moved is NotReady.EOF:
                source.ended = True

    def _note_chunk(self, size: int) -> None:
        # For good: a connection that takes only a part of a large piece leaves a small one.
        self._bulk = self._bulk or size >= BULK_CHUNK
        self.input_idle = Deadline(BULK_IDLE if self._bulk else INPUT_IDLE)
