"""From stdin to the peer: through this process, or past it where there is a kernel_transfer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sockcli.base.byte_queue import MAX_ANSWER_BACKLOG, ByteQueue
from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.encodings import CrlfEncoder
from sockcli.base.outcome import BULK_CHUNK, BULK_IDLE, INPUT_IDLE
from sockcli.base.poller import READABLE, Interest
from sockcli.errors import SockcliError
from sockcli.net.transport import WANT_WRITE, NotReady, Transport
from sockcli.net.zero_copy import KernelTransfer, ZeroCopyRefused
from sockcli.stdio.source import Source
from sockcli.transfer.line_pacer import LinePacer

if TYPE_CHECKING:
    from sockcli.base.poller import Ready
    from sockcli.stdio.tap import Tap
    from sockcli.transfer.interfaces import Codec

# After our FIN nothing can be answered, and in a pipe stdin ends before the peer has asked anything. So the FIN waits
# until the peer has asked nothing for this long, in seconds: several round trips of a long way.
QUIET_BEFORE_FIN: Final = 0.3


class SendFlow:
    """Without a source it only sends what the codec has to say."""

    def __init__(
        self,
        transport: Transport,
        source: Source | None,
        *,
        crlf: bool = False,
        line_delay: float | None = None,
        shutdown: bool = True,
        taps: Sequence[Tap] = (),
        codec: Codec | None = None,
        kernel_transfer: KernelTransfer | None = None,
    ) -> None:
        """With a `kernel_transfer` nobody sees the bytes, so it goes with none of the others but `shutdown`."""
        self._transport = transport
        self._source = source
        self._kernel_transfer = kernel_transfer
        self._encoder = CrlfEncoder() if crlf else None
        self._pacer = LinePacer(Deadline(line_delay)) if line_delay else None
        self._shutdown = shutdown
        self._taps = taps
        self._codec = codec
        self._queue = ByteQueue()
        self._input_closed = False
        self._held = False  # the codec keeps input for later
        self.sent = 0
        self.answers = 0  # bytes of the codec's own, sent or not, that no input came after
        self.failure: SockcliError | None = None
        self.finished = False  # stdin ended, and all of it was sent
        self._flowing = False  # it is a program that writes the input
        self.lull = Deadline(INPUT_IDLE)
        self._fin_due = NEVER
        if codec is not None:
            self.answer(codec.data_to_send())

    @property
    def unsent(self) -> int:
        """Bytes of input that were read and not sent, with answers of the codec's in front of them."""
        return max(0, self._queue.pending - self.answers) + self._waiting

    @property
    def _waiting(self) -> int:
        """Bytes of input on their way to the queue."""
        held = self._codec.held if self._codec is not None else 0
        return held + (self._pacer.pending if self._pacer is not None else 0)

    @property
    def draining(self) -> bool:
        """There is no more input but what the peer has not taken yet."""
        return self._input_closed and not (self._pacer is not None and self._pacer.pending)

    @property
    def due(self) -> Deadline:
        """When it can do something though nothing happened."""
        if self._queue.pending:
            return NEVER
        return self._pacer.due.earlier(self._fin_due) if self._pacer is not None else self._fin_due

    @property
    def _holds_back(self) -> bool:
        """The codec may not send now. It is given one read all the same, so that it knows that there is something."""
        return self._codec is not None and self._codec.blocked and self._codec.held > 0

    @property
    def answer_backlog_full(self) -> bool:
        """The peer does not read; it should not ask more of the codec either."""
        return self._queue.pending > MAX_ANSWER_BACKLOG

    def exhausted(self) -> bool:
        """The peer ended: is all input sent that is there? More of it is not waited for."""
        source = self._source
        if source is None:
            return True
        if self.failure is not None:
            # If all that was refused are answers, it comes to nothing, unless there is still input to be refused.
            return source.ended or self.lull.expired
        if self._queue.pending:
            return False
        if self._holds_back:
            return True  # only the peer could have changed that
        if not source.ended and (source.readable() or not self.lull.expired):
            return False
        if self._pacer is not None:
            self._pacer.end()
            return not self._pacer.pending
        return True

    def interest(self) -> Interest:
        if self.failure is not None:
            return ()
        if self._kernel_transfer is not None and not self._kernel_transfer.hungry:
            return () if self._input_closed else ((self._transport.fileno(), WANT_WRITE),)
        interest: Interest = ()
        if self._queue.pending:
            interest = ((self._transport.fileno(), self._transport.interest(WANT_WRITE)),)
        if self._source is not None and self._reads(self._source):
            # Where it does not read it asks for nothing at all: the end of a pipe is reported to whoever asks for 0.
            interest = (*interest, (self._source.fileno(), READABLE))
        return interest

    def step(self, ready: Ready) -> None:
        source = self._source
        if source is not None and self.failure is None and not self._input_closed:
            if self._kernel_transfer is not None:
                if ready.get(source.fileno() if self._kernel_transfer.hungry else self._transport.fileno()):
                    self._move(source, self._kernel_transfer)
            elif ready.get(source.fileno()) and self._reads(source):
                self._read(source)
            if source.ended:
                self._close_input()
        if self._pacer is not None and not self._queue.pending:
            self._queue_input(self._pacer.take())
        self._send()

    def answer(self, data: bytes) -> None:
        """Take what the codec has to say to the peer; `step` sends it."""
        if self.finished and self._shutdown:
            if self._fin_due is NEVER:
                return  # after our FIN nothing can be said any more
            if data:
                self._fin_due.restart()
        self._queue.put(data)
        # Where input was held back, some of this may be input.
        self.answers = 0 if self._held else self.answers + len(data)
        self._held = self._holds_back

    def _reads(self, source: Source) -> bool:
        if source.ended or not self._queue.room or self._holds_back:
            return False
        return self._pacer is None or self._pacer.hungry

    def _read(self, source: Source) -> None:
        data = source.read()
        if not isinstance(data, bytes):
            return
        self._note_piece(len(data))
        if self._encoder is not None:
            data = self._encoder.encode(data)
        if self._pacer is not None:
            self._pacer.put(data)
        else:
            self._queue_input(data)

    def _move(self, source: Source, kernel_transfer: KernelTransfer) -> None:
        try:
            moved = kernel_transfer.move()
        except ZeroCopyRefused:
            self._kernel_transfer = None
        except SockcliError as exc:
            self.failure = exc
        else:
            if isinstance(moved, int):
                self.sent += moved
                self._note_piece(moved)
            elif moved is NotReady.EOF:
                source.ended = True

    def _note_piece(self, size: int) -> None:
        # For good: a connection that takes only a part of a large piece leaves a small one.
        self._flowing = self._flowing or size >= BULK_CHUNK
        self.lull = Deadline(BULK_IDLE if self._flowing else INPUT_IDLE)

    def _close_input(self) -> None:
        self._input_closed = True
        if self._pacer is not None:
            self._pacer.end()
        if self._codec is not None:
            self._codec.send_eof()
            self._put(self._codec.data_to_send())

    def _queue_input(self, data: bytes) -> None:
        if self._codec is not None and data:
            self._codec.send_data(data)
            data = self._codec.data_to_send()
            self._held = self._holds_back
        self._put(data)

    def _put(self, data: bytes) -> None:
        self._queue.put(data)
        if data:
            self.answers = 0

    def _send(self) -> None:
        queue = self._queue
        while queue.pending and self.failure is None:
            front = queue.front()
            taken = self._send_some(front)
            if not taken:
                return
            if self._taps:
                data = bytes(front[:taken])
                for tap in self._taps:
                    tap.sent(data)
            queue.consume(taken)
            self.sent += taken
        if self._input_closed and not self.finished and not (queue.pending or self._waiting):
            self._finish()
        if self._fin_due.expired and not queue.pending:
            self._send_eof()

    def _send_some(self, data: memoryview) -> int:
        try:
            taken = self._transport.send(data)
        except SockcliError as exc:
            self.failure = exc
            return 0
        return taken if isinstance(taken, int) else 0

    def _finish(self) -> None:
        self.finished = True
        if not self._shutdown:
            return
        if self._codec is None:
            self._send_eof()
        else:
            self._fin_due = Deadline(QUIET_BEFORE_FIN)

    def _send_eof(self) -> None:
        self._fin_due = NEVER
        try:
            self._transport.send_eof()
        except SockcliError as exc:
            self.failure = exc
