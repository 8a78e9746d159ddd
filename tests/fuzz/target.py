"""What a fuzz target is, and what several of them use."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from sockcli.base.escaping import printable
from sockcli.errors import UsageError

T = TypeVar("T")


class Target(NamedTuple):
    """`check` raises for an input for which the verdict does not hold. `share`: its part of a run's inputs, of 100."""

    name: str
    inputs: Callable[[random.Random], Iterator[bytes]]
    check: Callable[[bytes], None]
    share: int


def cut(stream: bytes, sizes: bytes) -> list[bytes]:
    """In pieces of these sizes and one byte more, over and over; no sizes, or zeros, means byte by byte."""
    steps = [size + 1 for size in sizes] or [1]
    pieces: list[bytes] = []
    at = 0
    while at < len(stream):
        step = steps[len(pieces) % len(steps)]
        pieces.append(stream[at : at + step])
        at += step
    return pieces


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The same with a few bytes changed, left out or repeated, often with none."""
    result = bytearray(data)
    for _ in range(rng.choice((0, 0, 1, 2, 8))):
        at = rng.randrange(len(result) + 1)
        match rng.randrange(3):
            case 0:
                result[at : at + 1] = rng.randbytes(1)
            case 1:
                del result[at : at + rng.randrange(1, 9)]
            case _:
                result[at:at] = result[at : at + rng.randrange(9)]
    return bytes(result)


def meaning(parse: Callable[[str], T], data: bytes) -> T | None:
    """What the text means; None where it is refused, by an error whose message is fit for a terminal."""
    try:
        return parse(data.decode("utf-8", "surrogateescape"))
    except UsageError as error:
        message = str(error)
    assert printable(message) == message
    return None


def is_sampled(data: bytes, one_in: int) -> bool:
    """Whether a verdict that takes long is asked for this input. The same input always gets the same answer."""
    return zlib.crc32(data) % one_in == 0
