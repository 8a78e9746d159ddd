"""How a run ends, and the moments that it still gets: the same for a relay and for datagrams."""

from __future__ import annotations

from enum import Enum
from typing import Final

from sockcli.base.deadline import Deadline
from sockcli.errors import Interrupted, SockcliError, TimedOut

# How long a slow reader of stdout gets, in seconds, for what is left when the run is ended from outside: nobody waits
# longer after Ctrl-C.
DRAIN_GRACE: Final = 0.5

# The peer has ended, and its kernel only has to say whether it still took our last bytes: a round trip, and one
# retransmission. If it says nothing, they stay on their way without us.
ACK_GRACE: Final = 1.0


class Ending(Enum):
    """What ended a run. The peer's end counts as such only if the input had not ended before it."""

    PEER = "peer"
    INPUT = "input"
    TIMEOUT = "timeout"
    ERROR = "error"
    SIGNAL = "signal"


def ending_of(error: SockcliError) -> Ending:
    """What ended a run that raised this."""
    if isinstance(error, Interrupted):
        return Ending.SIGNAL
    return Ending.TIMEOUT if isinstance(error, TimedOut) else Ending.ERROR


def deadline_passed(deadline: Deadline) -> TimedOut:
    """The error for the limit of the whole run."""
    return TimedOut(f"the deadline of {deadline.seconds:g} s passed")
