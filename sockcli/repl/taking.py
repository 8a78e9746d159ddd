"""The terminal, taken from the start: what is typed while a connection is made belongs to it, and is shown by it.

Left to itself the terminal would show that, and then the line editor once more. Nothing of it is read here: where no
connection is made, it is the shell's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sockcli.descriptors import STDIN, STDOUT
from sockcli.tty import LineDiscipline, pending_input, wait_for_foreground

_CLEAR_LINE: Final = b"\r\x1b[K"


class Taken(NamedTuple):
    """The user's terminal."""

    discipline: LineDiscipline
    dumb: bool  # it can only print, and edits lines itself
    echoed: int  # bytes of whole lines that were typed, and shown by the terminal, before it was taken


@contextmanager
def taken_terminal() -> Iterator[Taken]:
    """Ours from here on, once we are in the foreground. Raises LocalFailure."""
    wait_for_foreground(STDIN)
    dumb = os.environ.get("TERM", "") in ("", "dumb")
    with LineDiscipline(STDIN) as discipline:
        yield Taken(discipline, dumb, 0 if dumb else _show_no_keys(discipline))


def _show_no_keys(discipline: LineDiscipline) -> int:
    """From now on; the whole lines that were shown before stay, the beginning of one is taken off."""
    whole = pending_input(STDIN)
    discipline.set("cbreak")
    if pending_input(STDIN) > whole:
        os.write(STDOUT, _CLEAR_LINE)
    return whole
