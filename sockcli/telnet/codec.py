"""The telnet codec: the peer's bytes to events, the user's data to bytes for the wire. No clock, no socket, no task.

THEORY OF OPERATION

    codec.receive_data(data)                    # or receive_eof()
    while events := codec.events_received():    # until there are none: compressed data is inflated piece by piece
        ...
    send(codec.data_to_send())                  # after the events: an answer may say that they were processed

From the peer to the user, bytes pass in this order:

    Detector      until the peer's first negotiation, where the codec was made with active=False: all is data
    TokenStream   the parser's tokens (data, command, negotiation, subnegotiation), inflated where MCCP2 is on
    Synch         drops data while urgent data is announced and its DM has not come
    OptionState   answers negotiations by the Q method, and subnegotiations through the features
    LineEndingDecoder   data only: CR NUL to CR
    events        a list, which events_received hands out

From the user to the peer:

    OutboundData  line endings and doubled IACs; holds data back while `blocked`
    SendQueue     data, answers and commands in one order; data_to_send takes from it

Each state has one owner. Which options are on: OptionState. Where in a command the input stands: the parser. Whether a
CR awaits its second byte: the two line ending classes. What is held back: OutboundData. The codec itself knows three
things: whether telnet is spoken (`active`, which never goes back to False), what a Synch does (SynchState), and how
the input ended.

The input ends in one of two ways. receive_eof: what is left is handed out, and then events_received returns an empty
list. An error of the peer's (broken compression, binary mode refused): events_received raises it, once all events from
before it were handed out; everything after it is ignored. What is to be sent can still be taken after both.

The caller limits memory. It receives no more while what it took from data_to_send is not sent, and sends no more while
`blocked`.
"""

from __future__ import annotations

from typing import Final

from sockcli.errors import ProtocolError, UsageError
from sockcli.telnet import constants as tn
from sockcli.telnet.detector import Detector
from sockcli.telnet.events import Activated, CommandReceived, Data, Event, Prompt, Side, Subnegotiation
from sockcli.telnet.inbound import TokenStream
from sockcli.telnet.line_endings import CR, LF, LineEndingDecoder, Style, style_for
from sockcli.telnet.negotiation import OptionStatus
from sockcli.telnet.option_state import OptionState
from sockcli.telnet.options import TelnetOptions, checked
from sockcli.telnet.outbound import OutboundData, SendQueue
from sockcli.telnet.parser import Negotiation, Token
from sockcli.telnet.synch import NEXT, SynchInput, SynchState

OVERSIZED: Final = "the peer sent a subnegotiation that is too long; ignored"
CUT_SHORT: Final = "the connection ended within a telnet command"

_DEFAULTS: Final = TelnetOptions()


