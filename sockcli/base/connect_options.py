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

# Is told in a sentence of each address tried, and of each failure (`-v`).
OnAttempt: TypeAlias = Callable[[str], None]


class LocalAddress(NamedTuple):
    """Where to connect or send from; the system chooses what is None."""

    host: Host | None = None
    port: int | None = None


class DialOptions(NamedTuple):
    """How to connect. Times are in seconds.

    `connect_timeout` limits each try, name lookup included, and `deadline` all of them. `retry` is how many further
    tries there may be.
    """

    family: int = 0  # 4, 6, or 0 for both
    source: LocalAddress | None = None
    connect_timeout: float | None = CONNECT_TIMEOUT
    deadline: Deadline = NEVER
    retry: int = 0
    retry_delay: float = RETRY_DELAY
    on_attempt: OnAttempt | None = None


class ListenOptions(NamedTuple):
    """How to listen for connections, or to receive datagrams."""

    family: int = 0  # 4, 6, or 0 for both
    backlog: int = BACKLOG
    deadline: Deadline = NEVER  # for the lookup, where the host is a name
