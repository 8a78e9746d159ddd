"""What kind of address an address is, by our own table.

`ipaddress` is not asked: it calls several forms global that lead somewhere private (64:ff9b::10.0.0.1, 2002:7f00:1::),
and its answers change between Python releases. An IPv6 address that carries an IPv4 one is never better than that one.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Final

from sockcli.base.endpoint import Host, HostKind


class Scope(Enum):
    """In this order: the later a scope stands, the less a name may lead there."""

    GLOBAL = "global"
    PRIVATE = "private"  # any other unicast address: inside, reserved, for documentation, or a tunnel's
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    METADATA = "metadata service"  # where a cloud gives its machines their credentials; much of it at 169.254.0.0/16
    MULTICAST = "multicast"
    BROADCAST = "broadcast"
    THIS_NETWORK = "this-network"  # 0.0.0.0/8 without 0.0.0.0: a source, never a destination (RFC 1122, 3.2.1.3)
    UNSPECIFIED = "unspecified"


_SEVERITY: Final = tuple(Scope)


def scope(host: Host) -> Scope:
    """The scope of an address; of the worst address it carries, where it carries one."""
    width = 32 if host.kind is HostKind.IPV4 else 128
    packed = host.packed
    outer = next(kind for start, bits, kind in _table(host.kind) if (packed ^ start) >> width - bits == 0)
    return max((outer, *map(scope, embedded_ipv4(host))), key=_SEVERITY.index)


def embedded_ipv4(host: Host) -> tuple[Host, ...]:
    """The IPv4 addresses that an IPv6 address carries: where a translator or a tunnel would deliver it."""
    if host.kind is not HostKind.IPV6:
        return ()
    packed = host.packed
    reading = next((reading for start, bits, reading in _carriers() if (packed ^ start) >> 128 - bits == 0), None)
    return tuple(Host.from_packed(HostKind.IPV4, number) for number in reading(packed)) if reading else ()


_LOW32: Final = 0xFFFF_FFFF
_Reading = Callable[[int], tuple[int, ...]]


def _last(packed: int) -> tuple[int, ...]:
    return (packed & _LOW32,)


def _sixtofour(packed: int) -> tuple[int, ...]:
    return (packed >> 80 & _LOW32,)


def _teredo(packed: int) -> tuple[int, ...]:
    """The client, of which every bit is inverted, and its server (RFC 4380, 4)."""
    return ~packed & _LOW32, packed >> 64 & _LOW32


def _local_nat64(packed: int) -> tuple[int, ...]:
    """RFC 8215's block: any of RFC 6052's prefix lengths that fit in it, and nothing in the address tells which.

    A reading in 0.0.0.0/8 is left out: those zeros are the padding of another prefix length.
    """
    # Up to /64, the octet at bit 64 is skipped (RFC 6052, 2.2).
    rest = packed >> 64 << 56 | packed & (1 << 56) - 1
    readings = [rest >> 88 - length & _LOW32 for length in (48, 56, 64)] + [packed & _LOW32]
    return tuple(number for number in readings if number >> 24)


# The first row that fits decides. The last row fits every address.
_IPV4: Final = (
    ("0.0.0.0", 32, Scope.UNSPECIFIED),
    ("0.0.0.0", 8, Scope.THIS_NETWORK),
    ("10.0.0.0", 8, Scope.PRIVATE),
    ("100.100.100.200", 32, Scope.METADATA),  # Alibaba
    ("100.64.0.0", 10, Scope.PRIVATE),  # carrier-grade NAT
    ("127.0.0.0", 8, Scope.LOOPBACK),
    ("168.63.129.16", 32, Scope.METADATA),  # Azure
    ("169.254.0.0", 16, Scope.LINK_LOCAL),
    ("172.16.0.0", 12, Scope.PRIVATE),
    ("192.0.0.192", 32, Scope.METADATA),  # Oracle
    ("192.0.0.0", 24, Scope.PRIVATE),  # IETF protocol assignments
    ("192.0.2.0", 24, Scope.PRIVATE),  # documentation
    ("192.88.99.0", 24, Scope.PRIVATE),  # 6to4 relays
    ("192.168.0.0", 16, Scope.PRIVATE),
    ("198.18.0.0", 15, Scope.PRIVATE),  # benchmarks
    ("198.51.100.0", 24, Scope.PRIVATE),  # documentation
    ("203.0.113.0", 24, Scope.PRIVATE),  # documentation
    ("224.0.0.0", 4, Scope.MULTICAST),
    ("255.255.255.255", 32, Scope.BROADCAST),
    ("240.0.0.0", 4, Scope.PRIVATE),  # reserved, yet Linux sends there
    ("0.0.0.0", 0, Scope.GLOBAL),
)
_IPV6: Final = (
    ("::", 128, Scope.UNSPECIFIED),
    ("::1", 128, Scope.LOOPBACK),
    ("fe80::", 10, Scope.LINK_LOCAL),
    ("ff00::", 8, Scope.MULTICAST),
    ("2001::", 23, Scope.PRIVATE),  # IETF protocol assignments, Teredo among them
    ("2001:db8::", 32, Scope.PRIVATE),  # documentation
    ("2002::", 16, Scope.PRIVATE),  # 6to4
    ("3fff::", 20, Scope.PRIVATE),  # documentation
    ("2000::", 3, Scope.GLOBAL),
    ("fd00:ec2::", 32, Scope.METADATA),  # Amazon: ::254, and its time and name servers
    ("fd20:ce::254", 128, Scope.METADATA),  # Google
    ("fd00:c1::a9fe:a9fe", 128, Scope.METADATA),  # Oracle
    ("fd00:42::42", 128, Scope.METADATA),  # Scaleway
    ("fd00:a9fe:a9fe::1", 128, Scope.METADATA),  # Linode
    # Outside 2000::/3 nothing is global unicast: ::/96, 64:ff9b::/96, 64:ff9b:1::/48, 100::/64, fc00::/7, fec0::/10 ...
    ("::", 0, Scope.PRIVATE),
)
_CARRIERS: Final[tuple[tuple[str, int, _Reading | None], ...]] = (
    ("::", 127, None),  # :: and ::1 carry nothing
    ("::", 96, _last),  # IPv4-compatible
    ("64:ff9b::", 96, _last),
    ("64:ff9b:1::", 48, _local_nat64),
    ("2002::", 16, _sixtofour),
    ("2001::", 32, _teredo),
)


# The rows as numbers, made when first asked for: a run without IPv6 never makes those of IPv6.
@cache
def _table(kind: HostKind) -> list[tuple[int, int, Scope]]:
    rows = _IPV4 if kind is HostKind.IPV4 else _IPV6
    return [(Host.parse(start).packed, bits, value) for start, bits, value in rows]


@cache
def _carriers() -> list[tuple[int, int, _Reading | None]]:
    return [(Host.parse(start).packed, bits, reading) for start, bits, reading in _CARRIERS]
