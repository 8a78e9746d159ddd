"""The address table: what is never global, and what an address that carries another is worth."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.address_scope import Scope, embedded_ipv4, scope
from sockcli.base.endpoint import Host

NEVER_GLOBAL = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4"),
    *("::/96", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
]


@pytest.mark.parametrize("block", NEVER_GLOBAL)
def test_never_global_from_the_first_to_the_last(block: str) -> None:
    network = ipaddress.ip_network(block)
    for address in (network[0], network[-1], network[network.num_addresses // 2]):
        assert scope(Host.parse(str(address))) is not Scope.GLOBAL


@given(st.sampled_from(NEVER_GLOBAL).flatmap(lambda block: st.ip_addresses(network=block)))
def test_never_global_in_between(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert scope(Host.parse(str(address))) is not Scope.GLOBAL


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0"),
        *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8"),
        *("2606:4700::1111", "2001:200::", "2001:db9::", "2003::", "3ffe::1"),
    ],
)
def test_global(address: str) -> None:
    assert scope(Host.parse(address)) is Scope.GLOBAL


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0.0.0.0", Scope.UNSPECIFIED),
        ("0.0.0.1", Scope.THIS_NETWORK),
        ("127.255.255.255", Scope.LOOPBACK),
        ("169.254.169.254", Scope.LINK_LOCAL),
        ("10.1.2.3", Scope.PRIVATE),
        ("224.0.0.1", Scope.MULTICAST),
        ("240.0.0.1", Scope.PRIVATE),
        ("255.255.255.255", Scope.BROADCAST),
        ("::", Scope.UNSPECIFIED),
        ("::1", Scope.LOOPBACK),
        ("fe80::1", Scope.LINK_LOCAL),
        ("fe80::1%lo", Scope.LINK_LOCAL),
        ("febf::1", Scope.LINK_LOCAL),
        ("fec0::1", Scope.PRIVATE),
        ("fd00::1", Scope.PRIVATE),
        ("ff02::1", Scope.MULTICAST),
        ("4000::1", Scope.PRIVATE),
        ("3fff::1", Scope.PRIVATE),
        ("::ffff:127.0.0.1", Scope.LOOPBACK),
        # An address is global only if what it carries is, and it is too.
        ("::127.0.0.1", Scope.LOOPBACK),
        ("::8.8.8.8", Scope.PRIVATE),
        ("64:ff9b::127.0.0.1", Scope.LOOPBACK),
        ("64:ff9b::169.254.169.254", Scope.LINK_LOCAL),
        ("64:ff9b::0.0.0.0", Scope.UNSPECIFIED),
        ("64:ff9b::8.8.8.8", Scope.PRIVATE),
        ("2002:7f00:1::", Scope.LOOPBACK),
        ("2002:808:808::1", Scope.PRIVATE),
        ("2001:0:808:808::80ff:fffe", Scope.LOOPBACK),  # Teredo: the client 127.0.0.1, its bits inverted
        ("2001:0:7f00:1:0:0:f7f7:f7f7", Scope.LOOPBACK),  # and the server
        ("64:ff9b:1:7f00:0:100::", Scope.LOOPBACK),  # RFC 6052: /48, around the octet at bit 64
        ("64:ff9b:1:a7f:0:1::", Scope.LOOPBACK),  # /56
        ("64:ff9b:1:0:7f:0:100:0", Scope.LOOPBACK),  # /64
        ("64:ff9b:1::127.0.0.1", Scope.LOOPBACK),  # /96
        ("64:ff9b:1::8.8.8.8", Scope.PRIVATE),
        ("100.100.100.200", Scope.METADATA),
        ("100.100.100.201", Scope.PRIVATE),
        ("192.0.0.192", Scope.METADATA),
        ("168.63.129.16", Scope.METADATA),
        ("168.63.129.17", Scope.GLOBAL),
        ("fd00:ec2::254", Scope.METADATA),
        ("fd00:ec3::254", Scope.PRIVATE),
        ("fd20:ce::254", Scope.METADATA),
        ("fd00:c1::a9fe:a9fe", Scope.METADATA),
        ("fd00:42::42", Scope.METADATA),
        ("fd00:a9fe:a9fe::1", Scope.METADATA),
        ("64:ff9b::168.63.129.16", Scope.METADATA),
    ],
)
def test_scope(address: str, kind: Scope) -> None:
    assert scope(Host.parse(address)) is kind


@pytest.mark.parametrize(
    ("address", "carried"),
    [
        ("127.0.0.1", []),
        ("::", []),
        ("::1", []),
        ("2606:4700::1111", []),
        ("::7f00:1", ["127.0.0.1"]),
        ("64:ff9b::1.2.3.4", ["1.2.3.4"]),
        ("64:ff9b:1::1.2.3.4", ["1.2.3.4"]),
        ("2002:102:304::", ["1.2.3.4"]),
        ("2001:0:102:304::fefd:fcfb", ["1.2.3.4", "1.2.3.4"]),
    ],
)
def test_embedded_ipv4(address: str, carried: list[str]) -> None:
    assert [str(host) for host in embedded_ipv4(Host.parse(address))] == carried
