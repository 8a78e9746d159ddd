"""How to connect and how to listen, as typed values. Apart from the engine, so that a help page loads no socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Host

# What the command line takes if nothing is said: long enough for two lost SYNs (1 s and 2 s) and a slow name server.
CONNECT_TIMEOUT: Final = 10.0
RETRY_DELAY: Final = 1.0

# As many peers may wait while one is served; the kernel caps it at net.core.somaxconn.
BACKLOG: Final = 128

# Is told of each step, for `-v`.
Note: TypeAlias = Callable[[str], None]


class Source(NamedTuple):
    """The local end to connect or send from; what is None, the system chooses."""

    host: Host | None = None
    port: int | None = None


class DialOptions(NamedTuple):
    """How to connect. `connect_timeout` is for each try, name lookup included; `deadline` for all of them."""

    family: int = 0  # 4, 6, or 0 for both
    source: Source | None = None
    connect_timeout: float | None = CONNECT_TIMEOUT
    deadline: Deadline = NEVER
    retry: int = 0
    retry_delay: float = RETRY_DELAY
    on_attempt: Note | None = None  # is told of each address tried, and of each failure


class ListenOptions(NamedTuple):
    family: int = 0
    backlog: int = BACKLOG
    deadline: Deadline = NEVER  # for the lookup, where the host is a name
