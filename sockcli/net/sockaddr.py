"""Addresses as the kernel writes them, to and from ours. Nothing here looks a name up."""

from __future__ import annotations

import socket
from typing import Final

from sockcli.base.endpoint import Address, Host, HostKind, is_link_local
from sockcli.errors import LocalFailure
from sockcli.net.system import SockAddr

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
UNSPECIFIED: Final = {4: Host.from_packed(HostKind.IPV4, 0), 6: Host.from_packed(HostKind.IPV6, 0)}


def af(family: int) -> int:
    """4 or 6 (0 for either) as the kernel's constant."""
    return _FAMILIES[family] if family else socket.AF_UNSPEC


def to_sockaddr(address: Address) -> SockAddr:
    """What connect() and bind() take. LocalFailure where the zone names no interface of this machine."""
    host = address.host
    if host.kind is not HostKind.IPV6:
        return host.text, address.port
    text, _, zone = host.text.partition("%")
    return text, address.port, 0, _interface_index(zone) if zone else 0


def from_sockaddr(family: int, sockaddr: SockAddr, port: int | None = None) -> Address:
    """The address in canonical form: an IPv4-mapped one is the IPv4 address. `port` replaces the one in it."""
    packed = int.from_bytes(socket.inet_pton(family, sockaddr[0].partition("%")[0]))
    kind = HostKind.IPV6 if family == socket.AF_INET6 else HostKind.IPV4
    scope = sockaddr[3] if len(sockaddr) == 4 else 0
    zone = _interface_name(scope) if scope and is_link_local(packed) else None
    return Address(Host.from_packed(kind, packed, zone), sockaddr[1] if port is None else port)


def _interface_index(zone: str) -> int:
    try:
        return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError as exc:
        raise LocalFailure(f"no network interface is called {zone}", hint="`ip link` lists them") from exc


def _interface_name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return str(index)  # it went away in this moment; the number still tells two of them apart
