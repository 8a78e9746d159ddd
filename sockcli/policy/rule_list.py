"""The rules of a manifest as a sequence, of which each becomes a Rule only when somebody looks at it.

A decision needs one rule of perhaps a million. So a rule is kept as its canonical text, which is what index.py files
it by, and where it stands as the place of its list and its number there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple, overload

from sockcli.base.endpoint import Operation
from sockcli.policy.rule import Effect, PlacedRule, Rule

ANY_PORT: Final = "*"


class Run(NamedTuple):
    """Rules that stand together in the file, each as its canonical text."""

    place: str  # of the list, or of the one rule that stands without a list
    keys: Sequence[str]
    effect: Effect
    is_list: bool


class RuleList(Sequence[PlacedRule]):
    """Rules in the order of the file."""

    __slots__ = ("_length", "_runs", "_starts")

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs = [run for run in runs if run.keys]
        self._starts: list[int] = []
        self._length = 0
        for run in self._runs:
            self._starts.append(self._length)
            self._length += len(run.keys)

    @classmethod
    def of(cls, rules: Iterable[PlacedRule]) -> RuleList:
        return cls(Run(source, (str(rule),), effect, is_list=False) for rule, effect, source in rules)

    def last_first(self, effect: Effect) -> Iterator[tuple[str, int]]:
        """The canonical text and the number of each rule of that effect."""
        return chain.from_iterable(
            zip(reversed(run.keys), range(start + len(run.keys) - 1, start - 1, -1), strict=True)
            for run, start in zip(reversed(self._runs), reversed(self._starts), strict=True)
            if run.effect is effect
        )

    def allowed_ports(self, operation: Operation) -> set[int | None]:
        """The ports of the rules that allow an operation with an address; None is any port. Quicker than to go through
        the rules."""
        prefix = f"{operation.value}:"
        keys = chain.from_iterable(run.keys for run in self._runs if run.effect is Effect.ALLOW)
        ports = {key[key.rindex(":") + 1 :] for key in keys if key.startswith(prefix)}
        return {None if port == ANY_PORT else int(port) for port in ports}

    @overload
    def __getitem__(self, index: int) -> PlacedRule: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[PlacedRule]: ...

    def __getitem__(self, index: int | slice) -> PlacedRule | Sequence[PlacedRule]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(self._length)))
        number = index + self._length if index < 0 else index
        if not 0 <= number < self._length:
            raise IndexError(f"there is no rule {index}")
        at = bisect_right(self._starts, number) - 1
        run, inner = self._runs[at], number - self._starts[at]
        place = f"{run.place}[{inner}]" if run.is_list else run.place
        return PlacedRule(Rule.parse(run.keys[inner]), run.effect, place)

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        """Equal to any list or tuple of the same rules."""
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))
