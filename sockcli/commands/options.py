"""Options of commands as plain data, for completion and help. Those of `tcp`, `udp` and `listen` come from click."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What completion offers for a command's words, or for an option's."""

    COMMAND = "command"
    SESSION = "session"
    SETTING = "setting"  # then its value
    NEGOTIATION = "negotiation"  # a verb, then the option
    FILE = "file"
    LOG = "log"  # a file, or off
    TCP = "tcp-connect"  # a host, then a port, as the manifest's rules of that operation name them
    UDP = "udp-send-to"
    ADDRESSEE = "addressee"  # who sent something to the current session's port; or as udp-send-to
    LISTEN = "listen"  # tcp or udp, or neither; then as above, and the host may be missing
    CHECK = "check"  # an operation; then as above
    EOL = "eol"  # the values of that setting
    ENCODING = "encoding"
    TERMINAL = "terminal"


class OptionSpec(NamedTuple):
    """One option of a command."""

    flags: tuple[str, ...]  # all ways to write it, as -x and --hex-dump
    words: int = 0  # how many words follow it
    kind: Kind | None = None  # what those are; None: nothing can be offered for them
    usage: str = ""  # how help writes it, as `-x, --hex-dump FILE`
    about: str = ""  # what help says of it; empty: the command's own usage and detail say it


def by_flag(options: Iterable[OptionSpec]) -> dict[str, OptionSpec]:
    """Each option under each way to write it."""
    return {flag: option for option in options for flag in option.flags}