class TelnetCodec:
    """Speaks telnet at once, or, with `active` False, from the peer's first negotiation on.

    Until then bytes pass unchanged in both directions.
    """

    def __init__(self, options: TelnetOptions = _DEFAULTS, *, active: bool = True) -> None:
        """Raises UsageError for options that cannot be used."""
        self._options = checked(options)
        self._events: list[Event] = []
        self._queue = SendQueue()
        self._detector = Detector()
        self._tokens = TokenStream()
        self._line_endings = LineEndingDecoder()
        self._option_state = OptionState(self._options, self._queue, self._emit)
        self._outbound = OutboundData(self._queue, self._style)
        self._active = False
        self._synch = SynchState.NORMAL
        self._eof_received = False
        self._error: ProtocolError | None = None
        # To ask for binary mode is to speak telnet.
        if active or options.binary:
            self._activate()

    # The five calls that move bytes

    def receive_data(self, data: bytes) -> None:
        """The peer sent this."""
        if self._eof_received or self._error is not None:
            return
        if not self._active:
            raw, data = self._detector.feed(data)
            if raw:
                self._emit(Data(raw))
            if not data:
                return
            self._emit(Activated(data[2]))
            self._activate()
        self._tokens.feed(data)
        self._take_tokens()

    def receive_eof(self) -> None:
        """The peer sends no more."""
        held = self._detector.finish()
        if held:
            self._emit(Data(held))
        self._eof_received = True
        self._advance()

    def events_received(self) -> list[Event]:
        """The events of what was received, in order; an empty list when all were handed out.

        Raises ProtocolError for an error of the peer's, when all events from before it were handed out.
        """
        if not self._events:
            self._advance()
        self._queue.release()
        if not self._events and self._error is not None:
            raise self._error
        events, self._events = self._events, []
        return events

    def send_data(self, data: bytes) -> None:
        """Data of the user's, which is held back while `blocked`.

        Raises BufferError where more than outbound.HOLD_LIMIT bytes would be held.
        """
        if self._active:
            self._outbound.send(data)
        else:
            self._queue.write(data)

    def data_to_send(self) -> bytes:
        """What is to be sent now. Take it after the events, and then ask for `urgent_to_send`."""
        self._option_state.replies_taken()
        return self._queue.take()

    # More to send

    def urgent_to_send(self) -> bytes:
        """What is to be sent next with its last byte marked as urgent; usually nothing.

        If there is something, `data_to_send` has what follows it.
        """
        return self._queue.take_urgent()

    def send_enter(self) -> None:
        """The Enter key was pressed: send what the mode has for it (RFC 1123 section 3.3.1)."""
        self.send_data(CR if self._active and self._style().enter_is_cr else LF)

    def send_eof(self) -> None:
        """`send_data` will not be called again."""
        if self._active:
            self._outbound.finish()

    def send_command(self, name: str) -> None:
        """Send a command by its name in constants.SENDABLE: ayt, brk, ao, ec, el … Raises UsageError."""
        self._must_be_active()
        code = tn.SENDABLE.get(name.lower())
        if code is None:
            raise UsageError(f"no such telnet command: {name!a}", hint=f"one of: {', '.join(tn.SENDABLE)}")
        self._queue.write(bytes([tn.IAC, code]))

    def interrupt(self) -> None:
        """Send Interrupt Process and the Synch signal (RFC 1123 section 3.2.4), through `urgent_to_send`.

        Raises UsageError where telnet is not spoken.
        """
        self._must_be_active()
        self._queue.write_urgent(bytes([tn.IAC, tn.IP, tn.IAC, tn.DM]))

    def request(self, option: int, side: Side, enable: bool) -> None:
        """Ask for an option: WILL or WONT for our side, DO or DONT for the peer's. Raises UsageError."""
        self._must_be_active()
        self._option_state.request(option, side, enable)
        self._block_or_release()

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now (RFC 1073)."""
        self._option_state.resize(columns, rows)

    def set_eol(self, eol: str | None) -> None:
        """Another end of line from here on, as in TelnetOptions. Raises UsageError."""
        self._options = checked(self._options._replace(eol=eol))

    def receive_urgent(self) -> None:
        """The transport has urgent data ahead, so data is dropped until DM (RFC 854, "The Synch")."""
        if self._active:
            self._synch = NEXT[self._synch, SynchInput.ANNOUNCED]

    # State

    @property
    def active(self) -> bool:
        """Whether telnet is spoken on this connection."""
        return self._active

    @property
    def blocked(self) -> bool:
        """Whether data to send is held back: until binary mode is agreed on, or by flow control (RFC 2217)."""
        return self._outbound.blocked

    @property
    def held(self) -> int:
        """How many bytes of data are held back."""
        return self._outbound.held

    @property
    def pending(self) -> bool:
        """Whether `events_received` would return or raise something, without more being received."""
        return bool(self._events) or self._error is not None or self._tokens.pending

    @property
    def local_echo(self) -> bool:
        """Whether we show what is typed, because the peer does not (its ECHO is off)."""
        return self._option_state.local_echo

    @property
    def character_mode(self) -> bool:
        """Whether each key is sent as it is typed: the peer's SGA and ECHO are on, or the user chose this mode."""
        return self._option_state.character_mode

    @property
    def binary_in(self) -> bool:
        """Whether the peer's BINARY is on (RFC 856)."""
        return self._option_state.enabled(Side.PEER, tn.BINARY)

    @property
    def binary_out(self) -> bool:
        """Whether our BINARY is on (RFC 856)."""
        return self._option_state.enabled(Side.US, tn.BINARY)

    def status(self) -> list[OptionStatus]:
        """The options that are on or were asked for, each with our state and the peer's."""
        return self._option_state.status()

    # Inside

    def _emit(self, event: Event) -> None:
        self._events.append(event)

    def _activate(self) -> None:
        self._active = True
        self._option_state.start()
        self._block_or_release()

    def _must_be_active(self) -> None:
        if not self._active:
            raise UsageError("telnet is not spoken on this connection", hint="--telnet turns it on")

    def _block_or_release(self) -> None:
        """An option may have changed, and with it whether data may be sent."""
        self._outbound.block(self._option_state.must_wait)

    def _style(self) -> Style:
        mode = self._options.mode
        if mode == "auto":
            mode = "character" if self.character_mode else "line"
        return style_for(mode, self._options.eol, binary=self.binary_out)

    def _advance(self) -> None:
        """Inflate until there is an event, and no further: a kilobyte can become a megabyte of events."""
        while self._tokens.pending and not self._events and self._error is None:
            try:
                self._tokens.refill()
            except ProtocolError as error:
                self._fail(error)
            self._take_tokens()
        if self._eof_received and not self._tokens.pending and self._error is None:
            self._end()

    def _end(self) -> None:
        """All input was taken."""
        if self._tokens.mid_command:
            self._option_state.warn(CUT_SHORT)
        if self._option_state.waits_for_binary and self._outbound.held:
            self._fail(ProtocolError("the peer closed the connection before it agreed to binary mode"))

    def _fail(self, error: ProtocolError) -> None:
        self._error = error
        self._tokens.discard()

    def _take_tokens(self) -> None:
        try:
            while (token := self._tokens.next_token()) is not None:
                self._take(token)
        except ProtocolError as error:
            self._fail(error)

    def _take(self, token: Token) -> None:
        dropping = self._synch is SynchState.DROPPING
        is_dm = isinstance(token, CommandReceived) and token.code == tn.DM
        self._synch = NEXT[self._synch, SynchInput.DM if is_dm else SynchInput.OTHER]
        match token:
            case bytes():
                if not dropping:
                    self._take_data(token)
            case CommandReceived():
                self._emit(Prompt(token.code) if token.code in (tn.EOR, tn.GA) else token)
            case Negotiation():
                self._option_state.negotiated(token)
                self._block_or_release()
            case Subnegotiation():
                self._emit(token)
                if self._starts_compression(token):
                    self._tokens.inflate_from_here()
                self._option_state.subnegotiated(token)
                self._block_or_release()
            case _:
                self._option_state.warn(OVERSIZED)

    def _take_data(self, data: bytes) -> None:
        data = self._line_endings.decode(data, binary=self.binary_in)
        if data:
            self._option_state.data_received()
            self._emit(Data(data))

    def _starts_compression(self, received: Subnegotiation) -> bool:
        # Not inside a compressed stream: streams within streams would multiply what one byte can become.
        asked = received.option == tn.MCCP2 and not received.body
        return asked and not self._tokens.compressed and self._option_state.enabled(Side.PEER, tn.MCCP2)
