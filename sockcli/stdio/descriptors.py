"""Descriptors 0, 1 and 2: their names, whether a person sits at them, and what to do where one is closed.

Imports nothing but os: a run calls `fill_closed_descriptors` before it loads anything else.
"""

from __future__ import annotations

import os
from typing import Final

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
STANDARD: Final = (STDIN, STDOUT, STDERR)


def is_interactive() -> bool:
    """Whether stdin and stdout both are a terminal, so that a person can answer."""
    return os.isatty(STDIN) and os.isatty(STDOUT)


def fill_closed_descriptors() -> None:
    """Open /dev/null in place of a closed 0, 1 or 2. Otherwise the next socket would get that number, and what is
    written to stderr would go to the peer.

    Call it before anything else is opened. A stdin that was closed reads as empty.
    """
    for fd in STANDARD:
        try:
            os.fstat(fd)
        except OSError:
            # open() gives the lowest free number. That is `fd`, since all below it are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
