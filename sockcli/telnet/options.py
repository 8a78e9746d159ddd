"""What the user wants of telnet, and which options we agree to because of it.

Two tables say which: one for our side (DO), one for the peer's (WILL). What is not in them is refused, as RFC 1123
section 3.2.1 asks for unknown options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sockcli.errors import UsageError
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
from sockcli.telnet.features.com_port import parse_com
from sockcli.telnet.line_endings import MODES, check_eol


class TelnetOptions(NamedTuple):
    """As the command line or the interactive session gives them. The codec reads no environment and no terminal."""

    terminal_type: str = "UNKNOWN"  # RFC 1091's name for a terminal without one
    size: tuple[int, int] | None = None  # of the window: columns, rows
    env: Mapping[str, str] = {}  # the variables that a server may have (NEW-ENVIRON)
    binary: bool = False  # ask for BINARY in both directions, and send no data before it is on
    com: str | None = None  # "" agrees to COM-PORT (RFC 2217); "115200,8n1" also sets the port
    mud: bool = False  # agree to the options of game servers: MSDP, MSSP, GMCP
    compress: bool = False  # agree to MCCP2
    charset: str = "UTF-8"  # the character set that CHARSET may agree on
    eol: str | None = None  # crlf, lf, cr or crnul, instead of what the mode asks for
    initiate: bool = False  # ask for options before the peer does, as on port 23 from a terminal
    mode: str = "piped"  # piped; or on a terminal: line, character, or auto (which the peer's SGA and ECHO decide)


Wanted = Callable[[TelnetOptions], bool]


def _always(_options: TelnetOptions) -> bool:
    return True


def _mud(options: TelnetOptions) -> bool:
    return options.mud


# Our side: what we answer to DO. Never ECHO: with both ends echoing, each byte would go round for ever.
_OURS: Final[dict[int, Wanted]] = {
    BINARY: _always,
    SGA: _always,
    TTYPE: _always,
    NAWS: lambda options: options.size is not None,
    NEW_ENVIRON: lambda options: bool(options.env),
    CHARSET: _always,
    COM_PORT: lambda options: options.com is not None,
}
# The peer's side: what we answer to WILL.
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

# What `initiate` asks for: as BSD's client, as far as we have the options.
INITIAL: Final = (
    (Side.PEER, SGA),
    (Side.US, TTYPE),
    (Side.US, NAWS),
    (Side.US, NEW_ENVIRON),
)


def accepts(options: TelnetOptions, side: Side, option: int) -> bool:
    """Whether we agree to the option, on this side."""
    wanted = _AGREED[side].get(option)
    return wanted is not None and wanted(options)


def can_do(option: int) -> bool:
    """Whether our side of the option is implemented at all: only then may the user have us say WILL."""
    return option in _OURS


def known_size(columns: int, rows: int) -> tuple[int, int] | None:
    """The size as RFC 1073 can send it, or None: a terminal that reports 0 does not know its size."""
    if columns < 1 or rows < 1:
        return None
    return min(columns, 65_535), min(rows, 65_535)


def checked(options: TelnetOptions) -> TelnetOptions:
    """The same options, with the size as `known_size` has it. Raises UsageError where they cannot be used."""
    check_eol(options.eol)
    if options.mode not in MODES:
        raise UsageError(f"no such telnet mode: {options.mode!a}", hint=f"one of: {', '.join(sorted(MODES))}")
    if not _is_charset(options.charset):
        raise UsageError(f"not the name of a character set: {options.charset!a}")
    for name, value in options.env.items():
        _check_variable(name, value)
    if options.com is not None:
        parse_com(options.com)
    return options._replace(size=known_size(*options.size) if options.size is not None else None)


def _is_charset(name: str) -> bool:
    # RFC 2066: an ASCII name as IANA registered it. The semicolon separates names in our REQUEST.
    return name.isascii() and name.isprintable() and bool(name) and " " not in name and ";" not in name


def _check_variable(name: str, value: str) -> None:
    if not name or "=" in name or "\0" in name + value:
        raise UsageError(f"not an environment variable to send: {name!a}")
    if name == "USER" and value.startswith("-"):
        # A telnetd that passes the name to login(1) as an argument would pass an option.
        raise UsageError(f"USER must not start with a hyphen: {value!a}")
