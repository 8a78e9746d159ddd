"""What is negotiated: which options are on, what follows from that, and when to stop answering.

Replies go to the outbox and events to `emit`. Data passes by elsewhere; this only hears that there was some.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockcli.errors import ProtocolError, UsageError
from sockcli.telnet import constants as tn
from sockcli.telnet.comport import SerialPort, parse_com
from sockcli.telnet.environ import Environment
from sockcli.telnet.events import (
    Event,
    ModeChanged,
    OptionChanged,
    OptionRefused,
    Side,
    Subnegotiation,
    TelnetWarning,
    TimingMark,
)
from sockcli.telnet.features import CharacterSet, Feature, Outcome, Reply, TerminalType, WindowSize
from sockcli.telnet.negotiator import HEARD, Change, Negotiator, OptionStatus
from sockcli.telnet.options import INITIAL, TelnetOptions, accepts, can_do, known_size
from sockcli.telnet.outbox import SendQueue
from sockcli.telnet.parser import Negotiation

# Far more than any login needs: a peer that changes its mind this often with nothing to say is in a loop.
ANSWER_LIMIT: Final = 1_000
# Of answers to subnegotiations not taken yet: they can be longer than their questions. A login needs under 1 KiB.
REPLY_LIMIT: Final = 64 * 1024

FLOOD: Final = "the peer keeps changing options with no data between; not answering any more"
UNREAD: Final = "the peer asks for more than it reads; not answering all of it"


class OptionState:
    def __init__(self, options: TelnetOptions, outbox: SendQueue, emit: Callable[[Event], None]) -> None:
        self._options = options
        self._outbox = outbox
        self._emit = emit
        self._negotiator = Negotiator(lambda side, option: accepts(self._options, side, option))
        self._window = WindowSize(options.size)
        self._serial = SerialPort(parse_com(options.com or ""))
        self._features: dict[int, Feature] = {
            tn.TTYPE: TerminalType(options.terminal_type, mud=options.mud, charset=options.charset),
            tn.NAWS: self._window,
            tn.NEW_ENVIRON: Environment(options.env),
            tn.CHARSET: CharacterSet(options.charset),
            tn.COM_PORT: self._serial,
        }
        self._regaining = False  # the peer was asked to go back to character mode
        self._mode = ModeChanged(self.character_mode, self.local_echo)
        self._needs_binary = options.binary
        self._marks_asked = 0
        self._marked = False
        self._answers = 0
        self._reply_bytes = 0
        self._warned: set[str] = set()

    # What is agreed on

    def enabled(self, side: Side, option: int) -> bool:
        return self._negotiator.enabled(side, option)

    def status(self) -> list[OptionStatus]:
        return self._negotiator.status()

    @property
    def local_echo(self) -> bool:
        return not self.enabled(Side.PEER, tn.ECHO)

    @property
    def character_mode(self) -> bool:
        if self._options.mode in ("line", "character"):
            return self._options.mode == "character"
        # A program may be drawing its screen already while the peer is asked to go back.
        return (self.enabled(Side.PEER, tn.SGA) or self._regaining) and self.enabled(Side.PEER, tn.ECHO)

    @property
    def must_wait(self) -> bool:
        """Whether data has to be held back."""
        if self.unagreed:
            return True
        return self._serial.suspended and self.enabled(Side.US, tn.COM_PORT)

    @property
    def unagreed(self) -> bool:
        """Whether binary mode was asked for and is not there yet."""
        return self._needs_binary and not all(self.enabled(side, tn.BINARY) for side in Side)

    # What we want

    def start(self) -> None:
        """The connection speaks telnet from here on."""
        wanted = list(INITIAL) if self._options.initiate else []
        if self._needs_binary:
            wanted += [(Side.US, tn.BINARY), (Side.PEER, tn.BINARY)]
        if self._serial.settings.requests():
            wanted.append((Side.US, tn.COM_PORT))
        for side, option in wanted:
            if accepts(self._options, side, option):
                self._apply(side, option, self._negotiator.request(side, option, enable=True))

    def request(self, option: int, side: Side, enable: bool) -> None:
        if option == tn.TIMING_MARK and side is Side.PEER and enable:
            self._marks_asked += 1
            self._outbox.write(bytes([tn.IAC, tn.DO, option]))
            return
        if option == tn.TIMING_MARK or (side is Side.US and enable and not can_do(option)):
            raise UsageError(f"telnet option {tn.option_name(option)} cannot be asked for on this side")
        if option == tn.BINARY and not enable:
            self._needs_binary = False  # whoever turns it off now knows better than the command line
        self._regaining &= option != tn.SGA
        self._apply(side, option, self._negotiator.request(side, option, enable=enable))
        self._mode_may_have_changed()

    def resize(self, columns: int, rows: int) -> None:
        size = known_size(columns, rows)
        if size is None:
            return
        self._options = self._options._replace(size=size)
        self._window.size = size
        if self.enabled(Side.US, tn.NAWS):
            self._perform(self._window.report())

    # What the peer wants

    def data_passed(self) -> None:
        """The peer sent data, so it is not only changing options."""
        self._answers = 0

    def replies_taken(self) -> None:
        self._reply_bytes = 0

    def warn(self, text: str) -> None:
        # Each once: a hostile peer could otherwise fill the screen with our own words.
        if text not in self._warned:
            self._warned.add(text)
            self._emit(TelnetWarning(text))

    def negotiated(self, heard: Negotiation) -> None:
        """Raises ProtocolError where the peer will not have what the user cannot do without."""
        side, wants = HEARD[heard.verb]
        if heard.option == tn.TIMING_MARK:
            self._timing_mark(side, wants)
            return
        change = self._negotiator.receive(heard.verb, heard.option, mute=self._answers >= ANSWER_LIMIT)
        self._answers += bool(change.reply)
        blind = self._typed_blind(side, heard.option, change)
        if (side, heard.option) == (Side.PEER, tn.SGA):
            self._regaining = blind
        self._apply(side, heard.option, change)
        self._mode_may_have_changed()
        if blind:
            self._marked = False
            self._apply(Side.PEER, tn.SGA, self._negotiator.request(Side.PEER, tn.SGA, enable=True))

    def subnegotiated(self, received: Subnegotiation) -> None:
        """What is sent for an option that is off is ignored."""
        feature = self._features.get(received.option)
        if feature is not None and any(self.enabled(side, received.option) for side in _sides(received.option)):
            self._perform(feature.receive(received.body), limited=True)

    def _timing_mark(self, side: Side, wants: bool) -> None:
        # RFC 860 has no state: each DO is a question of its own, so the Q method is not asked.
        if side is Side.PEER and self._marks_asked:
            self._marks_asked -= 1
            self._emit(TimingMark(wants))
        elif side is Side.PEER and wants and self._may_answer():
            self._outbox.write(bytes([tn.IAC, tn.DONT, tn.TIMING_MARK]))
        elif side is Side.US and wants and self._may_answer():
            self._marked = True
            self._outbox.write_after_events(bytes([tn.IAC, tn.WILL, tn.TIMING_MARK]))

    def _typed_blind(self, side: Side, option: int, change: Change) -> bool:
        """Whether the peer has just gone into BSD's "kludge line mode": it echoes, but only whole lines.

        Its telnetd takes a timing mark that comes back from a client without LINEMODE for a sign that the client edits
        lines. Asking for SGA again, once, is how BSD's client goes back to character mode.
        """
        withdrawn = (side, option, change.enabled) == (Side.PEER, tn.SGA, False)
        return withdrawn and self._marked and self._options.mode == "auto" and not self.local_echo

    def _may_answer(self) -> bool:
        if self._answers >= ANSWER_LIMIT or self._reply_bytes > REPLY_LIMIT:
            self.warn(FLOOD if self._answers >= ANSWER_LIMIT else UNREAD)
            return False
        self._answers += 1
        return True

    def _apply(self, side: Side, option: int, change: Change) -> None:
        """One side of an option went a step: say so, to the peer and above."""
        self._outbox.write(change.reply)
        if change.muted:
            self.warn(FLOOD)
        if change.refused:
            self._emit(OptionRefused(option, side))
        if change.enabled is not None:
            self._emit(OptionChanged(option, side, change.enabled))
        if self._needs_binary and option == tn.BINARY and (change.refused or change.enabled is False):
            raise ProtocolError("the peer refused binary mode", hint="leave out --binary")
        if change.enabled and option in self._features and side in _sides(option):
            self._perform(self._features[option].start(side))

    def _mode_may_have_changed(self) -> None:
        mode = ModeChanged(self.character_mode, self.local_echo)
        if mode != self._mode:
            self._mode = mode
            self._emit(mode)

    def _perform(self, outcome: Outcome, *, limited: bool = False) -> None:
        """What a feature wants done. `limited`: it answers the peer, who could go on asking."""
        for item in outcome:
            if isinstance(item, TelnetWarning):
                self.warn(item.text)
            elif not isinstance(item, Reply):
                self._emit(item)
            elif not limited or self._may_answer():
                reply = _framed(item)
                self._reply_bytes += len(reply)
                self._outbox.write(reply)


def _sides(option: int) -> tuple[Side, ...]:
    """On which sides a feature works. Of character sets, either end may start to speak."""
    return (Side.US, Side.PEER) if option == tn.CHARSET else (Side.US,)


def _framed(reply: Reply) -> bytes:
    body = reply.body.replace(tn.IAC_BYTE, tn.IAC_IAC)
    return bytes([tn.IAC, tn.SB, reply.option]) + body + bytes([tn.IAC, tn.SE])
