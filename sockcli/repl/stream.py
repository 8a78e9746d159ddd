"""A session on a TCP connection, with telnet on it once the peer or the user wants it."""

from __future__ import annotations

import codecs
import time
from typing import ClassVar, Final, Protocol, runtime_checkable

from sockcli.clock import NEVER, Deadline
from sockcli.endpoint import Address, Operation
from sockcli.errors import SockcliError, Unreachable, UsageError
from sockcli.net.base import CHUNK, WANT_READ, WANT_WRITE, Signal, Transport
from sockcli.pump import HIGH_WATER, Pump
from sockcli.repl.inbox import Chunk
from sockcli.repl.options import Settings, TcpTarget
from sockcli.repl.session import Listener, Session, terminal_type
from sockcli.telnet import Side, TelnetCodec
from sockcli.telnet import events as ev
from sockcli.telnet.constants import option_name, parse_option
from sockcli.telnet.newline import EOLS
from sockcli.text import printable
from sockcli.wait import READABLE, URGENT, WRITABLE, wait

# A codec answers what the peer says. A peer that asks on and on but does not read the answers is not read any more.
MOST_ANSWERS: Final = 4 * HIGH_WATER

# A read where telnet is spoken: nothing but negotiations, it takes 15 ms to understand, for which a key has to wait.
TELNET_READ: Final = 8 * 1024

# The peer has ended, and may still take what was on its way to it. One that does not say within this never will.
LAST_WORDS: Final = 1.0

TELNET_PORT: Final = 23

_REQUESTS: Final = {
    "do": (Side.PEER, True),
    "dont": (Side.PEER, False),
    "will": (Side.US, True),
    "wont": (Side.US, False),
}
_AT_ONCE: Final = Deadline(0)


@runtime_checkable
class SendsUrgent(Protocol):
    """A transport that can mark a byte as urgent."""

    def send_urgent(self, data: memoryview) -> int | Signal: ...


