"""What a session is opened with, and what can be set while it runs: typed values, made by whoever parses words.

The command line, the REPL's own commands and a script all make these, so that they mean the same everywhere.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from sockcli.base.connect_options import DialOptions, ListenOptions
from sockcli.base.deadline import NEVER, Deadline
from sockcli.policy import Request
from sockcli.sessions.settings import SessionSettings
from sockcli.telnet import TelnetOptions

# auto: once the peer speaks it, and from the start on port 23. piped: from the start, but as in a pipe, which has no
# keyboard: the mode stays line.
TelnetUse = Literal["auto", "on", "piped", "off"]


class SessionLimits(NamedTuple):
    """When a session ends by itself, with exit 7. In seconds; the names are those of `sockcli tcp`'s options."""

    deadline: Deadline = NEVER
    idle_timeout: float | None = None
    linger: float | None = None


NO_LIMITS: Final = SessionLimits()


class TcpTarget(NamedTuple):
    """A TCP connection to make."""

    request: Request
    dial: DialOptions = DialOptions()
    telnet: TelnetUse = "auto"
    telnet_options: TelnetOptions = TelnetOptions()  # terminal type, size, eol and mode are set by the session
    settings: SessionSettings | None = None  # None: as the REPL has them
    limits: SessionLimits = SessionLimits()
    shutdown: bool = True  # FIN at the end of input
    hex_dump: str | None = None
    log: str | None = None


class UdpTarget(NamedTuple):
    """A connected UDP socket. A line is a datagram, its newline with it unless `chomp`."""

    request: Request
    dial: DialOptions = DialOptions()
    settings: SessionSettings | None = None
    limits: SessionLimits = SessionLimits()
    chomp: bool = False
    hex_dump: str | None = None
    log: str | None = None


# Sessions that one listener accepts at once: more than a user keeps apart, and as many as their inboxes have room for.
MAX_CLIENTS: Final = 64


class ListenTarget(NamedTuple):
    """TCP_LISTEN: each peer becomes a session of its own, as `peer` has it. UDP_BIND: datagrams from anyone."""

    request: Request
    listen: ListenOptions = ListenOptions()
    settings: SessionSettings | None = None
    peer: TcpTarget | None = None
    max_clients: int = MAX_CLIENTS
    hex_dump: str | None = None
    log: str | None = None


Target = TcpTarget | UdpTarget | ListenTarget
