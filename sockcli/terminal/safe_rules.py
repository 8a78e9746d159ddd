"""The safe set: what a peer may do to a terminal that shows text and nothing else.

Text, LF, TAB, CR LF and colours pass. Control strings are swallowed, since what is in them is not meant to be read.
Everything else becomes visible, and so cannot act.

A CR alone would let the peer write over a line that it wrote before: over the warning it had to show, or a prompt.
A progress bar, which uses it for nothing worse, comes out as one long line with ^M in it; who wants it redrawn
wants the screen set.
"""

from __future__ import annotations

import re
from typing import Final

from sockcli.terminal.characters import VISIBLE, ShownTable
from sockcli.terminal.omissions import Omissions
from sockcli.terminal.sgr import SGR, allowed_colours


class SafeRules:
    """The safe set, as the parser asks for it."""

    # Not possessive: up to Python 3.11.4 such a group keeps what it took of an alternative that then failed.
    clean: Final = re.compile(rf"(?:[ -~\n\t]++|{SGR}|\r\n|{VISIBLE})*")
    plain: Final = bytes((*range(0x20, 0x7F), *b"\n\t\r"))
    waits_after_cr: Final = True
    _shown: Final = ShownTable({ord(char): char for char in "\n\t"})

    def __init__(self, omissions: Omissions) -> None:
        self._omissions = omissions

    def controls(self, run: str) -> str:
        # A CR LF that stood within a sequence comes here; any other is clean.
        return "\r\n".join(part.translate(self._shown) for part in run.split("\r\n"))

    def sequence(self, sequence: str) -> str:
        colours = allowed_colours(sequence)
        if colours is None:
            return "^[" + sequence[1:]
        self._omissions.attributes += colours != sequence
        return colours

    def string(self, kind: str) -> None:
        self._omissions.string(kind)
