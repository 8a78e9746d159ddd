"""Rules filed by what they cover, so that finding those for one request takes as long among ten as among 100,000.

Few patterns cover a host: itself, its parent domains or the blocks around it, and `*`. Each is one look into one dict.
They are looked for most specific first, and so answered in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sockcli.base.address_scope import embedded_ipv4
from sockcli.base.endpoint import LOOPBACK, Host, HostKind, Operation
from sockcli.policy.rule import WIDTHS, AnyHost, Block, Exact, Pattern, PlacedRule, Request, Rule, Suffix

# A name, an address, "*.domain" or "*" as text; a block as width, bits and prefix.
_Filed = str | tuple[int, int, int]
_ANY: Final = "*"
_KINDS: Final = {width: kind for kind, width in WIDTHS.items()}


class AllowIndex:
    """Finds the allow rules that cover a request, by its host as typed."""

    def __init__(self, rules: Iterable[PlacedRule]) -> None:
        self._rules: dict[tuple[str, _Filed, int | None], PlacedRule] = {}
        lengths: dict[HostKind, set[int]] = {HostKind.IPV4: set(), HostKind.IPV6: set()}
        for placed in rules:
            operation, _, port = placed.rule
            for filed in self._file(placed.rule):
                if isinstance(filed, tuple):
                    width, bits, _ = filed
                    lengths[_KINDS[width]].add(bits)
                # Of rules that say the same, the first in the file is the one reported.
                self._rules.setdefault((operation, filed, port), placed)
        self._lengths = {kind: sorted(bits, reverse=True) for kind, bits in lengths.items()}

    def matches(self, request: Request) -> Iterator[PlacedRule]:
        """The rules that cover the request, most specific first: by the host, then by the port."""
        operation, host, port = request
        ports = (None,) if port is None else (port, None)
        for filed in self._look_up(host) if host else (_ANY,):
            for each in ports:
                placed = self._rules.get((operation, filed, each))
                if placed is not None:
                    yield placed

    def _file(self, rule: Rule) -> Iterator[_Filed]:
        """The keys under which a rule is filed."""
        match rule.pattern:
            case Exact(host):
                yield host.text
            case Block(kind, prefix, bits):
                yield WIDTHS[kind], bits, prefix
            case Suffix(domain):
                yield f"*.{domain}"
            case AnyHost():
                yield _ANY

    def _look_up(self, host: Host) -> Iterator[_Filed]:
        """The keys under which the rules that cover a host are found, most specific first."""
        yield host.text
        yield from self._around(host)
        yield _ANY

    def _around(self, host: Host) -> Iterator[_Filed]:
        if host.is_address:
            width = WIDTHS[host.kind]
            for bits in self._lengths[host.kind]:
                yield width, bits, host.packed >> width - bits
        else:
            domain, dot = host.text, "."
            while dot:
                yield f"*.{domain}"
                _, dot, domain = domain.partition(".")


class DenyIndex(AllowIndex):
    """Finds the deny rules that cover a request. It errs on the safe side: what may be the same host counts as it.

    - The IPv4 address inside an IPv6 one counts as that address.
    - A link-local address is the same on every link: which name and which number an interface has is not known here.
    - `localhost` is 127.0.0.0/8, ::1 and every name under it.
    - To listen or bind on 0.0.0.0 or :: is to do so on every address of that family, so that a rule for some of them
      forbids it too.
    """

    def _file(self, rule: Rule) -> Iterator[_Filed]:
        for pattern in _same_hosts(rule.pattern):
            yield from super()._file(rule._replace(pattern=pattern))
            kind = _address_kind(pattern)
            if kind is not None and rule.operation in _LOCAL:
                yield _UNSPECIFIED[kind]

    def _look_up(self, host: Host) -> Iterator[_Filed]:
        yield host.text
        if host.zone:
            yield host.text.partition("%")[0]
        yield from self._around(host)
        for carried in embedded_ipv4(host):
            yield carried.text
            yield from self._around(carried)
        yield _ANY


_UNSPECIFIED: Final = {HostKind.IPV4: "0.0.0.0", HostKind.IPV6: "::"}
_LOCAL: Final = frozenset({Operation.TCP_LISTEN, Operation.UDP_BIND})
_LOOPBACK: Final = (Suffix("localhost"), Block(HostKind.IPV4, 127, 8), Exact(LOOPBACK[0]))


def _same_hosts(pattern: Pattern) -> tuple[Pattern, ...]:
    """What a deny rule for these hosts is taken for."""
    match pattern:
        case Exact(Host(text="localhost")) | Suffix("localhost"):
            return _LOOPBACK
        case Exact(host) if host.zone:
            return pattern, Exact(Host.from_packed(host.kind, host.packed))
        case _:
            return (pattern,)


def _address_kind(pattern: Pattern) -> HostKind | None:
    match pattern:
        case Exact(host) if host.is_address:
            return host.kind
        case Block(kind):
            return kind
        case _:
            return None
