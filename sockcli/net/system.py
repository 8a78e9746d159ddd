"""The system calls that reach the network, in one object that a test replaces."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from typing import Final, TypeAlias, cast

from sockcli.base.deadline import Deadline
from sockcli.base.poller import Interrupt, wait

# What the kernel takes and gives as an address: (host, port), and for IPv6 also flow label and interface.
SockAddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


class Net:
    """The system calls that reach the network, and the waits between them, in one object.

    A test counts or fakes them; with a clock of its own it needs no real time.
    """

    def clock(self) -> float:
        return time.monotonic()

    def getaddrinfo(self, name: str, family: int, kind: int) -> list[tuple[int, SockAddr]]:
        """(family, address) pairs for `name`, in the order of RFC 6724. Blocks. Raises socket.gaierror."""
        # No service and port 0: getaddrinfo takes "65559" as port 23. Bytes: a str would pass through Python's IDNA
        # codec, which makes other names out of what it is given.
        answers = socket.getaddrinfo(name.encode("ascii"), None, family, kind)
        # The third form, which typeshed knows, is that of a Python built without IPv6.
        return [(family, cast(SockAddr, sockaddr)) for family, _, _, _, sockaddr in answers]

    def hosts_file(self) -> bytes:
        """hosts(5), whole; empty where it cannot be read, as for the C library."""
        try:
            with open("/etc/hosts", "rb") as file:
                return file.read()
        except OSError:
            return b""

    def socket(self, family: int, kind: int) -> socket.socket:
        """A new socket, non-blocking and closed on exec."""
        sock = socket.socket(family, kind)
        # Not SOCK_NONBLOCK, which saves a system call and is not everywhere.
        sock.setblocking(False)
        return sock

    def wait(self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt) -> dict[int, int]:
        return wait(interest, deadline, interrupt)


SYSTEM_NET: Final = Net()
