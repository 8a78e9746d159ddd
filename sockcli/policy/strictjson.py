"""Bytes to a JSON value, more strictly than the standard library: UTF-8 only, no key twice, no NaN.

A key given twice says two things: the standard library takes the last, other readers the first. For any bytes the
answer is a value and a list of problems, each with its place; no exception gets out.

A place is how one gets to a value: `permissions[0].socket[2]`. Where that is in the text, in line and column,
`positions` finds out afterwards, for those who ask: the standard library's reader does not tell, and one of our own
would take several times as long for every run.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sockcli.base.escaping import quoted
from sockcli.base.formatting import uncapitalized
from sockcli.policy.faults import Faults

_PLAIN_KEY = r"[A-Za-z0-9_-]+"
_BOM: Final = "\ufeff"


class Unreadable:
    """Stands where there is no value: for a document that is no JSON, or for a NaN. It has been reported."""


class Position(NamedTuple):
    """A place in a text. Both count from 1; the column counts characters, not bytes."""

    line: int
    column: int


class _Constant(Unreadable):
    def __init__(self, name: str) -> None:
        self.name = name


class _Repeating(dict[str, object]):
    """An object with keys given more than once."""

    repeated: tuple[str, ...] = ()


def read(data: bytes) -> tuple[object, Faults]:
    """The value, and everything that is wrong with it as JSON; with a fault, part of the value may be Unreadable."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - data.rfind(b"\n", 0, exc.start)
        reason = f"not UTF-8: byte 0x{data[exc.start]:02x}"
        return _fault(f"line {line}, column {column}", reason)
    if text.startswith(_BOM):
        # RFC 8259, 8.1: it must not be there, and not every reader skips it.
        return _fault("", "starts with a byte order mark: save it as UTF-8 without one")
    return _parse(text)


def _fault(place: str, reason: str) -> tuple[object, Faults]:
    """No value, and why."""
    faults = Faults()
    faults.add(place, None, reason)
    return Unreadable(), faults


def _parse(text: str) -> tuple[object, Faults]:
    faulty = False
    constants: dict[str, _Constant] = {}

    def build(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal faulty
        built = dict(pairs)
        if len(built) == len(pairs):
            return built
        repeating = _Repeating(built)
        repeating.repeated = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        faulty = True
        return repeating

    def constant(name: str) -> _Constant:
        nonlocal faulty
        faulty = True
        return constants.setdefault(name, _Constant(name))

    try:
        # No number in a manifest means anything to us, and int() of very many digits raises.
        value = json.loads(text, object_pairs_hook=build, parse_constant=constant, parse_int=float)
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        # "Unterminated string starting at", with the place behind it.
        fault = exc.msg.removesuffix(" at").removesuffix(" starting")
        return _fault(place, f"not JSON: {uncapitalized(fault)}")
    except RecursionError:
        return _fault("", "nested too deeply")
    faults = Faults()
    if faulty:
        _find(value, faults)
    return value, faults


# A place as the steps that lead there, the last one first. It becomes text only for what is faulty.
_Steps = tuple["_Steps", str | int] | None


def _find(top: object, faults: Faults) -> None:
    """The repeated keys and the constants, in the order of the file. Not recursive: the value may be nested deeply."""
    left: list[Iterator[tuple[_Steps, object]]] = [iter([(None, top)])]
    while left:
        step = next(left[-1], None)
        if step is None:
            left.pop()
            continue
        steps, value = step
        if isinstance(value, _Constant):
            faults.add("" if faults.only_counts else _place(steps), None, f"{value.name} is not JSON")
        elif isinstance(value, dict):
            for key in value.repeated if isinstance(value, _Repeating) else ():
                place = "" if faults.only_counts else _place((steps, key))
                faults.add(place, None, "this key is given more than once")
            left.append(_inner(steps, value.items()))
        elif isinstance(value, list):
            left.append(_inner(steps, enumerate(value)))


def _inner(steps: _Steps, items: Iterable[tuple[str | int, object]]) -> Iterator[tuple[_Steps, object]]:
    return (((steps, key), value) for key, value in items)


def _place(steps: _Steps) -> str:
    parts: list[str] = []
    while steps is not None:
        steps, step = steps
        parts.append(_step(step))
    return "".join(reversed(parts)).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.fullmatch(_PLAIN_KEY, step) else f"[{quoted(step)}]"


# A string; a bracket, colon or comma; or a number, true, false or null.
_TOKEN: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}:,]|[^][{}:,"\s]+'


class _Container:
    """A list or an object that has begun. `step` leads to its next value: None before the key of an object."""

    __slots__ = ("is_list", "place", "step")

    def __init__(self, place: str, *, is_list: bool) -> None:
        self.place = place
        self.is_list = is_list
        self.step: str | int | None = 0 if is_list else None

    def advance(self) -> None:
        self.step = self.step + 1 if isinstance(self.step, int) else None


def positions(data: bytes) -> dict[str, Position]:
    """Where each value begins, by its place; the whole document's is "". `data` is one in which `read` found no fault.

    One pass over the text, which takes about as long as to load the manifest.
    """
    text = data.decode("utf-8")
    found: dict[str, Position] = {}
    containers: list[_Container] = []
    line, line_start = 1, 0
    seen = 0  # up to where newlines are counted
    for match in re.finditer(_TOKEN, text):
        token, start = match[0], match.start()
        if token in "]}":
            containers.pop()
        elif token == ",":
            containers[-1].advance()
        elif containers and containers[-1].step is None:
            containers[-1].step = json.loads(token)
        elif token != ":":
            if newlines := text.count("\n", seen, start):
                line += newlines
                line_start = text.rfind("\n", seen, start) + 1
            seen = start
            inner = containers[-1] if containers else None
            place = inner.place + _step(inner.step) if inner and inner.step is not None else ""
            found[place.removeprefix(".")] = Position(line, start - line_start + 1)
            if token in "[{":
                containers.append(_Container(place, is_list=token == "["))
    return found
