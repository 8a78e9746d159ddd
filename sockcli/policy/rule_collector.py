"""A manifest's text to its rules and its faults: which keys hold rules, and where each rule stands.

What is not ours to read is skipped: a real app's manifest loads unchanged. The ceiling is read by the same code.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Final

from sockcli.base.endpoint import Operation
from sockcli.base.escaping import quoted
from sockcli.errors import ManifestError, UsageError
from sockcli.policy.faults import Faults
from sockcli.policy.plain_rules import plain_rules
from sockcli.policy.policy import CeilingAudit
from sockcli.policy.rule import Effect, Rule
from sockcli.policy.rule_list import RuleList, Run
from sockcli.policy.strictjson import Unreadable, read

_SOCKETS: Final = {
    ("tcp", "connect"): Operation.TCP_CONNECT,
    ("tcpServer", "listen"): Operation.TCP_LISTEN,
    ("udp", "bind"): Operation.UDP_BIND,
    ("udp", "send"): Operation.UDP_SEND_TO,
    ("udp", "multicastMembership"): Operation.UDP_MULTICAST_MEMBERSHIP,
}


# Fewer are parsed sooner than the pattern of plain_rules.py is compiled.
_FEW: Final = 50
# So many are held against it at once: with ten times as many it is hardly quicker.
_MANY: Final = 1000


def _plain(texts: list[object], operation: Operation | None) -> list[str] | None:
    strings = [text for text in texts if isinstance(text, str)]
    if len(strings) < len(texts):
        return None
    return plain_rules([f"{operation.value}:{text}" for text in strings] if operation else strings)


def collect(data: bytes, name: str, *, ceiling: bool = False) -> RuleCollector:
    """The rules of a manifest, or of the ceiling. `name` is what messages call it. Raises ManifestError."""
    collecting = gc.isenabled()
    # Nothing here makes a cycle, and the collector's walks through ever more rules take as long as all the rest.
    gc.disable()
    try:
        value, faults = read(data)
        collected = RuleCollector(faults)
        collected.top(value)
        if ceiling:
            collected.above(value)
        if faults:
            raise ManifestError(name, faults.listed, more=faults.more)
        return collected
    finally:
        if collecting:
            gc.enable()


class RuleCollector:
    """Collects the rules and the faults of one manifest, in the order of the file."""

    def __init__(self, faults: Faults) -> None:
        self._runs: list[Run] = []
        self.faults = faults
        self.only = False
        self.audit: CeilingAudit | None = None

    @property
    def rules(self) -> RuleList:
        return RuleList(self._runs)

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
                self.faults.add("audit", quoted(key)[1:-1], "is no key of it: to, required")
        if isinstance(value, dict) and "to" not in value:
            self.faults.add("audit", None, 'must have "to"')
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
            self._runs.append(Run(place, self._keys(place, value, operation), effect, is_list=True))
        elif isinstance(value, str):
            key = self._key(place, value, operation)
            self._runs.append(Run(place, [] if key is None else [key], effect, is_list=False))
        else:
            self._wrong_type(place, value, "a string or a list of strings")

    def _keys(self, place: str, texts: list[object], operation: Operation | None) -> list[str]:
        """The canonical texts of a list of rules. With a fault among them they are fewer, and nothing comes of them."""
        if len(texts) < _FEW:
            return self._parsed(place, 0, texts, operation)
        keys: list[str] = []
        for start in range(0, len(texts), _MANY):
            keys += self._mostly_plain(place, start, texts[start : start + _MANY], operation)
        return keys

    def _mostly_plain(self, place: str, start: int, texts: list[object], operation: Operation | None) -> list[str]:
        """One that is not plain is looked for by halves, so that few are parsed because of it."""
        known = _plain(texts, operation)
        if known is not None:
            return known
        if len(texts) < _FEW:
            return self._parsed(place, start, texts, operation)
        half = len(texts) // 2
        first = self._mostly_plain(place, start, texts[:half], operation)
        return first + self._mostly_plain(place, start + half, texts[half:], operation)

    def _parsed(self, place: str, start: int, texts: list[object], operation: Operation | None) -> list[str]:
        keys = (self._key(f"{place}[{index}]", text, operation) for index, text in enumerate(texts, start))
        return [key for key in keys if key is not None]

    def _key(self, place: str, text: object, operation: Operation | None) -> str | None:
        """The canonical text of a rule; None, and a fault, where it is none."""
        if not isinstance(text, str):
            self._wrong_type(place, text, "a string")
            return None
        try:
            if operation is None:
                return str(Rule.parse(text))
            return str(Rule.of(operation, text) if text or operation.takes_address else Rule(operation))
        except UsageError as exc:
            self.faults.add(place, quoted(text)[1:-1], exc.message)
            return None

    def _object(self, place: str, value: object) -> Iterator[tuple[str, object]]:
        if isinstance(value, dict):
            yield from value.items()
        else:
            self._wrong_type(place, value, "an object")

    def _wrong_type(self, place: str, value: object, wanted: str) -> None:
        if not isinstance(value, Unreadable):
            self.faults.add(place, None, f"must be {wanted}, not {kind_of(value)}")


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
