"""Hosts, ports and addresses, each in exactly one spelling.

A host is compared, looked up and connected to in its canonical form, so whatever the policy matched is what the
network sees. Other spellings of an address (`127.1`, `0x7f.1`, full-width digits) are refused, never guessed: the C
library would take them for an address that no rule was matched against. This file opens no socket and looks nothing up.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple, NoReturn

from sockcli.base.escaping import quoted
from sockcli.errors import UsageError

_V4_MAPPED: Final = 0xFFFF  # the high 96 bits of ::ffff:a.b.c.d
_LINK_LOCAL: Final = 0xFE80 >> 6  # the high 10 bits of fe80::/10 (RFC 4291, 2.4)

# No patterns: to compile one takes longer than a whole run has hosts to read.
_IN_NAMES: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-.")
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_ZONE: Final = r"[A-Za-z0-9._-]{1,15}"  # 15: IFNAMSIZ without its NUL
_MAX_INDEX: Final = 2**32 - 1  # sin6_scope_id (RFC 3493, 3.3)
# What one byte holds, each number in its one spelling.
OCTETS: Final = {str(number): number for number in range(256)}

MAX_NAME: Final = 253  # RFC 1035's 255 octets on the wire
MAX_LABEL: Final = 63


class Operation(StrEnum):
    """What a rule speaks of, in the spelling of a packaged app's socket permission."""

    TCP_CONNECT = "tcp-connect"
    TCP_LISTEN = "tcp-listen"
    UDP_BIND = "udp-bind"
    UDP_SEND_TO = "udp-send-to"
    UDP_MULTICAST_MEMBERSHIP = "udp-multicast-membership"
    RESOLVE_HOST = "resolve-host"
    RESOLVE_PROXY = "resolve-proxy"
    NETWORK_STATE = "network-state"

    @property
    def takes_address(self) -> bool:
        return self in _WITH_ADDRESS


_WITH_ADDRESS = frozenset({Operation.TCP_CONNECT, Operation.TCP_LISTEN, Operation.UDP_BIND, Operation.UDP_SEND_TO})


class HostKind(StrEnum):
    NAME = "name"
    IPV4 = "IPv4"
    IPV6 = "IPv6"


_SHORT_IPV6: Final = {0: "::", 1: "::1"}  # those that every run has in its tables
_WIDTHS: Final = {HostKind.IPV4: 32, HostKind.IPV6: 128}


