"""Addresses between the kernel's form and ours."""

from __future__ import annotations

import socket

import pytest

from sockcli.errors import LocalFailure
from sockcli.net.sockaddr import af, from_sockaddr, to_sockaddr
from tests.net.support import address

LO = socket.if_nametoindex("lo")


@pytest.mark.parametrize(
    ("family", "given", "expected"),
    [
        (socket.AF_INET, ("127.0.0.1", 80), "127.0.0.1:80"),
        (socket.AF_INET6, ("::1", 80, 0, 0), "[::1]:80"),
        (socket.AF_INET6, ("::ffff:192.0.2.1", 80, 0, 0), "192.0.2.1:80"),
        (socket.AF_INET6, ("fe80::1", 80, 0, LO), "[fe80::1%lo]:80"),
        (socket.AF_INET6, ("fe80::1%lo", 80, 0, LO), "[fe80::1%lo]:80"),
        (socket.AF_INET6, ("fe80::1", 80, 7, 0), "[fe80::1]:80"),
        # Only a link-local address has a zone; the kernel also gives an interface for multicast.
        (socket.AF_INET6, ("ff02::1", 80, 0, LO), "[ff02::1]:80"),
        (socket.AF_INET6, ("fe80::1", 80, 0, 999_999), "[fe80::1%999999]:80"),
    ],
)
def test_from_the_kernel(family: int, given: tuple[str, int], expected: str) -> None:
    found = from_sockaddr(family, given)
    assert str(found) == expected
    assert found == address(expected)


def test_another_port() -> None:
    assert str(from_sockaddr(socket.AF_INET, ("127.0.0.1", 0), 80)) == "127.0.0.1:80"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80, 0, 0)),
        ("[fe80::1%lo]:80", ("fe80::1", 80, 0, LO)),
        ("[fe80::1%7]:80", ("fe80::1", 80, 0, 7)),
    ],
)
def test_to_the_kernel(given: str, expected: tuple[str, int]) -> None:
    assert to_sockaddr(address(given)) == expected


def test_zone_that_is_no_interface() -> None:
    with pytest.raises(LocalFailure, match="no network interface is called nosuch"):
        to_sockaddr(address("[fe80::1%nosuch]:80"))


def test_families() -> None:
    assert (af(0), af(4), af(6)) == (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6)
