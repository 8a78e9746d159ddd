"""Waiting for another process: every wait ends by the thing itself, and is an error when it does not come.

The kernel tells nobody when a port is bound, so that is asked for again and again, a few milliseconds apart.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

T = TypeVar("T")

# Far longer than anything takes on an idle machine, so that a busy one does not fail; a hang still ends.
PATIENCE: Final = 15.0

Transport = Literal["tcp", "udp"]
_LISTENING: Final = "0A"  # the state column of /proc/net/tcp; UDP sockets have no such state


def until(condition: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """The first true value that `condition` gives."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(0.005)


def bound_ports(protocol: Transport, pid: int) -> list[int]:
    """Ports that a process listens on (TCP) or is bound to (UDP), in its own network namespace."""
    tables = (protocol, f"{protocol}6")
    process = Path(f"/proc/{pid}")
    try:
        links = [os.readlink(entry) for entry in (process / "fd").iterdir()]
        rows = [row for table in tables for row in (process / "net" / table).read_text().splitlines()[1:]]
    except OSError:
        return []  # it ends, or opens and closes descriptors just now: ask again
    inodes = {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
    ports = []
    for row in rows:
        columns = row.split()
        if columns[9] in inodes and (protocol == "udp" or columns[3] == _LISTENING):
            ports.append(int(columns[1].rpartition(":")[2], 16))
    return ports


def wait_for_port(protocol: Transport, pid: int) -> int:
    """The port that a process listens on, as soon as it does."""
    return until(lambda: bound_ports(protocol, pid), f"process {pid} to bind a {protocol} port")[0]
