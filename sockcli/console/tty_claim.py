"""The terminal, claimed from the start: it does not show what is typed while a connection is made.

The line editor shows it later, when there is a session that it is for; else it would stand there twice. Nothing is read
here: where no connection is made, what was typed is left to the shell.
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
def claimed_tty(*, plain: bool = False) -> Iterator[ClaimedTty]:
    """Ours from here on, once we are in the foreground. `plain`: only print on it. Raises LocalFailure."""
    wait_for_foreground(STDIN)
    dumb = plain or os.environ.get("TERM", "") in ("", "dumb")
    with LineDiscipline(STDIN) as discipline:
        if not dumb:
            _show_no_keys(discipline)
        yield ClaimedTty(discipline, dumb)


def _show_no_keys(discipline: LineDiscipline) -> None:
    """Show no keys from now on. Of what was shown before, the beginning of a line is erased; whole lines stay."""
    whole = pending_input(STDIN)
    discipline.set("cbreak")
    if pending_input(STDIN) > whole:
        os.write(STDOUT, CLEAR_LINE)
