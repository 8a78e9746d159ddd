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

# How long, in seconds, an input with nothing to read may still be about to have something: a writer that waited for
# room in a pipe has to be scheduled. That takes a small part of this, and nobody notices a run that ends so much later.
INPUT_IDLE: Final = 0.05
# Unless a piece of it was as large as a program writes and no person types: on a busy machine a pipeline that is under
# way may stand still for longer than that, and what it still has would be lost. No event could tell: a pipe does not
# say that somebody waits for room in it, nor that its writer waits for a processor.
BULK_IDLE: Final = 0.5
BULK_CHUNK: Final = 4096  # bytes; the least that C programs write at once to what is no terminal


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