class Host:
    """A host name or an IP address, canonical and immutable. Made by `parse` or `from_packed`.

    The text of an address is always derived from its number, so that what is shown, matched and connected to is one
    address. That guards against mistakes, and is no boundary: code in the same process can do as it likes.
    """

    __slots__ = ("_packed", "kind", "text", "zone")

    text: str  # without brackets: "example.com", "127.0.0.1", "::1", "fe80::1%eth0"
    kind: HostKind
    zone: str | None
    _packed: int

    def __init__(self, text: str, kind: HostKind, packed: int = 0, zone: str | None = None) -> None:
        """What `parse` gives for `text`, if it is what the others say too. Raises UsageError."""
        parsed = Host.parse(text)
        if (text, kind, packed, zone) != (parsed.text, parsed.kind, parsed._packed, parsed.zone):
            raise UsageError(f"{quoted(text)} is not the canonical text of that host")
        self._put(parsed.text, parsed.kind, parsed._packed, parsed.zone)

    def _put(self, text: str, kind: HostKind, packed: int = 0, zone: str | None = None) -> Host:
        put = object.__setattr__
        put(self, "text", text)
        put(self, "kind", kind)
        put(self, "_packed", packed)
        put(self, "zone", zone)
        return self

    @classmethod
    def parse(cls, text: str) -> Host:
        """The host that `text` spells. Raises UsageError, with the spelling to use where there is one."""
        if ":" in text or text[:1] == "[":
            return _parse_ipv6(text)
        name = canonical_name(text)
        if not is_numeric(name.rpartition(".")[2]):
            return cls.__new__(cls)._put(name, HostKind.NAME)
        try:
            a, b, c, d = [OCTETS[part] for part in name.split(".")]
        except (KeyError, ValueError):
            from sockcli.base.host_advice import fault_of_quad

            raise _refusal(text, fault_of_quad(name)) from None
        return cls.__new__(cls)._put(name, HostKind.IPV4, a << 24 | b << 16 | c << 8 | d)

    @classmethod
    def from_packed(cls, kind: HostKind, packed: int, zone: str | None = None) -> Host:
        """The address with this number; an IPv4-mapped one is the IPv4 address. Raises UsageError if there is none."""
        if type(packed) is not int or kind not in _WIDTHS or not 0 <= packed < 1 << _WIDTHS[kind]:
            raise UsageError(f"{packed!r} is not the number of an {kind} address")
        if kind is HostKind.IPV6 and packed >> 32 == _V4_MAPPED:
            kind, packed = HostKind.IPV4, packed & 0xFFFF_FFFF
        if kind is HostKind.IPV4:
            text = f"{packed >> 24}.{packed >> 16 & 255}.{packed >> 8 & 255}.{packed & 255}"
            return cls.__new__(cls)._put(text, kind, packed)
        text = _SHORT_IPV6.get(packed, "")
        if not text:
            from ipaddress import IPv6Address  # a millisecond, which only IPv6 needs

            text = IPv6Address(packed).compressed
        return cls.__new__(cls)._put(f"{text}%{zone}" if zone else text, kind, packed, zone)

    @property
    def is_address(self) -> bool:
        return self.kind is not HostKind.NAME

    @property
    def packed(self) -> int:
        """The address as a number. Only an address has one."""
        if self.kind is HostKind.NAME:
            raise TypeError(f"{self.text} is a name, not an address")
        return self._packed

    @property
    def is_localhost(self) -> bool:
        """Whether it is `localhost` or under it: this machine, and never asked of a server (RFC 6761, 6.3)."""
        return self.kind is HostKind.NAME and f".{self.text}".endswith(".localhost")

    @property
    def bracketed(self) -> str:
        """As it stands before a `:port`."""
        return f"[{self.text}]" if self.kind is HostKind.IPV6 else self.text

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Host is immutable: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Host is immutable: {name}")

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Host) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Host({self.text!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # copy and pickle would set the slots one by one.
        return type(self), (self.text, self.kind, self._packed, self.zone)


# What `localhost` means, whatever the machine's files or servers say.
LOOPBACK: Final = (Host.from_packed(HostKind.IPV6, 1), Host.from_packed(HostKind.IPV4, 127 << 24 | 1))


class Endpoint(NamedTuple):
    """What the user asked for: a host by name or address, and a port."""

    host: Host
    port: int

    def __str__(self) -> str:
        return f"{self.host.bracketed}:{self.port}"


class Address(NamedTuple):
    """An IP address and a port: what a socket is connected or bound to."""

    host: Host
    port: int

    @property
    def family(self) -> int:
        return 6 if self.host.kind is HostKind.IPV6 else 4

    def __str__(self) -> str:
        return f"{self.host.bracketed}:{self.port}"


def is_link_local(packed: int) -> bool:
    """Whether an IPv6 address, as a number, means something on one link only, so that it can have a zone."""
    return packed >> 118 == _LINK_LOCAL


def canonical_name(text: str) -> str:
    """`text` as a host name: in lower case, without a trailing dot. Raises UsageError if it is none.

    It may still look like an address: only `Host.parse` tells those two apart.
    """
    # str.lower() turns some non-ASCII letters (the Kelvin sign) into ASCII ones.
    name = text.lower().removesuffix(".") if text.isascii() else ""
    if not _IN_NAMES.issuperset(name) or len(name) > MAX_NAME:
        raise _no_name(text)
    if not all(0 < len(label) <= MAX_LABEL for label in name.split(".")):
        raise _no_name(text)
    return name


def is_numeric(label: str) -> bool:
    """Whether inet_aton(3) reads the label as a number, octal ones included. No name ends in one (RFC 1123, 2.1)."""
    return label.isdigit() or (label[:2] == "0x" and _HEXADECIMAL.issuperset(label[2:]))


def port_number(text: str) -> int | None:
    """The port that `text` spells, 0 to 65535; None if it spells none.

    Stricter than int() and getaddrinfo, which take `+80`, ` 80`, `8_0` and 65616 as 80.
    """
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else -1
    return port if 0 <= port <= 65_535 else None


def parse_port(text: str) -> int:
    """The port that `text` spells, 0 to 65535. Raises UsageError."""
    port = port_number(text)
    if port is None:
        raise UsageError(f"bad port {quoted(text)}: a port is a number from 0 to 65535")
    return port


def split_target(text: str) -> tuple[str, str]:
    """`HOST:PORT` or `[IPV6]:PORT` as host and port, both still unchecked text, neither of them empty.

    Raises UsageError.
    """
    if text.startswith("["):
        inner, bracket, port = text[1:].partition("]")
        host = f"[{inner}]"
        if not bracket or not port.startswith(":"):
            raise UsageError(f"bad target {quoted(text)}: write it as [IPV6]:PORT")
        port = port[1:]
    else:
        host, colon, port = text.rpartition(":")
        if not colon:
            raise UsageError(
                f"bad target {quoted(text)}: the port is missing", hint="write it as HOST:PORT or HOST PORT"
            )
        if ":" in host:
            raise UsageError(f"bad target {quoted(text)}: an IPv6 address needs brackets, as in [::1]:80")
    if host in ("", "[]"):
        raise UsageError(f"bad target {quoted(text)}: the host is missing")
    if not port:
        raise UsageError(f"bad target {quoted(text)}: the port is missing")
    return host, port


def _parse_ipv6(text: str) -> Host:
    if text.startswith("[") != text.endswith("]") or not text.isascii():
        raise _no_name(text)
    from ipaddress import IPv6Address

    address, percent, zone = text.removeprefix("[").removesuffix("]").partition("%")
    try:
        packed = int(IPv6Address(address))
    except ValueError:
        raise _no_name(text) from None
    if not percent:
        return Host.from_packed(HostKind.IPV6, packed)
    if not is_link_local(packed):
        raise _refusal(text, "only a link-local IPv6 address (fe80::/10) has a zone")
    if not re.fullmatch(_ZONE, zone):
        raise _refusal(text, "a zone is the name of a network interface, as in fe80::1%eth0")
    if zone.isdigit() and (zone[0] == "0" or int(zone) > _MAX_INDEX):
        # The kernel takes an index modulo 2**32, and %03 for %3: one link would have many spellings.
        raise _refusal(text, f"a zone that is a number is 1 to {_MAX_INDEX} without leading zeros, as in fe80::1%3")
    return Host.from_packed(HostKind.IPV6, packed, zone)


def _refusal(text: str, reason: str) -> UsageError:
    return UsageError(f"bad host {quoted(text)}: {reason}")


def _no_name(text: str) -> UsageError:
    from sockcli.base.host_advice import fault_of_name

    return _refusal(text, fault_of_name(text, max_name=MAX_NAME, max_label=MAX_LABEL))
