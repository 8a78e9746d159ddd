"""A manifest's text to its rules and its faults: which keys hold rules, and where each rule stands.

What is not ours to read is skipped: a real app's manifest loads unchanged. The ceiling is read by the same code.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Final

from sockcli.base.endpoint import Operation
from sockcli.base.escaping import quoted
from sockcli.errors import ManifestError, ManifestProblem, UsageError
from sockcli.policy.policy import CeilingAudit
from sockcli.policy.rule import Effect, PlacedRule, Rule
from sockcli.policy.strictjson import Unreadable, read

_SOCKETS: Final = {
    ("tcp", "connect"): Operation.TCP_CONNECT,
    ("tcpServer", "listen"): Operation.TCP_LISTEN,
    ("udp", "bind"): Operation.UDP_BIND,
    ("udp", "send"): Operation.UDP_SEND_TO,
    ("udp", "multicastMembership"): Operation.UDP_MULTICAST_MEMBERSHIP,
}


def collect(data: bytes, name: str, *, ceiling: bool = False) -> RuleCollector:
    """The rules of a manifest, or of the ceiling. `name` is what messages call it. Raises ManifestError."""
    collecting = gc.isenabled()
    # Nothing here makes a cycle, and the collector's walks through ever more rules take as long as all the rest.
    gc.disable()
    try:
        value, problems = read(data)
        collected = RuleCollector(problems)
        collected.top(value)
        if ceiling:
            collected.above(value)
        if collected.problems:
            raise ManifestError(name, collected.problems)
        return collected
    finally:
        if collecting:
            gc.enable()


class RuleCollector:
    """Collects the rules and the faults of one manifest, in the order of the file."""

    def __init__(self, problems: list[ManifestProblem]) -> None:
        self.rules: list[PlacedRule] = []
        self.problems = problems
        self.only = False
        self.audit: CeilingAudit | None = None

    def top(self, value: object) -> None:
        for key, inner in self._object("", value):
            if key == "permissions":
                self._permissions(inner)
            elif key == "sockets":
                self._sockets(inner)
            elif key == "deny":
                self._rules(key, inner, Effect.DENY)

    def above(self, value: object) -> None:
        """The keys that only the ceiling has."""
        for key, inner in value.items() if isinstance(value, dict) else ():
            if key == "only":
                self.only = self._flag(key, inner)
            elif key == "audit":
                self._audit(inner)

    def _audit(self, value: object) -> None:
        to, required = "", False
        for key, inner in self._object("audit", value):
            if key == "to" and isinstance(inner, str) and inner:
                to = inner
            elif key == "to":
                self._wrong_type("audit.to", inner, "the name of a file, syslog or journald")
            elif key == "required":
                required = self._flag("audit.required", inner)
            else:
                # A misspelt "required" would demand nothing.
                self.problems.append(ManifestProblem("audit", quoted(key)[1:-1], "is no key of it: to, required"))
        if isinstance(value, dict) and "to" not in value:
            self.problems.append(ManifestProblem("audit", None, 'must have "to"'))
        self.audit = CeilingAudit(to, required)

    def _flag(self, place: str, value: object) -> bool:
        if not isinstance(value, bool):
            self._wrong_type(place, value, "true or false")
        return value is True

    def _permissions(self, value: object) -> None:
        if not isinstance(value, list):
            self._wrong_type("permissions", value, "a list")
            return
        for index, entry in enumerate(value):
            # Strings and other objects are permissions of other kinds.
            if isinstance(entry, dict) and "socket" in entry:
                self._rules(f"permissions[{index}].socket", entry["socket"], Effect.ALLOW)

    def _sockets(self, value: object) -> None:
        for group, verbs in self._object("sockets", value):
            if not any(group == known for known, _ in _SOCKETS):
                continue
            for verb, rules in self._object(f"sockets.{group}", verbs):
                operation = _SOCKETS.get((group, verb))
                if operation is not None:
                    self._rules(f"sockets.{group}.{verb}", rules, Effect.ALLOW, operation)

    def _rules(self, place: str, value: object, effect: Effect, operation: Operation | None = None) -> None:
        """A rule, or a list of them; of addresses only, where the operation is said by the place."""
        if isinstance(value, list):
            for index, text in enumerate(value):
                self._rule(f"{place}[{index}]", text, effect, operation)
        elif isinstance(value, str):
            self._rule(place, value, effect, operation)
        else:
            self._wrong_type(place, value, "a string or a list of strings")

    def _rule(self, place: str, text: object, effect: Effect, operation: Operation | None) -> None:
        if not isinstance(text, str):
            self._wrong_type(place, text, "a string")
            return
        try:
            if operation is None:
                rule = Rule.parse(text)
            elif text or operation.takes_address:
                rule = Rule.of(operation, text)
            else:
                rule = Rule(operation)
        except UsageError as exc:
            self.problems.append(ManifestProblem(place, quoted(text)[1:-1], exc.message))
        else:
            self.rules.append(PlacedRule(rule, effect, place))

    def _object(self, place: str, value: object) -> Iterator[tuple[str, object]]:
        if isinstance(value, dict):
            yield from value.items()
        else:
            self._wrong_type(place, value, "an object")

    def _wrong_type(self, place: str, value: object, wanted: str) -> None:
        if not isinstance(value, Unreadable):
            self.problems.append(ManifestProblem(place, None, f"must be {wanted}, not {kind_of(value)}"))


def kind_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "a string" if value else "an empty string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "a number"
