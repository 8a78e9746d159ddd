"""Descriptors 0, 1 and 2: their names, that they are there, and whether somebody sits at them.

Loads nothing: filling them is the first thing that a run does.
"""

from __future__ import annotations

import os
from typing import Final

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
STANDARD: Final = (STDIN, STDOUT, STDERR)


def is_interactive() -> bool:
    """Whether stdin and stdout both are a terminal, so that a person is there to talk with."""
    return os.isatty(STDIN) and os.isatty(STDOUT)


def fill_closed_descriptors() -> None:
    """Open /dev/null in place of a closed 0, 1 or 2; else the next socket gets that number, and our messages.

    To be called before anything else is opened. A closed stdin is then an empty one.
    """
    for fd in STANDARD:
        try:
            os.fstat(fd)
        except OSError:
            # The lowest free number is this one: those below are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