class StreamSession(Session):
    """Made by the hub on a transport, which belongs to it from then on."""

    kind: ClassVar[str] = "tcp"
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
        self._codec = _codec(target, settings, size)
        self._out = Pump()
        self._urgent = memoryview(b"")  # goes out behind all that is in the pump
        self._mark_ahead = False  # the codec knows about the urgent byte that is on its way
        self._wire_ended = False
        self._broken = False  # the codec gives nothing more
        self._last_words = NEVER
        self._character_came = False  # the data that is handed out came in character mode
        self._key_decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pull()

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
    def echo_off(self) -> bool:
        return self._codec is not None and self._codec.active and not self._codec.local_echo

    @property
    def speaks_telnet(self) -> bool:
        return self._codec is not None and self._codec.active

    # Sending

    @property
    def room(self) -> bool:
        held_back = self._codec is not None and self._codec.blocked and self._codec.held > 0
        return self._out.room and not held_back and not self.over

    @property
    def unsent(self) -> int:
        return self._out.pending + len(self._urgent) + (self._codec.held if self._codec is not None else 0)

    def send_line(self, text: str, /) -> None:
        data = self._encode(text)
        self._expect_open()
        codec = self._codec
        if codec is not None and codec.active:
            codec.send_data(data)
            codec.send_enter()
        else:
            eol = self.settings.eol
            self._out.put(data + EOLS["lf" if eol == "auto" else eol])
        self._pull()

    def send_bytes(self, data: bytes, /) -> None:
        self._expect_open()
        if self._codec is not None:
            self._codec.send_data(data)
        else:
            self._out.put(data)
        self._pull()

    def send_keys(self, data: bytes, /) -> None:
        if self.input_ended or self.over:
            return  # the peer that echoes is gone, and with it whoever would show an error
        if self.settings.encoding != "utf-8":
            data = self._key_decoder.decode(data).encode(self.settings.encoding, "replace")
        # Whoever reads the keys stops while there is no room; the few that were read by then are taken.
        if self._codec is not None:
            self._codec.send_data(data)
        self._pull()

    def send_eof(self) -> None:
        self._expect_open()
        self.input_ended = True
        if self._codec is not None:
            self._codec.send_eof()
        self._linger = Deadline(self._limits.linger)
        self._pull()
        self._send()
        self._listener.session_changed(self)

    def _expect_open(self) -> None:
        if self.over:
            raise self._cannot("it is over")
        if self.input_ended:
            raise self._cannot("the end of input was sent")
        if not self.room:
            raise self._cannot(f"the peer does not read; {self.unsent:,} bytes are on their way")

    def _encode(self, text: str) -> bytes:
        try:
            return text.encode(self.settings.encoding, "surrogateescape")
        except UnicodeEncodeError as exc:
            char = printable(text[exc.start])
            raise UsageError(f"{char} has no form in {self.settings.encoding}; nothing was sent") from exc

    # Telnet

    def interrupt(self) -> None:
        self._telnet().interrupt()
        self._pull()

    def ayt(self) -> None:
        self._telnet().send_command("ayt")
        self._pull()

    def break_(self) -> None:
        self._telnet().send_command("brk")
        self._pull()

    def telnet_request(self, verb: str, option: str, /) -> None:
        side, enable = _REQUESTS[verb]
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

    def _telnet(self) -> TelnetCodec:
        if self._codec is None or not self._codec.active:
            raise self._cannot("it does not speak telnet")
        self._expect_open()
        return self._codec

    # For the hub

    def fileno(self) -> int:
        return self._transport.fileno()

    def interest(self) -> tuple[bool, bool]:
        if self.over:
            return False, False
        events = self._transport.interest(WANT_READ) if self._reads() else 0
        if self._out.pending or self._urgent:
            events |= self._transport.interest(WANT_WRITE)
        return bool(events & READABLE), bool(events & WRITABLE)

    @property
    def eager(self) -> bool:
        if self.over or not self._has_room():
            return False
        return self._transport.pending() or self._undecoded

    def ready(self) -> None:
        if self._undecoded:
            self._take_events()
        elif self._reads():
            self._receive()
        self._send()
        self._check_over()

    def due(self) -> Deadline:
        return super().due().earlier(self._last_words)

    def check_limits(self) -> None:
        if self._last_words.expired and not self._undecoded:
            self._end(self._lost(self.failure))
        super().check_limits()

    def close(self) -> None:
        if not self.over:
            self._send()  # what was entered just now
        self.over = True
        self._close_records()
        self._transport.close()

    # The way out

    def _pull(self) -> None:
        """Move what the codec has to say to the queue; what is urgent waits until all before it is sent."""
        codec = self._codec
        while codec is not None:
            self._out.put(codec.data_to_send())
            if self._out.pending or self._urgent:
                break
            self._urgent = memoryview(codec.urgent_to_send())
            if not self._urgent:
                break
        self._listener.session_changed(self)

    def _send(self) -> None:
        while self.failure is None and (front := self._urgent if not self._out.pending else self._out.front()):
            try:
                taken = self._send_some(front)
            except SockcliError as exc:
                # What came before the loss is still to be read; reading then ends with the same error.
                self.failure = exc
                return
            if not taken:
                return
            self._went(front[:taken])
            if self._out.pending:
                self._out.took(taken)
            else:
                self._urgent = self._urgent[taken:]
            self._pull()
        if self.input_ended and self._shutdown and self.failure is None and not self.unsent:
            self._transport.send_eof()

    def _send_some(self, data: memoryview) -> int:
        if not self._out.pending and isinstance(self._transport, SendsUrgent):
            taken = self._transport.send_urgent(data)
        else:
            taken = self._transport.send(data)
        return taken if isinstance(taken, int) else 0

    # The way in

    def _has_room(self) -> bool:
        return not (self.front and self.inbox.full) and self._out.pending <= MOST_ANSWERS

    def _reads(self) -> bool:
        return not self._wire_ended and self._has_room() and not self._undecoded

    @property
    def _undecoded(self) -> bool:
        return self._codec is not None and self._codec.pending and not self._broken

    def _receive(self) -> None:
        self._notice_mark()
        try:
            data = self._transport.receive(TELNET_READ if self.speaks_telnet else CHUNK)
        except SockcliError as exc:
            self.failure = exc
            data = Signal.EOF
        if isinstance(data, bytes):
            self._came(data)
            if self._codec is None:
                self._show(data)
            else:
                self._codec.receive_data(data)
                self._take_events()
        elif data is Signal.EOF:
            self._wire_ended = True
            self._last_words = Deadline(LAST_WORDS)
            if self._codec is not None:
                self._codec.receive_eof()
                self._take_events()

    def _notice_mark(self) -> None:
        """Tell the codec, once, that something in the stream ahead is urgent (RFC 854, Synch)."""
        if self._codec is None:
            return
        ahead = bool(wait([(self._transport.fileno(), URGENT)], _AT_ONCE))
        if ahead and not self._mark_ahead:
            self._codec.receive_urgent()
        self._mark_ahead = ahead

    def _take_events(self) -> None:
        codec = self._codec
        assert codec is not None
        while self._has_room():
            try:
                events = codec.events_received()
            except SockcliError as exc:
                self.failure = self.failure or exc
                self._broken = self._wire_ended = True
                break
            for event in events:
                self._hand_out(event)
            # After the events: an answer may say that they were handed out (RFC 860).
            self._pull()
            if not events:
                break

    def _hand_out(self, event: ev.Event) -> None:
        match event:
            case ev.Data():
                self._show(event.data)
            case ev.ModeChanged():
                # The codec is ahead of its events: what it says of itself is true of the last of them only.
                self._character_came = event.character
            case ev.TelnetWarning():
                self._listener.session_notice(self, event.text)
            case ev.OptionRefused():
                self._listener.session_notice(self, f"the peer refused {option_name(event.option)}")
            case ev.EncodingChanged():
                self._listener.session_notice(self, f"the peer agreed on {printable(event.charset)}")
            case ev.ComPort():
                value = printable(str(event.value))
                self._listener.session_notice(self, f"serial port: {event.name} {value}")
            case _:
                return  # modes and options are asked for where they matter

    def _show(self, data: bytes) -> None:
        self._keep(Chunk(data, time.time(), character=self._character_came))

    def _check_over(self) -> None:
        if self._wire_ended and not self._undecoded and (self.failure is not None or not self.unsent):
            self._end(self._lost(self.failure))

    def _lost(self, failure: SockcliError | None) -> SockcliError | None:
        """`failure` with what became of the input."""
        if not self.unsent or not (failure is None or isinstance(failure, Unreachable)):
            return failure
        sentence = failure.message if failure is not None else f"connection with {self.peer}: the peer ended it"
        return Unreachable(f"{sentence}; {self.unsent:,} bytes of input were not sent")

    # What there is to know

    def _addresses(self) -> list[tuple[str, str]]:
        return [("peer", str(self.peer)), ("local", str(self._transport.local))]

    def _more_status(self) -> list[tuple[str, str]]:
        if not self.speaks_telnet:
            return [("telnet", "no")]
        assert self._codec is not None
        mode = "character" if self.character_mode else "line"
        rows = [("telnet", f"{mode} mode, echo by {'the peer' if self.echo_off else 'us'}")]
        for option, us, peer in self._codec.status():
            rows.append((f"  {option_name(option)}", f"ours {us.value}, theirs {peer.value}"))
        return rows


def _codec(target: TcpTarget, settings: Settings, size: tuple[int, int] | None) -> TelnetCodec | None:
    if target.telnet == "off":
        return None
    # BSD's rule: unsolicited options are typed into some consoles as text, so only port 23 hears them from us first.
    piped = target.telnet == "piped"
    telnet_port = target.request.operation is Operation.TCP_CONNECT and target.request.port == TELNET_PORT
    initiate = telnet_port and not piped
    options = target.telnet_options._replace(
        terminal_type=terminal_type(),
        size=size,
        eol=None if settings.eol == "auto" else settings.eol,
        mode="piped" if piped else "auto",
        initiate=initiate,
    )
    return TelnetCodec(options, active=initiate or target.telnet != "auto")
