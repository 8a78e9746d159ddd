"""RFC 1143: the Q method of option negotiation, as a table. It cannot loop, whatever the peer says.

One side of one option is in one of six states: the RFC's four, the two WANT states once for each value of
their queue bit. The table is the same for both sides; only the verbs differ.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class State(Enum):
    NO = "off"
    YES = "on"
    WANT_NO = "turning off"
    WANT_NO_OPPOSITE = "turning off, then on again"
    WANT_YES = "asked for"
    WANT_YES_OPPOSITE = "asked for, then off again"


class Input(Enum):
    """What happens to one side of an option."""

    ON = "the peer wants it on, or accepts"  # WILL for its side, DO for ours; we would have it
    UNWANTED = "the peer wants it on, and we do not"
    OFF = "the peer wants it off, or refuses"  # WONT, DONT: always granted (RFC 854)
    ASK_ON = "we want it on"
    ASK_OFF = "we want it off"


class Step(NamedTuple):
    """The next state, and what to say: True for WILL or DO, False for WONT or DONT, None for nothing."""

    state: State
    say: bool | None


_NO, _YES = State.NO, State.YES
_WNO, _WNO_OP = State.WANT_NO, State.WANT_NO_OPPOSITE
_WYES, _WYES_OP = State.WANT_YES, State.WANT_YES_OPPOSITE

# "Error: DONT answered by WILL" of the RFC is WANT_NO with ON: the peer had no right to, so it is taken as
# off, or as on where that is what we want next.
STEPS: Final[dict[tuple[State, Input], Step]] = {
    (_NO, Input.ON): Step(_YES, True),
    (_NO, Input.UNWANTED): Step(_NO, False),
    (_NO, Input.OFF): Step(_NO, None),
    (_NO, Input.ASK_ON): Step(_WYES, True),
    (_NO, Input.ASK_OFF): Step(_NO, None),
    (_YES, Input.ON): Step(_YES, None),
    (_YES, Input.UNWANTED): Step(_YES, None),
    (_YES, Input.OFF): Step(_NO, False),
    (_YES, Input.ASK_ON): Step(_YES, None),
    (_YES, Input.ASK_OFF): Step(_WNO, False),
    (_WNO, Input.ON): Step(_NO, None),
    (_WNO, Input.UNWANTED): Step(_NO, None),
    (_WNO, Input.OFF): Step(_NO, None),
    (_WNO, Input.ASK_ON): Step(_WNO_OP, None),
    (_WNO, Input.ASK_OFF): Step(_WNO, None),
    (_WNO_OP, Input.ON): Step(_YES, None),
    (_WNO_OP, Input.UNWANTED): Step(_YES, None),
    (_WNO_OP, Input.OFF): Step(_WYES, True),
    (_WNO_OP, Input.ASK_ON): Step(_WNO_OP, None),
    (_WNO_OP, Input.ASK_OFF): Step(_WNO, None),
    (_WYES, Input.ON): Step(_YES, None),
    (_WYES, Input.UNWANTED): Step(_YES, None),
    (_WYES, Input.OFF): Step(_NO, None),
    (_WYES, Input.ASK_ON): Step(_WYES, None),
    (_WYES, Input.ASK_OFF): Step(_WYES_OP, None),
    (_WYES_OP, Input.ON): Step(_WNO, False),
    (_WYES_OP, Input.UNWANTED): Step(_WNO, False),
    (_WYES_OP, Input.OFF): Step(_NO, None),
    (_WYES_OP, Input.ASK_ON): Step(_WYES, None),
    (_WYES_OP, Input.ASK_OFF): Step(_WYES_OP, None),
}
