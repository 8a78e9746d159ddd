"""The hosts and ports that the manifest's rules name, which completion offers. The rules are looked through once.

Nothing else is offered. In particular nothing that a peer sent: it could offer a command that does harm.
"""

from __future__ import annotations

from typing import NamedTuple

from sockcli.base.endpoint import Host, Operation
from sockcli.errors import UsageError
from sockcli.policy import Policy, Request
from sockcli.policy.rule import WIDTHS, Block, Effect, Exact, PlacedRule, Suffix


class Name(NamedTuple):
    """A host or a port, and the rule that names it."""

    text: str
    rule: str


class ManifestNames:
    """The names in the rules of one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rules: dict[Operation, list[PlacedRule]] = {}
        self._hosts: dict[Operation, list[Name]] = {}
        self._ports: tuple[Operation, str, list[Name]] | None = None  # the last answer: asked for at each key

    def hosts(self, operation: Operation) -> list[Name]:
        """In the manifest's order, each once."""
        if operation not in self._hosts:
            found: dict[str, str] = {}
            for placed in self._allowing(operation):
                host = _host(placed)
                if host is not None and self._may(operation, host, placed.rule.port):
                    found.setdefault(host.text, str(placed.rule))
            self._hosts[operation] = [Name(*each) for each in found.items()]
        return self._hosts[operation]

    def ports(self, operation: Operation, host: str) -> list[Name]:
        """The ports that a rule names for this host, and that no other rule denies."""
        if self._ports is None or self._ports[:2] != (operation, host):
            self._ports = operation, host, self._find_ports(operation, host)
        return self._ports[2]

    def _find_ports(self, operation: Operation, text: str) -> list[Name]:
        try:
            host = Host.parse(text)
        except UsageError:
            return []
        found: dict[str, str] = {}
        for placed in self._allowing(operation):
            port = placed.rule.port
            if port is not None and placed.rule.pattern.covers(host) and self._may(operation, host, port):
                found.setdefault(str(port), str(placed.rule))
        return [Name(*each) for each in found.items()]

    def _allowing(self, operation: Operation) -> list[PlacedRule]:
        if operation not in self._rules:
            self._rules[operation] = [
                placed
                for placed in self._policy.rules
                if placed.effect is Effect.ALLOW and placed.rule.operation is operation
            ]
        return self._rules[operation]

    def _may(self, operation: Operation, host: Host, port: int | None) -> bool:
        """Whether the rules allow it. A rule for any port names none, so there is nothing to check yet."""
        return port is None or self._policy.decide(Request(operation, host, port)).allowed


def _host(placed: PlacedRule) -> Host | None:
    """The host that the rule names, where it names one."""
    match placed.rule.pattern:
        case Exact(host):
            return host
        case Suffix(domain):
            try:
                host = Host.parse(domain)
            except UsageError:
                return None  # as `*.168.0.1`: a domain, but no host
            return host if placed.rule.pattern.covers(host) else None
        case Block(kind, prefix, bits) if bits == WIDTHS[kind]:
            return Host.from_packed(kind, prefix)
    return None
