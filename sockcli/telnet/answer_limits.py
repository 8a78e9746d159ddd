"""How much a peer can make us answer. Without limits it could keep us answering for ever, or fill the memory with
answers that it does not read.
"""

from __future__ import annotations

from typing import Final

# Answers with no data of the peer's between them. A login needs a few dozen; a peer that goes on changing its mind and
# has nothing to say is in a loop.
ANSWER_LIMIT: Final = 1_000
# Bytes of answers to subnegotiations that the caller has not taken yet. Such an answer can be longer than its question.
# A login needs under 1 KiB of them.
REPLY_LIMIT: Final = 64 * 1024

FLOOD: Final = "the peer keeps changing options with no data between; not answering any more"
UNREAD: Final = "the peer asks for more than it reads; not answering all of it"


class AnswerLimits:
    """Counts answers. Data of the peer's, and the caller's taking of the answers, start the counts again."""

    __slots__ = ("_answers", "_reply_bytes")

    def __init__(self) -> None:
        self._answers = 0
        self._reply_bytes = 0

    @property
    def in_loop(self) -> bool:
        """Whether nothing is to be answered until data comes."""
        return self._answers >= ANSWER_LIMIT

    @property
    def reached(self) -> str | None:
        """The warning to give instead of an answer to a question, or None where it may be answered."""
        if self.in_loop:
            return FLOOD
        return UNREAD if self._reply_bytes > REPLY_LIMIT else None

    def count(self, answers: int = 1) -> None:
        self._answers += answers

    def count_reply(self, size: int) -> None:
        """The answer to a subnegotiation has `size` bytes."""
        self._reply_bytes += size

    def data_received(self) -> None:
        self._answers = 0

    def replies_taken(self) -> None:
        self._reply_bytes = 0
