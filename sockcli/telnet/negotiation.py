"""Negotiates which options are on: both sides of all of them, each in a state of the Q method's table (RFC 1143).

It knows WILL, WONT, DO and DONT, and asks `accepts` which options we want. What an option does is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from sockcli.telnet.constants import DO, DONT, IAC, WILL, WONT
from sockcli.telnet.events import Side
from sockcli.telnet.qmethod import STEPS, Input, State

# The verb that says yes or no about a side, from us and from the peer.
_SAY: Final = {
    (Side.US, True): WILL,
    (Side.US, False): WONT,
    (Side.PEER, True): DO,
    (Side.PEER, False): DONT,
}
HEARD: Final = {
    DO: (Side.US, True),
    DONT: (Side.US, False),
    WILL: (Side.PEER, True),
    WONT: (Side.PEER, False),
}

# The states in which a side is on. When we turn an option off, our side stops as we send WONT; the peer's goes on until
# we receive its WONT.
_ENABLED: Final = {
    Side.US: frozenset({State.YES}),
    Side.PEER: frozenset({State.YES, State.WANT_NO, State.WANT_NO_OPPOSITE}),
}


# For speed: up to Python 3.11 the members of an Enum are slow to look up.
_NO, _WANT_YES, _OFF = State.NO, State.WANT_YES, Input.OFF


class Change(NamedTuple):
    """What one step did."""

    reply: bytes = b""  # what to send
    enabled: bool | None = None  # whether the side is on now; None where that is as before
    refused: bool = False  # the peer answered no to our request
    muted: bool = False  # there is a reply that was left out
    settled: bool = False  # nothing changed and nothing is to be sent, and so it will be the next time


class OptionStatus(NamedTuple):
    """An option's number, and the states of our side and of the peer's."""

    option: int
    us: State
    peer: State


class Negotiator:
    """Options are named by their numbers (0 to 255). All start in State.NO, as RFC 854 has it."""

    def __init__(self, accepts: Callable[[Side, int], bool]) -> None:
        """`accepts` says whether we agree to an option on this side, each time that the peer wants it on."""
        self._accepts = accepts
        self._states: dict[tuple[Side, int], State] = {}

    def enabled(self, side: Side, option: int) -> bool:
        return self._state(side, option) in _ENABLED[side]

    def status(self) -> list[OptionStatus]:
        """The options of which one side at least is not in State.NO, by number."""
        options = {option for (_, option), state in self._states.items() if state is not _NO}
        return [
            OptionStatus(option, self._state(Side.US, option), self._state(Side.PEER, option))
            for option in sorted(options)
        ]

    def receive(self, verb: int, option: int, *, mute: bool = False) -> Change:
        """The peer sent IAC verb option.

        With `mute` nothing is answered. An option that needs an answer of ours to be agreed on is then off.
        """
        side, wants = HEARD[verb]
        wanted = Input.ON if self._accepts(side, option) else Input.UNWANTED
        return self._step(side, option, wanted if wants else _OFF, mute=mute)

    def request(self, side: Side, option: int, *, enable: bool) -> Change:
        """We want an option on or off. There is no reply where it is so already, or was asked for."""
        return self._step(side, option, Input.ASK_ON if enable else Input.ASK_OFF)

    def _state(self, side: Side, option: int) -> State:
        return self._states.get((side, option), _NO)

    def _step(self, side: Side, option: int, cause: Input, *, mute: bool = False) -> Change:
        before = self._state(side, option)
        after, say = STEPS[before, cause]
        muted = mute and say is not None
        if muted:
            after, say = _NO, None
        self._states[side, option] = after
        was, now = before in _ENABLED[side], after in _ENABLED[side]
        return Change(
            b"" if say is None else bytes([IAC, _SAY[side, say], option]),
            now if now != was else None,
            before is _WANT_YES and cause is _OFF,
            muted,
            after is before and say is None,
        )
