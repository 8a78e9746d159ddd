"""The telnet codec: the peer's bytes to events, the user's data to bytes for the wire. No clock, no socket, no task.

THEORY OF OPERATION

    codec.receive_data(data)                    # or receive_eof()
    while codec.pending:
        for event in codec.events_received():   # does a bounded amount of work
            ...
        send(codec.data_to_send())              # after the events: an answer may say that they were processed

receive_data only keeps the bytes. events_received does the work, a bounded part of it in each call, because a peer can
make much of it with little: a few kilobytes of compressed commands can keep us busy for minutes. Between two calls the
caller looks at signals and time limits. From the peer to the user, bytes pass in this order:

    Detector      until the peer's first negotiation, where the codec was made with active=False: all is data
    TokenStream   the parser's tokens (data, command, negotiation, subnegotiation), inflated while MCCP2 is on
    Synch         drops data while urgent data is announced and its DM has not come
    OptionState   answers negotiations by the Q method, and subnegotiations through the features
    LineEndingDecoder   data only: CR NUL to CR
    events        a list, which events_received returns

From the user to the peer:

    OutboundData  line endings and doubled IACs; holds data back while `blocked`
    SendQueue     data, answers and commands in one order; data_to_send takes from it

Each state has one owner. Which options are on: OptionState. Where in a command the input stands: the parser. Whether a
CR awaits its second byte: the two line ending classes. What is held back: OutboundData. The codec itself knows three
things: whether telnet is spoken (`active`, which never goes back to False), what a Synch does (SynchState), and how
the input ended.

The input ends in one of two ways. receive_eof: what is left is handed out, and then nothing is `pending` any more. An
error of the peer's (broken compression, a flood of compressed commands, binary mode refused): events_received raises
it, once all events from before it were handed out; everything after it is ignored. What is to be sent can still be
taken after both.

The caller limits memory. It receives no more while something is `pending` or while what it took from data_to_send is
not sent, and sends no more while `blocked`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, cast

from sockcli.errors import ProtocolError, UsageError
from sockcli.telnet import constants as tn
from sockcli.telnet.detector import Detector
from sockcli.telnet.events import Activated, Data, Event, Side, Subnegotiation
from sockcli.telnet.inbound import TokenStream
from sockcli.telnet.known_tokens import KnownTokens
from sockcli.telnet.line_endings import CR, LF, NUL, LineEndingDecoder, Style, style_for
from sockcli.telnet.negotiation import OptionStatus
from sockcli.telnet.option_state import OptionState
from sockcli.telnet.options import TelnetOptions, checked
from sockcli.telnet.outbound import OutboundData, SendQueue
from sockcli.telnet.parser import Meaning, Negotiation, Oversized, interpret, is_data
from sockcli.telnet.synch import NEXT, SynchInput, SynchState

OVERSIZED: Final = "the peer sent a subnegotiation that is too long; ignored"
CUT_SHORT: Final = "the connection ended within a telnet command"

# Tokens taken by one call of events_received. Each takes at most some 20 microseconds.
TOKENS_AT_ONCE: Final = 1_000
# Commands with no data between them, on a compressed stream, that are taken for an attack. Compressed, they cost the
# peer next to nothing. Without compression each has to be sent, so there it is enough not to answer.
COMPRESSED_FLOOD: Final = 10_000
# In the subnegotiations of these options a server tells the player something, so they count as data.
_TELLING: Final = frozenset({tn.GMCP, tn.MSDP, tn.MSSP})

_DM: Final = bytes([tn.IAC, tn.DM])
_CR: Final = ord(CR)
_NORMAL: Final = SynchState.NORMAL  # up to Python 3.11 the members of an Enum are slow to look up
# Fewer tokens are taken one by one.
_WORTH_LOOKING_UP: Final = 16

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
        self._known = KnownTokens()
        self._option_state = OptionState(self._options, self._queue, self._emit, self._known.unsettle)
        self._outbound = OutboundData(self._queue, self._style)
        self._active = False
        self._synch = SynchState.NORMAL
        self._commands = 0  # since the last data
        self._eof_received = False
        self._ended = False  # and the end of the input was dealt with
        self._error: ProtocolError | None = None
        # To ask for binary mode is to speak telnet.
        if active or options.binary:
            self._activate()

    # The five calls that move bytes

    def receive_data(self, data: bytes) -> None:
        """The peer sent this. It is only kept; `events_received` works on it."""
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

    def receive_eof(self) -> None:
        """The peer sends no more."""
        held = self._detector.finish()
        if held:
            self._emit(Data(held))
        self._eof_received = True

    def events_received(self) -> list[Event]:
        """The next events of what was received, in order, after a bounded amount of work.

        The list may be empty although more is `pending`. Raises ProtocolError for an error of the peer's, when all
        events from before it were handed out.
        """
        if self._error is None:
            self._advance()
        events, self._events = self._events, []
        if not events and self._error is not None:
            raise self._error
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
        """What is to be sent now. Call it after the events were handed out, and then call `urgent_to_send`."""
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
        """Whether `events_received` has more to do, without more being received."""
        unfinished = self._eof_received and not self._ended
        return bool(self._events) or self._error is not None or self._tokens.pending or unfinished

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
        """Take a bounded number of tokens, of what is there or of one inflated piece."""
        try:
            self._take_tokens()
        except ProtocolError as error:
            self._error = error
            self._tokens.discard()
        if self._eof_received and not self._ended and not self._tokens.pending and self._error is None:
            self._end()

    def _end(self) -> None:
        """The input has ended, and all of it was taken."""
        self._ended = True
        if self._tokens.mid_command:
            self._option_state.warn(CUT_SHORT)
        if self._option_state.waits_for_binary and self._outbound.held:
            self._error = ProtocolError("the peer closed the connection before it agreed to binary mode")

    def _take_tokens(self) -> None:
        tokens = self._tokens.take(TOKENS_AT_ONCE)
        if len(tokens) < _WORTH_LOOKING_UP or not self._take_known(tokens):
            self._take_each(tokens)

    def _take_known(self, tokens: list[bytes]) -> bool:
        """Take the tokens all at once, if each is known; a flood is mostly of such. Whether they were taken."""
        known, limits = self._known, self._option_state.limits
        if self._synch is SynchState.DROPPING or self._tokens.compressed:
            return False
        if limits.counting and not known.settled.issuperset(tokens):
            return False  # what data there is has to be counted, and may put an end to what is settled
        events = list(map(known.all.get, tokens))
        if None in events:
            return False
        self._events.extend(cast("Iterable[Event]", filter(None, events)))  # without each NO_EVENT
        self._synch = SynchState.AFTER_DM if tokens[-1] == _DM else SynchState.NORMAL
        if last := next(filter(is_data, reversed(tokens)), None):
            self._line_endings.passed(last, binary=self.binary_in)
        return True

    def _take_each(self, tokens: list[bytes]) -> None:
        """Take the tokens one by one. Raises ProtocolError."""
        known, events = self._known, self._events
        limits, line_endings = self._option_state.limits, self._line_endings
        most = COMPRESSED_FLOOD if self._tokens.compressed else math.inf
        for at, token in enumerate(tokens, start=1):
            if (self._synch is not _NORMAL or token == _DM) and self._drops(token):
                continue
            if token[0] != tn.IAC or token[1] == tn.IAC:
                data = known.data.get(token)
                if data is None:
                    data = self._decode(token)
                elif line_endings.after_cr or token[-1] == _CR:
                    line_endings.passed(token, binary=self.binary_in)
                if data:
                    events.append(data)
                    self._commands = 0
                    if limits.counting and limits.data_received(len(data.data)):
                        known.unsettle()
                continue
            self._commands += 1
            if self._commands > most:
                raise ProtocolError("the peer's compressed data (MCCP2) is a flood of telnet commands")
            event = known.commands.get(token)
            if event is None:
                meaning = interpret(token)
                self._obey(token, meaning)
                if self._starts_compression(meaning):
                    self._commands = 0
                    self._tokens.inflate_from(tokens[at:])
                    return
            elif event:
                events.append(event)

    def _drops(self, token: bytes) -> bool:
        """Go on in the Synch. Whether it drops the token: data between the announcement and DM."""
        dropping = self._synch is SynchState.DROPPING
        self._synch = NEXT[self._synch, SynchInput.DM if token == _DM else SynchInput.OTHER]
        return dropping and is_data(token)

    def _decode(self, token: bytes) -> Data | None:
        """The event of a piece of data; None for a NUL whose CR came before."""
        meaning = interpret(token)
        assert isinstance(meaning, bytes)
        data = self._line_endings.decode(meaning, binary=self.binary_in)
        if not data:
            return None
        event = Data(data)
        if NUL not in meaning:
            self._known.remember(token, event)
        return event

    def _obey(self, token: bytes, meaning: Meaning | None) -> None:
        """Answer a negotiation or a subnegotiation. Raises ProtocolError."""
        match meaning:
            case Negotiation():
                if self._option_state.negotiated(meaning):
                    self._known.unsettle()
                    self._block_or_release()
                else:
                    self._known.settle(token)
            case Subnegotiation():
                self._events.append(meaning)
                if meaning.option in _TELLING:
                    self._commands = 0
                elif self._option_state.subnegotiated(meaning):
                    self._block_or_release()
                elif meaning.option != tn.MCCP2:
                    self._known.settle(token, meaning)
            case Oversized():
                self._option_state.warn(OVERSIZED)
            case _:
                self._known.settle(token)

    def _starts_compression(self, meaning: Meaning | None) -> bool:
        # Not inside a compressed stream: streams within streams would multiply what one byte can become.
        if not isinstance(meaning, Subnegotiation) or meaning.option != tn.MCCP2 or meaning.body:
            return False
        return not self._tokens.compressed and self._option_state.enabled(Side.PEER, tn.MCCP2)
