"""Which options are on, and everything that follows from that.

It answers negotiations and subnegotiations. Answers go to the queue, events to `emit`, both in the order in which they
arise. The peer's data does not pass here; `data_received` only says that there was some.
"""

from __future__ import annotations

from collections.abc import Callable

from sockcli.errors import ProtocolError, UsageError
from sockcli.telnet import constants as tn
from sockcli.telnet.answer_limits import FLOOD, AnswerLimits
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
from sockcli.telnet.features.character_set import CharacterSet
from sockcli.telnet.features.com_port import SerialPort, parse_com
from sockcli.telnet.features.environment import Environment
from sockcli.telnet.features.feature import Effects, Feature, OutboundSubnegotiation
from sockcli.telnet.features.terminal_type import TerminalType
from sockcli.telnet.features.window_size import WindowSize
from sockcli.telnet.kludge_line_mode import KludgeLineMode
from sockcli.telnet.negotiation import HEARD, Change, Negotiator, OptionStatus
from sockcli.telnet.options import INITIAL, TelnetOptions, accepts, can_do, known_size
from sockcli.telnet.outbound import SendQueue
from sockcli.telnet.parser import Negotiation

# For speed: up to Python 3.11 the members of an Enum are slow to look up.
_US, _PEER = Side.US, Side.PEER


