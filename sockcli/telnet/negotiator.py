"""Both sides of all options, each run by the Q method's table. Says WILL, WONT, DO and DONT; knows no option's use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from sockcli.telnet.constants import DO, DONT, IAC, WILL, WONT
from sockcli.telnet.events import Side
from sockcli.telnet.qmethod import STEPS, Input, State

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

# Our side ends with the WONT that we send, theirs with the WONT that we hear.
_ENABLED: Final = {
    Side.US: frozenset({State.YES}),
    Side.PEER: frozenset({State.YES, State.WANT_NO, State.WANT_NO_OPPOSITE}),
}


class Change(NamedTuple):
    """What one step did. `reply` is what to send; `enabled` the new value, None where it is still the old one."""

    reply: bytes = b""
    enabled: bool | None = None
    refused: bool = False  # the peer will not do what we asked for
    muted: bool = False  # there would have been a reply


class OptionStatus(NamedTuple):
    option: int
    us: State
    peer: State


class Negotiator:
    def __init__(self, accepts: Callable[[Side, int], bool]) -> None:
        self._agrees = accepts
        self._states: dict[tuple[Side, int], State] = {}

    def enabled(self, side: Side, option: int) -> bool:
        return self._state(side, option) in _ENABLED[side]

    def status(self) -> list[OptionStatus]:
        """Every option of which one side is not simply off, by number."""
        options = {option for (_, option), state in self._states.items() if state is not State.NO}
        return [
            OptionStatus(option, self._state(Side.US, option), self._state(Side.PEER, option))
            for option in sorted(options)
        ]

    def receive(self, verb: int, option: int, *, mute: bool = False) -> Change:
        """The peer said this. With `mute` nothing is answered: what would need an answer to be agreed on is off."""
        side, wants = HEARD[verb]
        wanted = Input.ON if self._agrees(side, option) else Input.UNWANTED
        return self._step(side, option, wanted if wants else Input.OFF, mute=mute)

    def request(self, side: Side, option: int, *, enable: bool) -> Change:
        """We want this. Nothing is sent where it is so already, or on its way."""
        return self._step(side, option, Input.ASK_ON if enable else Input.ASK_OFF)

    def _state(self, side: Side, option: int) -> State:
        return self._states.get((side, option), State.NO)

    def _step(self, side: Side, option: int, cause: Input, *, mute: bool = False) -> Change:
        before = self._state(side, option)
        after, say = STEPS[before, cause]
        muted = mute and say is not None
        if muted:
            after, say = State.NO, None
        self._states[side, option] = after
        was, now = before in _ENABLED[side], after in _ENABLED[side]
        return Change(
            b"" if say is None else bytes([IAC, _SAY[side, say], option]),
            now if now != was else None,
            before is State.WANT_YES and cause is Input.OFF,
            muted,
        )
