"""A session on a TCP connection, with telnet on it once the peer or the user wants it."""

from __future__ import annotations

import codecs
import time
from collections.abc import Sequence
from typing import ClassVar, Final

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address, Operation
from sockcli.base.poller import READABLE, WRITABLE
from sockcli.errors import SockcliError
from sockcli.net.transport import Transport
from sockcli.sessions.inbox import Chunk
from sockcli.sessions.session import Session, SessionOwner
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import TcpTarget
from sockcli.sessions.telnet import REQUESTS, codec_for, spoken, worth_telling
from sockcli.telnet import TelnetCodec
from sockcli.telnet import events as ev
from sockcli.telnet.constants import parse_option
from sockcli.telnet.line_endings import EOLS
from sockcli.transfer.channel import Channel

# Bytes of one read where telnet is spoken: nothing but negotiations, they take 15 ms to understand, for which a key has
# to wait.
TELNET_READ: Final = 8 * 1024

# Keys after which nobody is in the middle of a line: Enter, Ctrl-C and Ctrl-D.
_LINE_ENDS: Final = (b"\r", b"\n", b"\x03", b"\x04")


class TcpSession(Session):
    """Made by the manager on a transport, which belongs to it from then on."""

    kind: ClassVar[str] = "tcp"
    doing: ClassVar[str] = "connected with"
    can_half_close: ClassVar[bool] = True

    def __init__(
        self,
        transport: Transport,
        target: TcpTarget,
        settings: SessionSettings,
        owner: SessionOwner,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(transport.grant, settings, owner, target.limits)
        self._transport = transport
        self._codec = codec_for(target, settings, size)
        self._channel = Channel(
            transport,
            self._codec,
            shutdown=target.shutdown,
            read_limit=TELNET_READ,
            on_sent=self._went,
            input_left=self._input_left,
        )
        self._character_came = False  # the data that is handed out came in character mode
        self._in_a_line = False  # the last key did not end one
        self._key_decoder = codecs.getincrementaldecoder("utf-8")("replace")

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
        return self._channel.room and not self.over

    @property
    def unsent(self) -> int:
        return self._channel.unsent

    def send_lines(self, lines: Sequence[str], /) -> None:
        encoded = [self._encode(line) for line in lines]
        self._expect_open()
        for data in encoded:
            if self._codec is not None and self._codec.active:
                self._codec.send_data(data)
                self._codec.send_enter()
            else:
                eol = self.settings.eol
                self._channel.send_raw(data + EOLS["lf" if eol == "auto" else eol])
        self._queue_commands()

    def send_bytes(self, data: bytes, /) -> None:
        self._expect_open()
        self._channel.send_data(data)
        self._owner.session_changed(self)

    def send_keys(self, data: bytes, /) -> None:
        if self.input_ended or self.over:
            return  # the peer that echoes is gone, and with it whoever would show an error
        if self.settings.encoding != "utf-8":
            data = self._key_decoder.decode(data).encode(self.settings.encoding, "replace")
        if data:
            self._in_a_line = not data.endswith(_LINE_ENDS)
        # Whoever reads the keys stops while there is no room; the few that were read by then are taken.
        self._channel.send_data(data)
        self._owner.session_changed(self)

    def send_eof(self) -> None:
        self._expect_open()
        self.input_ended = True
        self._channel.end_input()
        self._limits.moved(0, 0, draining=True)
        self._channel.flush()
        self._owner.session_changed(self)

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
        self._queue_commands()

    def ayt(self) -> None:
        self._telnet().send_command("ayt")
        self._queue_commands()

    def break_(self) -> None:
        self._telnet().send_command("brk")
        self._queue_commands()

    def telnet_request(self, verb: str, option: str, /) -> None:
        side, enable = REQUESTS[verb]
        self._telnet().request(parse_option(option), side, enable)
        self._channel.deliver(self._hand_out)
        self._owner.session_changed(self)

    def resize(self, columns: int, rows: int) -> None:
        if self._codec is not None and not self.over:
            self._codec.resize(columns, rows)
            self._channel.queue_replies()
            self._owner.session_changed(self)

    def change(self, name: str, value: str) -> None:
        super().change(name, value)
        if name == "eol" and self._codec is not None:
            self._codec.set_eol(None if value == "auto" else value)

    def _telnet(self, *, urgent: bool = False) -> TelnetCodec:
        if self._codec is None or not self._codec.active:
            raise self._cannot("it does not speak telnet")
        self._expect_open(room=not urgent)
        return self._codec

    def _queue_commands(self) -> None:
        self._channel.queue_commands()
        self._owner.session_changed(self)

    # For the manager

    def fileno(self) -> int:
        return self._transport.fileno()

    def interest(self) -> tuple[bool, bool]:
        if self.over:
            return False, False
        events = self._channel.read_interest() if self._has_room() and not self._channel.has_buffered_events else 0
        events |= self._channel.write_interest()
        return bool(events & READABLE), bool(events & WRITABLE)

    @property
    def has_buffered_events(self) -> bool:
        if self.over or not self._has_room():
            return False
        return self._channel.has_buffered_events or self._transport.pending()

    def ready(self) -> None:
        channel = self._channel
        if self._has_room() and not channel.ended:
            if channel.has_buffered_events:
                channel.deliver(self._hand_out)
            elif not channel.eof_received:
                self._receive()
        channel.flush()
        self._check_over()

    def due(self) -> Deadline:
        return super().due().earlier(self._channel.next_moment())

    def check_limits(self) -> None:
        self._channel.flush()  # the FIN may be due
        self._check_over()
        super().check_limits()

    def close(self) -> None:
        try:
            if not self.over:
                self._channel.flush()  # what was entered just now
            self.records.close()
        finally:
            self.over = True
            self._transport.close()

    # The way in

    @property
    def _output_blocked(self) -> bool:
        return self.is_current and self.inbox.full

    def _has_room(self) -> bool:
        return not self._output_blocked and not self._channel.answer_backlog_full

    def _receive(self) -> None:
        channel = self._channel
        data = channel.receive()
        if self._codec is not None:
            channel.deliver(self._hand_out)
        elif data:
            self._show(data)
        if data:
            # After it is kept: a record may fail, and what was received is to be seen all the same.
            self._came(data)

    def _hand_out(self, event: object) -> None:
        if isinstance(event, ev.Data):
            self._show(event.data)
        elif isinstance(event, ev.ModeChanged):
            # The codec is ahead of its events: what it says of itself is true of the last of them only.
            self._character_came = event.character
            self._in_a_line = self._in_a_line and event.character
        elif text := worth_telling(event):
            self._owner.session_notice(self, text)

    def _show(self, data: bytes) -> None:
        self._keep(Chunk(data, time.time(), character=self._character_came))

    def _check_over(self) -> None:
        channel = self._channel
        if self.over or not channel.ended:
            return
        exhausted = channel.send_failure is not None or not channel.pending or channel.holds_input
        try:
            settled = channel.is_settled(exhausted=exhausted)
        except SockcliError as exc:
            self._end(exc)
        else:
            if settled:
                self._end(None)

    def _input_left(self) -> int:
        return self._channel.unsent

    # What there is to know

    def addresses(self) -> list[tuple[str, str]]:
        return [("peer", str(self.peer)), ("local", str(self._transport.local))]

    def details(self) -> list[tuple[str, str]]:
        if self._codec is None or not self._codec.active:
            return [("telnet", "no")]
        return spoken(self._codec)
