"""How a run at a terminal is to be: what the command line says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sockcli.console.escape_key import EscapeKey
from sockcli.sessions.settings import SessionSettings
from sockcli.stdio.files import ANY_FILE, FileRules


class ConsoleOptions(NamedTuple):
    """Of `tcp` and `udp` in a session, and of `repl`."""

    settings: SessionSettings | None = None  # what new sessions start with; None: the defaults
    escape: EscapeKey | None = None  # the key that gives the command prompt
    history: bool = True  # keep what is typed
    files: FileRules = ANY_FILE
    plain: bool = False  # as on a terminal that can only print
    say: Callable[[str], None] | None = None  # takes each line of ours; None: they are shown among the peer's
