"""One rule: its grammar, its canonical form, and what it covers.

A rule speaks of the host as the user typed it. Where a covered name may lead is policy.py's matter, and how the rules
for a request are found among many index.py's. Text that is no rule is a UsageError, whose message is the reason.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple, NoReturn

from sockcli.base.endpoint import (
    OCTETS,
    Endpoint,
    Host,
    HostKind,
    Operation,
    canonical_name,
    is_link_local,
    is_numeric,
    port_number,
)
from sockcli.base.escaping import quoted
from sockcli.errors import UsageError

WIDTHS: Final = {HostKind.IPV4: 32, HostKind.IPV6: 128}  # bits in an address


class Request(NamedTuple):
    """What somebody wants to do. Operations that take no address have neither host nor port."""

    operation: Operation
    host: Host | None = None
    port: int | None = None

    @property
    def endpoint(self) -> Endpoint:
        if self.host is None or self.port is None:
            raise TypeError(f"{self.operation} has no endpoint")
        return Endpoint(self.host, self.port)

    def __str__(self) -> str:
        return self.operation.value if self.host is None else f"{self.operation.value}:{self.endpoint}"


class AnyHost(NamedTuple):
    """`*`, or nothing: every name and every address."""

    def covers(self, host: Host) -> bool:  # noqa: ARG002
        return True

    def contains(self, other: Pattern) -> bool:  # noqa: ARG002
        return True

    def __str__(self) -> str:
        return "*"


class Suffix(NamedTuple):
    """`*.domain`: the domain and every name under it, never an address."""

    domain: str

    def covers(self, host: Host) -> bool:
        return not host.is_address and self._is_under(host.text)

    def contains(self, other: Pattern) -> bool:
        match other:
            case Suffix(domain):
                return self._is_under(domain)
            case Exact(host):
                return self.covers(host)
            case _:
                return False

    @property
    def covers_nothing(self) -> bool:
        """`*.0.0.1`: a host that ends in a number is an address or is refused, so that no name is under it."""
        return is_numeric(self.domain.rpartition(".")[2])

    def _is_under(self, name: str) -> bool:
        return f".{name}".endswith(f".{self.domain}")

    def __str__(self) -> str:
        return f"*.{self.domain}"


class Block(NamedTuple):
    """A CIDR block: the addresses whose first `bits` bits are `prefix`."""

    kind: HostKind
    prefix: int
    bits: int

    def covers(self, host: Host) -> bool:
        # A zone names the link, not the address, so that a block covers it on every link.
        return host.kind is self.kind and host.packed >> WIDTHS[self.kind] - self.bits == self.prefix

    def contains(self, other: Pattern) -> bool:
        match other:
            case Block(kind, prefix, bits):
                return kind is self.kind and bits >= self.bits and prefix >> bits - self.bits == self.prefix
            case Exact(host):
                return self.covers(host)
            case _:
                return False

    def __str__(self) -> str:
        network = Host.from_packed(self.kind, self.prefix << WIDTHS[self.kind] - self.bits)
        return f"[{network}/{self.bits}]" if self.kind is HostKind.IPV6 else f"{network}/{self.bits}"


class Exact(NamedTuple):
    """One name or one address."""

    host: Host

    def covers(self, host: Host) -> bool:
        return self.host == host

    def contains(self, other: Pattern) -> bool:
        match other:
            case Exact(host):
                return self.covers(host)
            case Block(kind, prefix, bits):
                # Of one address only, and of that one on every link.
                whole = kind is self.host.kind and bits == WIDTHS[kind] and prefix == self.host.packed
                return whole and not (kind is HostKind.IPV6 and is_link_local(prefix))
            case _:
                return False

    def __str__(self) -> str:
        return self.host.bracketed


Pattern = AnyHost | Suffix | Block | Exact
ANY_HOST: Final = AnyHost()


class Rule(NamedTuple):
    """An operation, and the hosts and ports it is about. Port None is any port."""

    operation: Operation
    pattern: Pattern = ANY_HOST
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """The rule that `text` spells."""
        name, colon, address = text.partition(":")
        operation = _OPERATIONS.get(name)
        if operation is None:
            _explain_operation(name)
        return cls.of(operation, address) if colon else cls(operation)

    @classmethod
    def of(cls, operation: Operation, address: str) -> Rule:
        """The rule for an operation and what follows its colon: `host:port`, of which either may be missing."""
        if not operation.takes_address:
            # A bare trailing colon too: it announces an address.
            raise UsageError(f"{operation} takes no address")
        if address[:1] == "[":
            host, port = _split_bracketed(address)
            return cls(operation, _parse_bracketed(host), _parse_port(port))
        host, _, port = address.partition(":")
        if ":" in port:
            if host in _OPERATIONS:
                raise UsageError("the operation is said already: write only host:port here")
            raise UsageError("too many fields: a host and a port are all, and an IPv6 address needs brackets")
        return cls(operation, _parse_host(host), _parse_port(port))

    @classmethod
    def exactly(cls, request: Request) -> Rule:
        """The narrowest rule that covers the request. Port 0 is covered only by any port."""
        if request.host is None:
            return cls(request.operation)
        return cls(request.operation, Exact(request.host), request.port or None)

    def covers(self, request: Request) -> bool:
        """Whether the rule covers the request, by the host as typed."""
        if self.operation is not request.operation or self.port not in (None, request.port):
            return False
        return request.host is None or self.pattern.covers(request.host)

    def contains(self, other: Rule) -> bool:
        """Whether this rule covers every request that `other` covers, by the hosts as typed.

        Where a covered name may lead is another matter: `*` trusts it further than the name itself does. And deny rules
        forbid more than they cover (index.py).
        """
        if isinstance(other.pattern, Suffix) and other.pattern.covers_nothing:
            return True
        if self.operation is not other.operation or self.port not in (None, other.port):
            return False
        return self.pattern.contains(other.pattern)

    def __str__(self) -> str:
        if not self.operation.takes_address:
            return self.operation.value
        return f"{self.operation.value}:{self.pattern}:{'*' if self.port is None else self.port}"


class Effect(Enum):
    ALLOW = "allow"
    DENY = "deny"


class PlacedRule(NamedTuple):
    """A rule and where it stands in the manifest, as `permissions[0].socket[2]`."""

    rule: Rule
    effect: Effect
    source: str

    def __str__(self) -> str:
        return f'{self.source} "{self.rule}"'


_OPERATIONS: Final = {operation.value: operation for operation in Operation}


def _explain_operation(name: str) -> NoReturn:
    if not all("!" <= char <= "~" for char in name):
        raise UsageError("blanks, control characters and anything but ASCII are not allowed")
    if name == "*":
        raise UsageError("a bare * names no operation: write one before it, as in tcp-connect:*")
    raise UsageError(f"unknown operation {quoted(name)}; there are {', '.join(_OPERATIONS)}")


def _parse_port(text: str) -> int | None:
    if text in ("", "*"):
        return None
    port = port_number(text)
    if not port:
        raise UsageError("port must be 1 to 65535 or *")
    return port


def _parse_host(text: str) -> Pattern:
    if text in ("", "*"):
        return ANY_HOST
    if text[0] == ".":
        return _parse_suffix(text[1:])
    if text[:2] == "*.":
        return _parse_suffix(text[2:])
    if "*" in text:
        raise UsageError("* stands for any host, or for the whole first label, as in *.example.com")
    if "/" in text:
        return _parse_block(text)
    return Exact(Host.parse(text))


def _parse_suffix(domain: str) -> Suffix:
    if domain in ("", "."):
        raise UsageError("no domain follows the dot: write * for any host")
    if "*" in domain:
        raise UsageError("* is allowed in the first label only, as in *.example.com")
    # Not Host.parse: *.168.0.1 is a domain, though no name is in it, for 192.168.0.1 is an address.
    return Suffix(canonical_name(domain))


def _parse_block(text: str) -> Block:
    address, bits = _split_block(text, HostKind.IPV4)
    if address.count(".") == 3:
        host = Host.parse(address)
        if host.is_address:
            return _block(HostKind.IPV4, host.packed, bits)
    # Host.parse would advise 0.0.0.10 for 10/8, which is not what was meant.
    raise UsageError("a block starts with four plain decimal numbers, as in 10.0.0.0/8")


def _split_bracketed(address: str) -> tuple[str, str]:
    """`[host]:port` as host and port."""
    host, bracket, tail = address[1:].partition("]")
    if not bracket:
        raise UsageError("the bracket is not closed")
    if tail[:1] == "/":
        raise UsageError("the length of a block goes inside the brackets, as in [2001:db8::/32]")
    if tail and tail[0] != ":":
        raise UsageError("after the bracket there can only be a colon and the port")
    return host, tail[1:]


def _parse_bracketed(text: str) -> Pattern:
    if "/" not in text:
        return Exact(Host.parse(f"[{text}]"))
    address, bits = _split_block(text, HostKind.IPV6)
    host = Host.parse(f"[{address}]")
    if host.zone:
        raise UsageError("a block has no zone: it covers its addresses on every link")
    if host.kind is HostKind.IPV6:
        return _block(HostKind.IPV6, host.packed, bits)
    # IPv4-mapped addresses are IPv4 addresses, but a block wider than all of them is not.
    if bits < 96:
        return _block(HostKind.IPV6, 0xFFFF << 32 | host.packed, bits)
    return _block(HostKind.IPV4, host.packed, bits - 96)


def _split_block(text: str, kind: HostKind) -> tuple[str, int]:
    address, _, bits = text.partition("/")
    length = OCTETS.get(bits)
    if length is None or length > WIDTHS[kind]:
        raise UsageError(f"the length of an {kind.value} block is 0 to {WIDTHS[kind]}")
    return address, length


def _block(kind: HostKind, packed: int, bits: int) -> Block:
    shift = WIDTHS[kind] - bits
    block = Block(kind, packed >> shift, bits)
    if packed != block.prefix << shift:
        raise UsageError(f"the address has bits set past /{bits}: write {block}")
    return block
