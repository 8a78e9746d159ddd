"""What the user wants of telnet, and which options follow from that.

`accepts` is the policy: the whole of it is two tables. RFC 1123 3.2.1: what is not in them is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sockcli.errors import UsageError
from sockcli.telnet import newline
from sockcli.telnet.comport import parse_com
from sockcli.telnet.constants import (
    BINARY,
    CHARSET,
    COM_PORT,
    ECHO,
    END_OF_RECORD,
    GMCP,
    MCCP2,
    MSDP,
    MSSP,
    NAWS,
    NEW_ENVIRON,
    SGA,
    TTYPE,
)
from sockcli.telnet.events import Side


class TelnetOptions(NamedTuple):
    """As the command line or the REPL gives them; the codec reads no environment and no terminal."""

    terminal_type: str = "UNKNOWN"  # RFC 1091's name for a terminal without one
    size: tuple[int, int] | None = None  # columns, rows
    env: Mapping[str, str] = {}  # what --env lists, and nothing else
    binary: bool = False
    com: str | None = None  # "" accepts to RFC 2217; "115200,8n1" also sets the port
    mud: bool = False
    compress: bool = False
    charset: str = "UTF-8"
    eol: str | None = None  # crlf, lf, cr or crnul in place of what the mode asks for
    initiate: bool = False  # speak first: port 23 on a terminal
    mode: str = "piped"  # piped; on a terminal auto (as the peer's ECHO and SGA say), line or character


Wanted = Callable[[TelnetOptions], bool]


def _always(_options: TelnetOptions) -> bool:
    return True


def _mud(options: TelnetOptions) -> bool:
    return options.mud


# Answers to DO. ECHO is not here: with both ends echoing, a byte would go round for ever.
_OURS: Final[dict[int, Wanted]] = {
    BINARY: _always,
    SGA: _always,
    TTYPE: _always,
    NAWS: lambda options: options.size is not None,
    NEW_ENVIRON: lambda options: bool(options.env),
    CHARSET: _always,
    COM_PORT: lambda options: options.com is not None,
}
# Answers to WILL.
_PEERS: Final[dict[int, Wanted]] = {
    BINARY: _always,
    ECHO: _always,
    SGA: _always,
    END_OF_RECORD: _always,
    CHARSET: _always,
    MSDP: _mud,
    MSSP: _mud,
    GMCP: _mud,
    MCCP2: lambda options: options.compress,
}
_AGREED: Final = {Side.US: _OURS, Side.PEER: _PEERS}

# What BSD's client asks for when it speaks first, of what we know.
INITIAL: Final = (
    (Side.PEER, SGA),
    (Side.US, TTYPE),
    (Side.US, NAWS),
    (Side.US, NEW_ENVIRON),
)


def accepts(options: TelnetOptions, side: Side, option: int) -> bool:
    wanted = _AGREED[side].get(option)
    return wanted is not None and wanted(options)


def can_do(option: int) -> bool:
    """Whether our side of the option is more than a promise: only then may a WILL be sent."""
    return option in _OURS


def known_size(columns: int, rows: int) -> tuple[int, int] | None:
    """A size as RFC 1073 can send it. A terminal that reports 0x0 does not know its own."""
    if columns < 1 or rows < 1:
        return None
    return min(columns, 65_535), min(rows, 65_535)


def checked(options: TelnetOptions) -> TelnetOptions:
    """The same options, if they can be used. Raises UsageError."""
    newline.check_eol(options.eol)
    if options.mode not in newline.MODES:
        raise UsageError(f"no such telnet mode: {options.mode!a}", hint=f"one of: {', '.join(sorted(newline.MODES))}")
    if not _is_charset(options.charset):
        raise UsageError(f"not the name of a character set: {options.charset!a}")
    for name, value in options.env.items():
        _check_variable(name, value)
    if options.com is not None:
        parse_com(options.com)
    return options._replace(size=known_size(*options.size) if options.size is not None else None)


def _is_charset(name: str) -> bool:
    # RFC 2066: names as IANA has them, in ASCII; the semicolon is our separator.
    return name.isascii() and name.isprintable() and bool(name) and " " not in name and ";" not in name


def _check_variable(name: str, value: str) -> None:
    if not name or "=" in name or "\0" in name + value:
        raise UsageError(f"not an environment variable to send: {name!a}")
    if name == "USER" and value.startswith("-"):
        # A telnetd that hands the name to login(1) as an argument would take it for an option.
        raise UsageError(f"USER must not start with a hyphen: {value!a}")
