"""The codec: the peer's bytes to events, ours to what goes on the wire. No clock, no socket, no task.

    codec.receive_data(data)                    # or receive_eof()
    while events := codec.events_received():    # until there is none: compressed data comes a piece at a time
        ...
    send(codec.data_to_send())                  # after the events, so that a timing mark does not overtake data

An error of the peer's is raised by `events_received`, once all that came before it was handed out. The caller
limits what is on its way: it reads nothing more from the peer while what `data_to_send` gave cannot be sent, and
nothing more to send while `blocked`.
"""

from __future__ import annotations

from typing import Final

from sockcli.errors import ProtocolError, UsageError
from sockcli.telnet import constants as tn
from sockcli.telnet.conversation import OptionState
from sockcli.telnet.detector import Detector
from sockcli.telnet.events import Activated, Command, Data, Event, Prompt, Side, Subnegotiation
from sockcli.telnet.intake import TokenStream
from sockcli.telnet.negotiator import OptionStatus
from sockcli.telnet.newline import CR, LF, Incoming, Style, style_for
from sockcli.telnet.options import TelnetOptions, checked
from sockcli.telnet.outbox import SendQueue
from sockcli.telnet.parser import Negotiation, Token
from sockcli.telnet.sender import Sender

OVERSIZED: Final = "the peer sent a subnegotiation that is too long; ignored"
CUT_SHORT: Final = "the connection ended within a telnet command"

_DEFAULTS: Final = TelnetOptions()


