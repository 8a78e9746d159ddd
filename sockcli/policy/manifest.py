"""A packaged app's manifest to a Policy: which keys hold rules, and where each rule stands.

A manifest with anything wrong in what we read of it gives no policy at all, but a ManifestError that lists every fault.
What is not ours to read is skipped: a real app's manifest loads unchanged. This file opens no file; locate.py does.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sockcli.base.endpoint import Operation
from sockcli.base.escaping import quoted
from sockcli.errors import ManifestError, ManifestProblem, UsageError
from sockcli.policy.locate import Located, read_manifest
from sockcli.policy.policy import Policy
from sockcli.policy.rule import Effect, PlacedRule, Rule
from sockcli.policy.strictjson import Position, Unreadable, positions, read

if TYPE_CHECKING:
    from pathlib import Path

_SOCKETS: Final = {
    ("tcp", "connect"): Operation.TCP_CONNECT,
    ("tcpServer", "listen"): Operation.TCP_LISTEN,
    ("udp", "bind"): Operation.UDP_BIND,
    ("udp", "send"): Operation.UDP_SEND_TO,
    ("udp", "multicastMembership"): Operation.UDP_MULTICAST_MEMBERSHIP,
}


class Manifest:
    """A manifest, read and valid: its policy, and where in its text each rule stands."""

    def __init__(self, data: bytes, *, name: str = "manifest", path: str | None = None) -> None:
        """`name` is what messages call it; `path` is None for one that came as text. Raises ManifestError."""
        self.policy = parse_manifest(data, name)
        self.path = path
        self.data = data

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Read the file. Raises ManifestError."""
        return cls.read(Located(str(path), named=True))

    @classmethod
    def read(cls, located: Located) -> Manifest:
        """Read what `find_manifest` found, which is checked more strictly if nobody named it. Raises ManifestError."""
        return cls(read_manifest(located), name=located.path, path=located.path)

    @classmethod
    def parse(cls, text: str | bytes, *, name: str = "manifest") -> Manifest:
        """Read the text; `name` is what messages call it. Raises ManifestError."""
        return cls(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, name=name)

    def position(self, place: str) -> Position:
        """Line and column, from 1, of what stands at a place: that of a rule is its PlacedRule's `source`.

        Raises KeyError where the manifest has no such place. The first call reads the text once more.
        """
        return self._positions[place]

    @cached_property
    def _positions(self) -> dict[str, Position]:
        return positions(self.data)


def parse_manifest(data: bytes, name: str) -> Policy:
    """The policy that a manifest describes. `name` is what messages call it. Raises ManifestError."""
    collecting = gc.isenabled()
    # Nothing here makes a cycle, and the collector's walks through ever more rules take as long as all the rest.
    gc.disable()
    try:
        value, problems = read(data)
        collected = _RuleCollector(problems)
        collected.top(value)
        if collected.problems:
            raise ManifestError(name, collected.problems)
        return Policy(collected.rules, manifest=name)
    finally:
        if collecting:
            gc.enable()


class _RuleCollector:
    """Collects the rules and the faults of one manifest, in the order of the file."""

    def __init__(self, problems: list[ManifestProblem]) -> None:
        self.rules: list[PlacedRule] = []
        self.problems = problems

    def top(self, value: object) -> None:
        for key, inner in self._object("", value):
            if key == "permissions":
                self._permissions(inner)
            elif key == "sockets":
                self._sockets(inner)
            elif key == "deny":
                self._rules(key, inner, Effect.DENY)

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
            self.problems.append(ManifestProblem(place, None, f"must be {wanted}, not {_kind(value)}"))


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "a number"
