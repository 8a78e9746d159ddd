"""A session on a TCP connection, with telnet on it once the peer or the user wants it."""

from __future__ import annotations

import codecs
import time
from collections.abc import Sequence
from typing import ClassVar, Final

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address, Operation
from sockcli.base.outcome import ACK_GRACE
from sockcli.base.poller import READABLE, WRITABLE
from sockcli.errors import SockcliError, TimedOut, Unreachable
from sockcli.net.transport import WANT_READ, WANT_WRITE, Transport
from sockcli.sessions.inbox import Chunk
from sockcli.sessions.incoming import Incoming
from sockcli.sessions.outgoing import Outgoing
from sockcli.sessions.session import Listener, Session
from sockcli.sessions.settings import Settings
from sockcli.sessions.targets import TcpTarget
from sockcli.sessions.telnet import REQUESTS, codec_for, spoken, worth_telling
from sockcli.telnet import TelnetCodec
from sockcli.telnet import events as ev
from sockcli.telnet.constants import parse_option
from sockcli.telnet.line_endings import EOLS

# Keys after which nobody is in the middle of a line: Enter, Ctrl-C and Ctrl-D.
_LINE_ENDS: Final = (b"\r", b"\n", b"\x03", b"\x04")


class StreamSession(Session):
    """Made by the manager on a transport, which belongs to it from then on."""

    kind: ClassVar[str] = "tcp"
    doing: ClassVar[str] = "connected with"
    can_half_close: ClassVar[bool] = True

    def __init__(
        self,
        transport: Transport,
        target: TcpTarget,
        settings: Settings,
        listener: Listener,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(transport.grant, settings, listener, target.limits)
        self._transport = transport
        self._shutdown = target.shutdown
        self._codec = codec_for(target, settings, size)
        self._in = Incoming(transport, self._codec)
        self._out = Outgoing(transport, self._codec, self._went)
        self._last_words = NEVER
        self._character_came = False  # the data that is handed out came in character mode
        self._in_a_line = False  # the last key did not end one
        self._key_decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._out.pull()

    # Who it is

    @property
    def peer(self) -> Address:
        return self._transport.peer

    @property
    def title(self) -> str:
        if self.request.operation is Operation.TCP_LISTEN:
            return f"{self.kind} {self.peer} at {self._transport.local}"
        return super().title

    @property
    def character_mode(self) -> bool:
        return self._codec is not None and self._codec.character_mode and not self.over

    @property
    def half_typed(self) -> bool:
        return self._in_a_line

    @property
    def echo_off(self) -> bool:
        return self._codec is not None and self._codec.active and not self._codec.local_echo

    @property
    def speaks_telnet(self) -> bool:
        return self._codec is not None and self._codec.active

    # Sending

    @property
    def room(self) -> bool:
        return self._out.room and not self.over

    @property
    def unsent(self) -> int:
        return self._out.unsent

    def send_lines(self, lines: Sequence[str], /) -> None:
        encoded = [self._encode(line) for line in lines]
        self._expect_open()
        for data in encoded:
            if self._codec is not None and self._codec.active:
                self._codec.send_data(data)
                self._codec.send_enter()
            else:
                eol = self.settings.eol
                self._out.put_raw(data + EOLS["lf" if eol == "auto" else eol])
        self._pull()

    def send_bytes(self, data: bytes, /) -> None:
        self._expect_open()
        self._out.put(data)
        self._listener.session_changed(self)

    def send_keys(self, data: bytes, /) -> None:
        if self.input_ended or self.over:
            return  # the peer that echoes is gone, and with it whoever would show an error
        if self.settings.encoding != "utf-8":
            data = self._key_decoder.decode(data).encode(self.settings.encoding, "replace")
        if data:
            self._in_a_line = not data.endswith(_LINE_ENDS)
        # Whoever reads the keys stops while there is no room; the few that were read by then are taken.
        self._out.put(data)
        self._listener.session_changed(self)

    def send_eof(self) -> None:
        self._expect_open()
        self.input_ended = True
        if self._codec is not None:
            self._codec.send_eof()
        self._linger = Deadline(self._limits.linger)
        self._out.pull()
        self._send()
        self._listener.session_changed(self)

    def _expect_open(self, *, room: bool = True) -> None:
        if self.over:
            raise self._cannot("it is over")
        if self.input_ended:
            raise self._cannot("the end of input was sent")
        if room and not self.room:
            raise self._cannot(f"the peer does not read; {self.unsent:,} bytes are on their way")

    # Telnet

    def interrupt(self) -> None:
        # Also where the peer does not read: that is what Synch is for.
        self._telnet(urgent=True).interrupt()
        self._pull()

    def ayt(self) -> None:
        self._telnet().send_command("ayt")
        self._pull()

    def break_(self) -> None:
        self._telnet().send_command("brk")
        self._pull()

    def telnet_request(self, verb: str, option: str, /) -> None:
        side, enable = REQUESTS[verb]
        self._telnet().request(parse_option(option), side, enable)
        self._take_events()

    def resize(self, columns: int, rows: int) -> None:
        if self._codec is not None and not self.over:
            self._codec.resize(columns, rows)
            self._pull()

    def change(self, name: str, value: str) -> None:
        super().change(name, value)
        if name == "eol" and self._codec is not None:
            self._codec.set_eol(None if value == "auto" else value)

    def _telnet(self, *, urgent: bool = False) -> TelnetCodec:
        if self._codec is None or not self._codec.active:
            raise self._cannot("it does not speak telnet")
        self._expect_open(room=not urgent)
        return self._codec

    def _pull(self) -> None:
        self._out.pull()
        self._listener.session_changed(self)

    # For the manager

    def fileno(self) -> int:
        return self._transport.fileno()

    def interest(self) -> tuple[bool, bool]:
        if self.over:
            return False, False
        events = self._transport.interest(WANT_READ) if self._reads() else 0
        if self._out.pending:
            events |= self._transport.interest(WANT_WRITE)
        return bool(events & READABLE), bool(events & WRITABLE)

    @property
    def has_buffered_events(self) -> bool:
        if self.over or not self._has_room():
            return False
        return self._transport.pending() or self._in.pending

    def ready(self) -> None:
        if self._in.pending:
            self._take_events()
        elif self._reads():
            self._receive()
        self._send()
        self._check_over()

    def due(self) -> Deadline:
        return super().due().earlier(self._last_words)

    def check_limits(self) -> None:
        if self._last_words.expired and not self._in.pending:
            self._end(self._lost(self.failure))
        super().check_limits()

    def close(self) -> None:
        try:
            if not self.over:
                self._send()  # what was entered just now
            self.records.close()
        finally:
            self.over = True
            self._transport.close()

    def _send(self) -> None:
        if self.failure is not None:
            return
        try:
            self._out.send()
            if self.input_ended and self._shutdown and not self.unsent:
                self._transport.send_eof()
        except (Unreachable, TimedOut) as exc:
            # What came before the loss is still to be read; reading then ends with the same error.
            self.failure = exc

    # The way in

    def _has_room(self) -> bool:
        return not (self.front and self.inbox.full) and not self._out.answer_backlog_full

    def _reads(self) -> bool:
        return not self._in.ended and self._has_room() and not self._in.pending

    def _receive(self) -> None:
        data = b""
        try:
            data = self._in.receive()
        except SockcliError as exc:
            self.failure = exc
        if data:
            self._came(data)
        if self._in.ended:
            self._last_words = Deadline(ACK_GRACE)
        if self._codec is not None:
            self._take_events()
        elif data:
            self._show(data)

    def _take_events(self) -> None:
        while self._has_room():
            try:
                events = self._in.events()
            except SockcliError as exc:
                self.failure = self.failure or exc
                break
            for event in events:
                self._hand_out(event)
            # After the events: an answer may say that they were handed out (RFC 860).
            self._pull()
            if not events:
                break

    def _hand_out(self, event: ev.Event) -> None:
        if isinstance(event, ev.Data):
            self._show(event.data)
        elif isinstance(event, ev.ModeChanged):
            # The codec is ahead of its events: what it says of itself is true of the last of them only.
            self._character_came = event.character
            self._in_a_line = self._in_a_line and event.character
        elif text := worth_telling(event):
            self._listener.session_notice(self, text)

    def _show(self, data: bytes) -> None:
        self._keep(Chunk(data, time.time(), character=self._character_came))

    def _check_over(self) -> None:
        if self._in.ended and not self._in.pending and (self.failure is not None or not self.unsent):
            self._end(self._lost(self.failure))

    def _lost(self, failure: SockcliError | None) -> SockcliError | None:
        """`failure` with what became of the input."""
        if not self.unsent or not (failure is None or isinstance(failure, Unreachable)):
            return failure
        sentence = failure.message if failure is not None else f"connection with {self.peer}: the peer ended it"
        return Unreachable(f"{sentence}; {self.unsent:,} bytes of input were not sent")

    # What there is to know

    def addresses(self) -> list[tuple[str, str]]:
        return [("peer", str(self.peer)), ("local", str(self._transport.local))]

    def details(self) -> list[tuple[str, str]]:
        if self._codec is None or not self._codec.active:
            return [("telnet", "no")]
        return spoken(self._codec)