class TelnetCodec:
    """With `active` False, bytes pass as they are, both ways, until the peer's first negotiation."""

    def __init__(self, options: TelnetOptions = _DEFAULTS, *, active: bool = True) -> None:
        self._options = checked(options)
        self._events: list[Event] = []
        self._outbox = SendQueue()
        self._detector = Detector()
        self._intake = TokenStream()
        self._incoming = Incoming()
        self._conversation = OptionState(self._options, self._outbox, self._emit)
        self._sender = Sender(self._outbox, self._style)
        self._active = False
        self._urgent = False
        self._late_mark = False  # a DM came just now, ahead of the news that it is urgent
        self._ending = False
        self._error: ProtocolError | None = None
        # Asking for binary is speaking telnet.
        if active or options.binary:
            self._activate()

    # The five verbs

    def receive_data(self, data: bytes) -> None:
        """What the peer sent."""
        if self._ending or self._error is not None:
            return
        if not self._active:
            raw, data = self._detector.feed(data)
            if raw:
                self._emit(Data(raw))
            if not data:
                return
            self._emit(Activated(data[2]))
            self._activate()
        self._intake.feed(data)
        self._take_tokens()

    def receive_eof(self) -> None:
        """The peer sends no more."""
        held = self._detector.finish()
        if held:
            self._emit(Data(held))
        self._ending = True
        self._advance()

    def events_received(self) -> list[Event]:
        """What was received means this, in order; empty when all was handed out. Raises ProtocolError."""
        if not self._events:
            self._advance()
        self._outbox.release()
        if not self._events and self._error is not None:
            raise self._error
        events, self._events = self._events, []
        return events

    def send_data(self, data: bytes) -> None:
        """What the user has to say. Held back while `blocked`; raises BufferError if that gets too much."""
        if self._active:
            self._sender.send(data)
        else:
            self._outbox.write(data)

    def data_to_send(self) -> bytes:
        """What is to go on the wire now. Ask for it after the events, and look at `urgent_to_send` next."""
        self._conversation.replies_taken()
        return self._outbox.take()

    # More to send

    def urgent_to_send(self) -> bytes:
        """What follows, with its last byte to be sent as urgent; usually nothing. Then `data_to_send` goes on."""
        return self._outbox.take_urgent()

    def send_enter(self) -> None:
        """The Enter key, as the mode has it."""
        self.send_data(CR if self._active and self._style().enter_is_cr else LF)

    def send_eof(self) -> None:
        """No more `send_data` will come."""
        if self._active:
            self._sender.finish()

    def send_command(self, name: str) -> None:
        """A command by its name in `SENDABLE`: ayt, brk, ao, ec, el … Raises UsageError."""
        self._must_be_active()
        code = tn.SENDABLE.get(name.lower())
        if code is None:
            raise UsageError(f"no such telnet command: {name!a}", hint=f"one of: {', '.join(tn.SENDABLE)}")
        self._outbox.write(bytes([tn.IAC, code]))

    def interrupt(self) -> None:
        """Interrupt Process with the Synch signal (RFC 1123 3.2.4), for `urgent_to_send`."""
        self._must_be_active()
        self._outbox.write_urgent(bytes([tn.IAC, tn.IP, tn.IAC, tn.DM]))

    def request(self, option: int, side: Side, enable: bool) -> None:
        """Ask for an option: WILL or WONT on our side, DO or DONT on the peer's. Raises UsageError."""
        self._must_be_active()
        self._conversation.request(option, side, enable)
        self._sender.block(self._conversation.must_wait)

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now."""
        self._conversation.resize(columns, rows)

    def set_eol(self, eol: str | None) -> None:
        """Another end of line from here on, as in TelnetOptions. Raises UsageError."""
        self._options = checked(self._options._replace(eol=eol))

    def receive_urgent(self) -> None:
        """The transport has urgent data ahead: data is dropped, and commands obeyed, until DM (RFC 854)."""
        # Some stacks put the mark a byte behind DM. Then DM came already, and no other will.
        if self._active and not self._late_mark:
            self._urgent = True
        self._late_mark = False

    # State

    @property
    def active(self) -> bool:
        return self._active

    @property
    def blocked(self) -> bool:
        """Whether data to send is held back: for binary mode to be agreed on, or by RFC 2217's flow control."""
        return self._sender.blocked

    @property
    def held(self) -> int:
        """How many bytes of data are held back."""
        return self._sender.held

    @property
    def pending(self) -> bool:
        """Whether `events_received` would give more, with nothing more received."""
        return bool(self._events) or self._error is not None or self._intake.pending

    @property
    def local_echo(self) -> bool:
        """Whether we are to show what is typed: the peer does not."""
        return self._conversation.local_echo

    @property
    def character_mode(self) -> bool:
        """Whether keys are sent one at a time: the peer has both SGA and ECHO on, or the user said so."""
        return self._conversation.character_mode

    @property
    def binary_in(self) -> bool:
        return self._conversation.enabled(Side.PEER, tn.BINARY)

    @property
    def binary_out(self) -> bool:
        return self._conversation.enabled(Side.US, tn.BINARY)

    def status(self) -> list[OptionStatus]:
        """The options that are on, or on their way: (option, our state, the peer's)."""
        return self._conversation.status()

    # Within

    def _emit(self, event: Event) -> None:
        self._events.append(event)

    def _activate(self) -> None:
        self._active = True
        self._conversation.start()
        self._sender.block(self._conversation.must_wait)

    def _must_be_active(self) -> None:
        if not self._active:
            raise UsageError("telnet is not spoken on this connection", hint="--telnet turns it on")

    def _style(self) -> Style:
        mode = self._options.mode
        if mode == "auto":
            mode = "character" if self.character_mode else "line"
        return style_for(mode, self._options.eol, binary=self.binary_out)

    def _advance(self) -> None:
        """Inflate until there is an event, and then no further: a kilobyte can be a megabyte of them."""
        while self._intake.pending and not self._events and self._error is None:
            try:
                self._intake.refill()
            except ProtocolError as error:
                self._fail(error)
            self._take_tokens()
        if self._ending and not self._intake.pending and self._error is None:
            self._end()

    def _end(self) -> None:
        if self._intake.mid_command:
            self._conversation.warn(CUT_SHORT)
        if self._conversation.unagreed and self._sender.held:
            self._fail(ProtocolError("the peer closed the connection before it agreed to binary mode"))

    def _fail(self, error: ProtocolError) -> None:
        self._error = error
        self._intake.discard()

    def _take_tokens(self) -> None:
        try:
            while (token := self._intake.next_token()) is not None:
                self._take(token)
        except ProtocolError as error:
            self._fail(error)

    def _take(self, token: Token) -> None:
        self._late_mark = False
        match token:
            case bytes():
                self._take_data(token)
            case Command():
                self._late_mark = token.code == tn.DM and not self._urgent
                self._urgent &= token.code != tn.DM
                self._emit(Prompt(token.code) if token.code in (tn.EOR, tn.GA) else token)
            case Negotiation():
                self._conversation.negotiated(token)
                self._sender.block(self._conversation.must_wait)
            case Subnegotiation():
                self._emit(token)
                if self._starts_compression(token):
                    self._intake.inflate_from_here()
                self._conversation.subnegotiated(token)
                self._sender.block(self._conversation.must_wait)
            case _:
                self._conversation.warn(OVERSIZED)

    def _take_data(self, data: bytes) -> None:
        if self._urgent:
            return
        data = self._incoming.decode(data, binary=self.binary_in)
        if data:
            self._conversation.data_passed()
            self._emit(Data(data))

    def _starts_compression(self, received: Subnegotiation) -> bool:
        # Not within a stream already: one inside another would multiply what a byte can become.
        asked = received.option == tn.MCCP2 and not received.body
        return asked and not self._intake.compressed and self._conversation.enabled(Side.PEER, tn.MCCP2)
