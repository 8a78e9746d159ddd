"""Gets a BSD telnetd out of "kludge line mode", where it echoes but waits for whole lines.

Such a server offers SGA and ECHO (character mode), then asks for a TIMING-MARK to learn whether the client edits lines
itself. It takes the answer of a client without LINEMODE for a yes and withdraws SGA. BSD's own client then asks for
SGA again, and so do we, once: otherwise the user would type blind, for the server echoes nothing before the line's end.
"""

from __future__ import annotations


class KludgeLineMode:
    """`regaining`: SGA was withdrawn and asked for again, and the peer has not answered yet."""

    __slots__ = ("_mark_answered", "regaining")

    def __init__(self) -> None:
        self._mark_answered = False
        self.regaining = False

    def mark_answered(self) -> None:
        """We answered a DO TIMING-MARK."""
        self._mark_answered = True

    def sga_received(self, *, withdrawn: bool, peer_echoes: bool) -> bool:
        """The peer said WILL or WONT SGA. Whether to ask for it again, which counts as done."""
        self.regaining = withdrawn and peer_echoes and self._mark_answered
        if self.regaining:
            self._mark_answered = False
        return self.regaining

    def user_decided(self) -> None:
        """The user asked for SGA, or turned it off."""
        self.regaining = False
