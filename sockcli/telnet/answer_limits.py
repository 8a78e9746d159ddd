"""How much a peer can make us answer. Without limits it could keep us answering for ever, or fill the memory with
answers that it does not read.
"""

from __future__ import annotations

from typing import Final

# Answers with no data of the peer's between them. A login needs a few dozen; a peer that goes on changing its mind and
# has nothing to say is in a loop.
ANSWER_LIMIT: Final = 1_000
# And answers in all, before each further one needs so many bytes of data. This is for a flood that has a little data
# between its commands.
TOTAL_LIMIT: Final = 5_000
DATA_PER_ANSWER: Final = 64
# Bytes of answers to subnegotiations that the caller has not taken yet. Such an answer can be longer than its question.
# A login needs under 1 KiB of them.
REPLY_LIMIT: Final = 64 * 1024

_FULL: Final = TOTAL_LIMIT * DATA_PER_ANSWER

FLOOD: Final = "the peer keeps changing options; not answering all of it"
UNREAD: Final = "the peer asks for more than it reads; not answering all of it"


class AnswerLimits:
    """Counts answers. Data of the peer's, and the caller's taking of the answers, make room for more.

    `muted`: nothing is to be answered until more data comes. `counting`: something was answered that data is to make
    up for, so `data_received` has to be called.
    """

    __slots__ = ("_left", "_reply_bytes", "_since_data", "counting", "muted")

    def __init__(self) -> None:
        self.muted = False
        self.counting = False
        self._since_data = 0
        self._left = _FULL
        self._reply_bytes = 0

    @property
    def reached(self) -> str | None:
        """The warning to give instead of an answer to a question, or None where it may be answered."""
        if self.muted:
            return FLOOD
        return UNREAD if self._reply_bytes > REPLY_LIMIT else None

    def count(self) -> None:
        """One answer was given."""
        self.counting = True
        self._since_data += 1
        self._left -= DATA_PER_ANSWER
        self.muted = self._since_data >= ANSWER_LIMIT or self._left < DATA_PER_ANSWER

    def count_reply(self, size: int) -> None:
        """The answer to a subnegotiation has `size` bytes."""
        self._reply_bytes += size

    def data_received(self, size: int) -> bool:
        """So many bytes of data came. Whether answers are given again."""
        self._since_data = 0
        self._left += size
        if self._left < DATA_PER_ANSWER:
            return False
        was_muted, self.muted = self.muted, False
        if self._left >= _FULL:
            self._left = _FULL
            self.counting = False
        return was_muted

    def replies_taken(self) -> None:
        self._reply_bytes = 0
