"""Rules filed by what they cover, so that finding those for one request takes as long among ten as among 100,000.

Few patterns cover a host: itself, its parent domains or the blocks around it, and `*`. Each is one look into one dict.
They are looked for most specific first, and so answered in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sockcli.base.address_scope import embedded_ipv4
from sockcli.base.endpoint import Host, HostKind
from sockcli.policy.rule import WIDTHS, Block, Exact, Pattern, PlacedRule, Request, Suffix

# A name, an address, "*.domain" or "*" as text; a block as width, bits and prefix.
_Filed = str | tuple[int, int, int]
_ANY: Final = "*"


class AllowIndex:
    """Finds the allow rules that cover a request, by its host as typed."""

    def __init__(self, rules: Iterable[PlacedRule]) -> None:
        self._rules: dict[tuple[str, _Filed, int | None], PlacedRule] = {}
        lengths: dict[HostKind, set[int]] = {HostKind.IPV4: set(), HostKind.IPV6: set()}
        for placed in rules:
            operation, pattern, port = placed.rule
            if isinstance(pattern, Block):
                lengths[pattern.kind].add(pattern.bits)
            for filed in self._file(pattern):
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

    def _file(self, pattern: Pattern) -> tuple[_Filed, ...]:
        """The keys under which a rule is filed."""
        if isinstance(pattern, Exact):
            return (pattern.host.text,)
        if isinstance(pattern, Block):
            return ((WIDTHS[pattern.kind], pattern.bits, pattern.prefix),)
        return (f"*.{pattern.domain}" if isinstance(pattern, Suffix) else _ANY,)

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

    Such are the IPv4 address inside an IPv6 one, and a link-local address on a link that may be the same: a zone is
    written as the name or as the number of an interface, and which name has which number is not known here.
    """

    def _file(self, pattern: Pattern) -> tuple[_Filed, ...]:
        if isinstance(pattern, Exact) and pattern.host.zone:
            address, zone = pattern.host.text.split("%")
            return pattern.host.text, f"{address}%{_NUMBER if zone.isdigit() else _NAME}"
        return super()._file(pattern)

    def _look_up(self, host: Host) -> Iterator[_Filed]:
        yield host.text
        if host.kind is HostKind.IPV6:
            address, _, zone = host.text.partition("%")
            yield address
            if not zone or zone.isdigit():
                yield f"{address}%{_NAME}"
            if not zone.isdigit():
                yield f"{address}%{_NUMBER}"
        yield from self._around(host)
        for carried in embedded_ipv4(host):
            yield carried.text
            yield from self._around(carried)
        yield _ANY


# Stand for any zone of that spelling. No interface's name has a slash in it.
_NAME: Final = "/name"
_NUMBER: Final = "/number"
