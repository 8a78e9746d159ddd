"""Bytes to a JSON value, more strictly than the standard library: UTF-8 only, no key twice, no NaN.

Of a key given twice the standard library takes the last, another reader the first: the file says two things. Whatever
the bytes, the answer is a value and a list of problems, each with its place; no exception gets out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from sockcli.base.escaping import quoted
from sockcli.base.formatting import uncapitalized
from sockcli.errors import ManifestProblem

_PLAIN_KEY = r"[A-Za-z0-9_-]+"
_BOM: Final = "\ufeff"


class Unreadable:
    """Stands where the value could not be had: at the top, or for a NaN. It has been reported."""


class _Constant(Unreadable):
    def __init__(self, name: str) -> None:
        self.name = name


class _Repeating(dict[str, object]):
    """An object with keys given more than once."""

    repeated: tuple[str, ...] = ()


def read(data: bytes) -> tuple[object, list[ManifestProblem]]:
    """The value, as far as it can be had, and everything that is wrong with it as JSON."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - data.rfind(b"\n", 0, exc.start)
        reason = f"not UTF-8: byte 0x{data[exc.start]:02x}"
        return Unreadable(), [ManifestProblem(f"line {line}, column {column}", None, reason)]
    if text.startswith(_BOM):
        # RFC 8259, 8.1: it must not be there, and not every reader skips it.
        return Unreadable(), [ManifestProblem("", None, "starts with a byte order mark: save it as UTF-8 without one")]
    return _parse(text)


def _parse(text: str) -> tuple[object, list[ManifestProblem]]:
    faulty: list[object] = []

    def build(pairs: list[tuple[str, object]]) -> dict[str, object]:
        built = dict(pairs)
        if len(built) == len(pairs):
            return built
        repeating = _Repeating(built)
        repeating.repeated = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        faulty.append(repeating)
        return repeating

    def constant(name: str) -> _Constant:
        faulty.append(name)
        return _Constant(name)

    try:
        # No number in a manifest means anything to us, and int() of very many digits raises.
        value = json.loads(text, object_pairs_hook=build, parse_constant=constant, parse_int=float)
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        # "Unterminated string starting at", with the place behind it.
        fault = exc.msg.removesuffix(" at").removesuffix(" starting")
        return Unreadable(), [ManifestProblem(place, None, f"not JSON: {uncapitalized(fault)}")]
    except RecursionError:
        return Unreadable(), [ManifestProblem("", None, "nested too deeply")]
    return value, list(_faults(value)) if faulty else []


# A place as the steps that lead there, the last one first. Text is made of it only for what is faulty.
_Steps = tuple["_Steps", str | int] | None


def _faults(top: object) -> Iterator[ManifestProblem]:
    """The repeated keys and the constants, in the order of the file. Not recursive: the value may be nested deeply."""
    left: list[tuple[_Steps, object]] = [(None, top)]
    while left:
        steps, value = left.pop()
        if isinstance(value, _Constant):
            yield ManifestProblem(_place(steps), None, f"{value.name} is not JSON")
        elif isinstance(value, dict):
            for key in value.repeated if isinstance(value, _Repeating) else ():
                yield ManifestProblem(_place((steps, key)), None, "this key is given more than once")
            left.extend(((steps, key), inner) for key, inner in reversed(value.items()))
        elif isinstance(value, list):
            left.extend(((steps, index), value[index]) for index in range(len(value) - 1, -1, -1))


def _place(steps: _Steps) -> str:
    parts: list[str] = []
    while steps is not None:
        steps, step = steps
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            parts.append(f".{step}" if re.fullmatch(_PLAIN_KEY, step) else f"[{quoted(step)}]")
    return "".join(reversed(parts)).removeprefix(".")
