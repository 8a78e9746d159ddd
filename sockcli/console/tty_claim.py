"""The terminal, taken from the start: what is typed while a connection is made belongs to it, and is shown by it.

Left to itself the terminal would show that, and then the line editor once more. Nothing of it is read here: where no
connection is made, it is the shell's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sockcli.stdio.descriptors import STDIN, STDOUT
from sockcli.stdio.line_discipline import LineDiscipline, pending_input, wait_for_foreground

CLEAR_LINE: Final = b"\r\x1b[K"


class ClaimedTty(NamedTuple):
    """The user's terminal."""

    discipline: LineDiscipline
    dumb: bool  # it can only print, and edits lines itself


@contextmanager
def claimed_tty() -> Iterator[ClaimedTty]:
    """Ours from here on, once we are in the foreground. Raises LocalFailure."""
    wait_for_foreground(STDIN)
    dumb = os.environ.get("TERM", "") in ("", "dumb")
    with LineDiscipline(STDIN) as discipline:
        if not dumb:
            _show_no_keys(discipline)
        yield ClaimedTty(discipline, dumb)


def _show_no_keys(discipline: LineDiscipline) -> None:
    """From now on. The beginning of a line that was shown before is taken off; whole lines scroll up, and stay."""
    whole = pending_input(STDIN)
    discipline.set("cbreak")
    if pending_input(STDIN) > whole:
        os.write(STDOUT, CLEAR_LINE)
