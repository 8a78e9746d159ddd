"""Rules filed by what they cover, so that finding those for one request takes as long among ten as among 100,000.

Few patterns cover a host: itself, its parent domains or the blocks around it, and `*`. With the operation and a port,
each is the canonical text of one rule, and one look into one dict by that text. They are looked for most specific
first, and so answered in that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from sockcli.base.address_scope import embedded_ipv4
from sockcli.base.endpoint import LOOPBACK, Host, HostKind, Operation
from sockcli.policy.rule import WIDTHS, Block, Effect, Exact, Pattern, PlacedRule, Request, Rule, Suffix
from sockcli.policy.rule_list import ANY_PORT, RuleList

_ANY: Final = "*"


class AllowIndex:
    """Finds the allow rules that cover a request, by its host as typed."""

    effect = Effect.ALLOW

    def __init__(self, rules: RuleList) -> None:
        self._list = rules
        # Of rules that say the same, the first in the file comes last here and stays: it is the one reported.
        self._rules = dict(rules.last_first(self.effect))
        self._add_stand_ins()

    @cached_property
    def _lengths(self) -> dict[HostKind, list[int]]:
        """The lengths that blocks have, longest first. Only a request for an address needs them."""
        found = {key[key.rindex("/") + 1 : key.rindex(":")] for key in self._rules if "/" in key}
        return {
            HostKind.IPV4: sorted((int(bits) for bits in found if bits[-1] != "]"), reverse=True),
            HostKind.IPV6: sorted((int(bits[:-1]) for bits in found if bits[-1] == "]"), reverse=True),
        }

    def matches(self, request: Request) -> Iterator[PlacedRule]:
        """The rules that cover the request, most specific first: by the host, then by the port."""
        operation, host, port = request
        if host is None:
            keys: Iterator[str] = iter((operation.value,))
        else:
            ports = (ANY_PORT,) if port is None else (str(port), ANY_PORT)
            keys = (f"{operation.value}:{text}:{each}" for text in self._look_up(host) for each in ports)
        for key in keys:
            number = self._rules.get(key)
            if number is not None:
                yield self._list[number]

    def _add_stand_ins(self) -> None:
        """File rules under what else they are taken for: nothing, where they allow."""

    def _look_up(self, host: Host) -> Iterator[str]:
        """The patterns that cover a host, as text, most specific first."""
        yield host.bracketed
        yield from self._around(host)
        yield _ANY

    def _around(self, host: Host) -> Iterator[str]:
        if host.is_address:
            width = WIDTHS[host.kind]
            for bits in self._lengths[host.kind]:
                yield str(Block(host.kind, host.packed >> width - bits, bits))
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

    effect = Effect.DENY

    def _add_stand_ins(self) -> None:
        for key, number in list(self._rules.items()):
            if key.startswith(_LOCAL) or "localhost:" in key or "%" in key:
                for other in _stand_ins(Rule.parse(key)):
                    self._rules.setdefault(str(other), number)

    def _look_up(self, host: Host) -> Iterator[str]:
        yield host.bracketed
        if host.zone:
            yield Host.from_packed(host.kind, host.packed).bracketed
        yield from self._around(host)
        for carried in embedded_ipv4(host):
            yield carried.text
            yield from self._around(carried)
        yield _ANY


_LOCAL: Final = (f"{Operation.TCP_LISTEN.value}:", f"{Operation.UDP_BIND.value}:")
_LOOPBACK: Final = (Suffix("localhost"), Block(HostKind.IPV4, 127, 8), Exact(LOOPBACK[0]))
_UNSPECIFIED: Final = {kind: Exact(Host.from_packed(kind, 0)) for kind in WIDTHS}


def _stand_ins(rule: Rule) -> Iterator[Rule]:
    """What else a deny rule forbids."""
    for pattern in _same_hosts(rule.pattern):
        yield rule._replace(pattern=pattern)
        kind = _address_kind(pattern)
        if kind is not None and rule.operation in (Operation.TCP_LISTEN, Operation.UDP_BIND):
            yield rule._replace(pattern=_UNSPECIFIED[kind])


def _same_hosts(pattern: Pattern) -> tuple[Pattern, ...]:
    """What the hosts of a deny rule are taken for."""
    match pattern:
        case Exact(Host(text="localhost")) | Suffix("localhost"):
            return _LOOPBACK
        case Exact(host) if host.zone:
            return (Exact(Host.from_packed(host.kind, host.packed)),)
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