class OptionState:
    def __init__(
        self,
        options: TelnetOptions,
        queue: SendQueue,
        emit: Callable[[Event], None],
        unsettle: Callable[[], None],
    ) -> None:
        """`unsettle` is called when something changed so that what had no effect before may have one now."""
        self._options = options
        self._queue = queue
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
        self._kludge = KludgeLineMode()
        self._mode = ModeChanged(self.character_mode, self.local_echo)
        self._needs_binary = options.binary
        self._marks_requested = 0  # TIMING-MARKs that we asked for, without their answers
        self.limits = AnswerLimits()
        self._unsettle = unsettle
        self._warned: set[str] = set()

    # What is agreed on

    def enabled(self, side: Side, option: int) -> bool:
        return self._negotiator.enabled(side, option)

    def status(self) -> list[OptionStatus]:
        return self._negotiator.status()

    @property
    def local_echo(self) -> bool:
        return not self.enabled(_PEER, tn.ECHO)

    @property
    def character_mode(self) -> bool:
        if self._options.mode in ("line", "character"):
            return self._options.mode == "character"
        # While SGA is asked for again, the mode stays: a program may be drawing its screen already.
        return (self.enabled(_PEER, tn.SGA) or self._kludge.regaining) and self.enabled(_PEER, tn.ECHO)

    @property
    def must_wait(self) -> bool:
        """Whether the user's data has to be held back for now."""
        if self.waits_for_binary:
            return True
        return self._serial.suspended and self.enabled(_US, tn.COM_PORT)

    @property
    def waits_for_binary(self) -> bool:
        """Whether the user wants BINARY in both directions and the peer has not agreed to both yet."""
        return self._needs_binary and not all(self.enabled(side, tn.BINARY) for side in Side)

    # What we want

    def start(self) -> None:
        """The connection speaks telnet from here on: ask for what the user wants."""
        wanted = list(INITIAL) if self._options.initiate else []
        if self._needs_binary:
            wanted += [(_US, tn.BINARY), (_PEER, tn.BINARY)]
        if self._serial.settings.requests():
            wanted.append((_US, tn.COM_PORT))
        for side, option in wanted:
            if accepts(self._options, side, option):
                self._apply(side, option, self._negotiator.request(side, option, enable=True))

    def request(self, option: int, side: Side, enable: bool) -> None:
        """The user wants an option on or off. Raises UsageError for one that cannot be asked for."""
        self._unsettle()
        if option == tn.TIMING_MARK and side is _PEER and enable:
            self._marks_requested += 1
            self._queue.write(bytes([tn.IAC, tn.DO, option]))
            return
        if option == tn.TIMING_MARK or (side is _US and enable and not can_do(option)):
            raise UsageError(f"telnet option {tn.option_name(option)} cannot be asked for on this side")
        if option == tn.BINARY and not enable:
            self._needs_binary = False  # the user no longer wants what the command line asked for
        if option == tn.SGA:
            self._kludge.user_decided()
        self._apply(side, option, self._negotiator.request(side, option, enable=enable))
        self._report_mode()

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now; a size of 0 is not known, and ignored."""
        size = known_size(columns, rows)
        if size is None:
            return
        self._options = self._options._replace(size=size)
        self._unsettle()
        self._window.size = size
        if self.enabled(_US, tn.NAWS):
            self._perform(self._window.report())

    # What the peer wants

    def replies_taken(self) -> None:
        """The caller took all that is to be sent."""
        self.limits.replies_taken()

    def warn(self, text: str) -> None:
        """Each warning is given once: otherwise a hostile peer could fill the user's screen with them."""
        if text not in self._warned:
            self._warned.add(text)
            self._emit(TelnetWarning(text))

    def negotiated(self, received: Negotiation) -> bool:
        """Whether the negotiation did anything; if not, the same one does nothing until `unsettle` is called.

        Raises ProtocolError where the peer refuses an option that the user cannot do without.
        """
        side, wants_on = HEARD[received.verb]
        option = received.option
        if option == tn.TIMING_MARK:
            return self._timing_mark(side, wants_on)
        change = self._negotiator.receive(received.verb, option, mute=self.limits.muted)
        if change.muted:
            self.warn(FLOOD)
        if change.settled:
            return False
        if change.reply:
            self.limits.count()
        ask_again = (side, option) == (_PEER, tn.SGA) and self._kludge.sga_received(
            withdrawn=change.enabled is False,
            peer_echoes=self._options.mode == "auto" and self.enabled(_PEER, tn.ECHO),
        )
        self._apply(side, option, change)
        self._report_mode()
        if ask_again:
            self._apply(_PEER, tn.SGA, self._negotiator.request(_PEER, tn.SGA, enable=True))
        return True

    def subnegotiated(self, received: Subnegotiation) -> bool:
        """Whether it did anything, as `negotiated`. It does nothing where the option is off."""
        feature = self._features.get(received.option)
        if feature is None or not any(self.enabled(side, received.option) for side in _sides(received.option)):
            return False
        return self._perform(feature.receive(received.body), limited=True)

    def _timing_mark(self, side: Side, wants_on: bool) -> bool:
        # TIMING-MARK has no state (RFC 860). Each DO is a question of its own, so the Q method is not used.
        if side is _PEER and self._marks_requested:
            self._marks_requested -= 1
            self._emit(TimingMark(wants_on))
            return True
        if not wants_on:
            return False
        if not self._may_answer():
            return not self.limits.muted  # other limits end when the caller takes the answers
        if side is _US:
            self._kludge.mark_answered()
        # WILL says that all earlier data was processed. The caller sends it after the events of that data.
        self._queue.write(bytes([tn.IAC, tn.WILL if side is _US else tn.DONT, tn.TIMING_MARK]))
        return True

    def _may_answer(self) -> bool:
        """Whether the limits allow one more answer, which counts as given; if not, the user is warned."""
        if warning := self.limits.reached:
            self.warn(warning)
            return False
        self.limits.count()
        return True

    def _apply(self, side: Side, option: int, change: Change) -> None:
        """Do what follows from a step of the negotiation."""
        self._queue.write(change.reply)
        if change.refused:
            self._emit(OptionRefused(option, side))
        if change.enabled is not None:
            self._emit(OptionChanged(option, side, change.enabled))
        if self._needs_binary and option == tn.BINARY and (change.refused or change.enabled is False):
            raise ProtocolError("the peer refused binary mode", hint="leave out --binary")
        if change.enabled and option in self._features and side in _sides(option):
            self._perform(self._features[option].start(side))

    def _report_mode(self) -> None:
        mode = ModeChanged(self.character_mode, self.local_echo)
        if mode != self._mode:
            self._mode = mode
            self._emit(mode)

    def _perform(self, effects: Effects, *, limited: bool = False) -> bool:
        """Send and report what a feature wants. `limited`: it answers the peer, who could ask without end.

        False if there was nothing, or nothing but answers while none is given.
        """
        done = False
        for effect in effects:
            if isinstance(effect, OutboundSubnegotiation):
                if limited and not self._may_answer():
                    done |= not self.limits.muted
                    continue
                reply = _framed(effect)
                self.limits.count_reply(len(reply))
                self._queue.write(reply)
            elif isinstance(effect, TelnetWarning):
                self.warn(effect.text)
            else:
                self._emit(effect)
            done = True
        return done


def _sides(option: int) -> tuple[Side, ...]:
    """The sides on which a feature works. For CHARSET that is both: either end may send a REQUEST (RFC 2066)."""
    return (_US, _PEER) if option == tn.CHARSET else (_US,)


def _framed(subnegotiation: OutboundSubnegotiation) -> bytes:
    body = subnegotiation.body.replace(tn.IAC_BYTE, tn.IAC_IAC)
    return bytes([tn.IAC, tn.SB, subnegotiation.option]) + body + bytes([tn.IAC, tn.SE])
