"""Feeding a filter, whole and in pieces."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final, Literal

from sockcli.terminal import FilterMode, TerminalFilter

SafeMode = Literal["safe", "screen"]
SAFE_MODES: Final[tuple[SafeMode, ...]] = ("safe", "screen")


def passed(mode: FilterMode, data: bytes) -> bytes:
    """What comes out for `data` in one piece, without what the end adds."""
    return TerminalFilter(mode).feed(data)


def whole(mode: FilterMode, pieces: Iterable[bytes]) -> bytes:
    """What comes out for a session that brings these pieces, to the end."""
    passage = TerminalFilter(mode, clock=lambda: 0.0)
    return b"".join([*map(passage.feed, pieces), passage.finish()])


def split(data: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]
