"""Ports by the names that /etc/services gives them."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sockcli.base.endpoint import parse_port
from sockcli.base.escaping import quoted
from sockcli.errors import UsageError

_SERVICES: Final = "/etc/services"


def service_port(name: str, protocol: str) -> int:
    """The port of a service by its name or alias; `protocol` is "tcp" or "udp". Raises UsageError for an unknown one.

    Read from the file (services(5)). getservbyname() would do as /etc/nsswitch.conf says and might ask a server, for
    a request that may be denied.
    """
    with suppress(OSError), open(_SERVICES, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            fields = line.partition("#")[0].split()  # http 80/tcp www
            port, _, found = "".join(fields[1:2]).partition("/")
            if found == protocol and name in fields[:1] + fields[2:]:
                return parse_port(port)
    raise UsageError(f"unknown {protocol} service {quoted(name)}", hint="give the port as a number from 1 to 65535")
