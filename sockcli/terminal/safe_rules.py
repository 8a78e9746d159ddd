"""The safe set: what a peer may do to a terminal that shows text and nothing else.

Text, LF, TAB, CR LF and colours pass. Control strings are swallowed, since what is in them is not meant to be read.
Everything else becomes visible, and so cannot act.

A CR alone would let the peer write over a line that it wrote before: over the warning it had to show, or a prompt.
A progress bar, which uses it for nothing worse, comes out as one long line with ^M in it; who wants it redrawn
wants the screen set.
"""

from __future__ import annotations

from typing import ClassVar

from sockcli.terminal.characters import ShownTable
from sockcli.terminal.omissions import ATTRIBUTES
from sockcli.terminal.rules import RuleSet, Shown
from sockcli.terminal.sgr import allowed_colours

_TABLE = ShownTable({ord(char): char for char in "\n\t"})


class SafeRules(RuleSet):
    """Controls in caret form, other characters that may not pass by number, sequences as text."""

    plain: ClassVar[str] = r" -~\n\t"
    waits_after_cr: ClassVar[bool] = True

    def controls(self, run: str) -> Shown:
        # A CR LF that stood within a sequence comes here; any other is text.
        return Shown("\r\n".join(part.translate(_TABLE) for part in run.split("\r\n")))

    def sequence(self, sequence: str) -> Shown:
        colours = allowed_colours(sequence)
        if colours is None:
            return Shown("^[" + sequence[1:])
        return Shown(colours, ((ATTRIBUTES, 1),) if colours != sequence else ())
