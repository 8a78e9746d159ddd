"""RFC 1143 section 7: the Q method of option negotiation, as a table. It never loops, whatever the peer says.

One side of one option is in one of six states. The RFC has four and a queue bit that two of them use; here those two
are four. The table is the same for both sides, only the verbs differ.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class State(Enum):
    __hash__ = object.__hash__  # Enum's own is not written in C, and every negotiation looks states up

    NO = "off"
    YES = "on"
    WANT_NO = "turning off"
    WANT_NO_OPPOSITE = "turning off, then on again"
    WANT_YES = "asked for"
    WANT_YES_OPPOSITE = "asked for, then off again"


class Input(Enum):
    """What can happen to one side of an option."""

    __hash__ = object.__hash__

    ON = "the peer wants it on, or accepts"  # WILL about its side, DO about ours, and we agree
    UNWANTED = "the peer wants it on, and we do not"
    OFF = "the peer wants it off, or refuses"  # WONT or DONT, to which one may only agree (RFC 854)
    ASK_ON = "we want it on"
    ASK_OFF = "we want it off"


class Transition(NamedTuple):
    """The next state, and what to send: True for WILL or DO, False for WONT or DONT, None for nothing."""

    state: State
    say: bool | None


_NO, _YES = State.NO, State.YES
_WNO, _WNO_OP = State.WANT_NO, State.WANT_NO_OPPOSITE
_WYES, _WYES_OP = State.WANT_YES, State.WANT_YES_OPPOSITE

# WANT_NO with ON is what the RFC calls "Error: DONT answered by WILL". As it says, the option then counts as off, or as
# on where we want it on next (WANT_NO_OPPOSITE).
STEPS: Final[dict[tuple[State, Input], Transition]] = {
    (_NO, Input.ON): Transition(_YES, True),
    (_NO, Input.UNWANTED): Transition(_NO, False),
    (_NO, Input.OFF): Transition(_NO, None),
    (_NO, Input.ASK_ON): Transition(_WYES, True),
    (_NO, Input.ASK_OFF): Transition(_NO, None),
    (_YES, Input.ON): Transition(_YES, None),
    (_YES, Input.UNWANTED): Transition(_YES, None),
    (_YES, Input.OFF): Transition(_NO, False),
    (_YES, Input.ASK_ON): Transition(_YES, None),
    (_YES, Input.ASK_OFF): Transition(_WNO, False),
    (_WNO, Input.ON): Transition(_NO, None),
    (_WNO, Input.UNWANTED): Transition(_NO, None),
    (_WNO, Input.OFF): Transition(_NO, None),
    (_WNO, Input.ASK_ON): Transition(_WNO_OP, None),
    (_WNO, Input.ASK_OFF): Transition(_WNO, None),
    (_WNO_OP, Input.ON): Transition(_YES, None),
    (_WNO_OP, Input.UNWANTED): Transition(_YES, None),
    (_WNO_OP, Input.OFF): Transition(_WYES, True),
    (_WNO_OP, Input.ASK_ON): Transition(_WNO_OP, None),
    (_WNO_OP, Input.ASK_OFF): Transition(_WNO, None),
    (_WYES, Input.ON): Transition(_YES, None),
    (_WYES, Input.UNWANTED): Transition(_YES, None),
    (_WYES, Input.OFF): Transition(_NO, None),
    (_WYES, Input.ASK_ON): Transition(_WYES, None),
    (_WYES, Input.ASK_OFF): Transition(_WYES_OP, None),
    (_WYES_OP, Input.ON): Transition(_WNO, False),
    (_WYES_OP, Input.UNWANTED): Transition(_WNO, False),
    (_WYES_OP, Input.OFF): Transition(_NO, None),
    (_WYES_OP, Input.ASK_ON): Transition(_WYES, None),
    (_WYES_OP, Input.ASK_OFF): Transition(_WYES_OP, None),
}
