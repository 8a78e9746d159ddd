"""The Synch signal of RFC 854: after urgent data was announced, data is dropped and commands are obeyed, until DM.

The announcement (TCP's urgent pointer) and the DM travel apart. Usually the announcement comes first. But some stacks
set the pointer one byte behind the DM, so the DM may be read before the announcement is seen; then no other DM comes,
and nothing is to be dropped.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class SynchState(Enum):
    NORMAL = auto()
    DROPPING = auto()  # urgent data was announced, and its DM has not come
    AFTER_DM = auto()  # a DM was the last thing received; the announcement may still come


class SynchInput(Enum):
    ANNOUNCED = auto()  # the transport says that urgent data is ahead
    DM = auto()
    OTHER = auto()  # anything else was received


_NORMAL, _DROPPING, _AFTER_DM = SynchState.NORMAL, SynchState.DROPPING, SynchState.AFTER_DM

NEXT: Final = {
    (_NORMAL, SynchInput.ANNOUNCED): _DROPPING,
    (_NORMAL, SynchInput.DM): _AFTER_DM,
    (_NORMAL, SynchInput.OTHER): _NORMAL,
    (_DROPPING, SynchInput.ANNOUNCED): _DROPPING,
    (_DROPPING, SynchInput.DM): _NORMAL,
    (_DROPPING, SynchInput.OTHER): _DROPPING,
    (_AFTER_DM, SynchInput.ANNOUNCED): _NORMAL,
    (_AFTER_DM, SynchInput.DM): _AFTER_DM,
    (_AFTER_DM, SynchInput.OTHER): _NORMAL,
}
