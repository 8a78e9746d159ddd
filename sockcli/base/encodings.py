"""Character encodings by name, and line ends."""

from __future__ import annotations

import codecs

from sockcli.base.escaping import printable
from sockcli.errors import UsageError


def canonical_encoding(name: str) -> str:
    """The one name that Python has for the encoding. Raises UsageError if it is unknown, or changes ASCII bytes."""
    hint = "any that Python knows and that has ASCII in its place, as utf-8, latin-1 or cp437"
    try:
        fits = "".join(map(chr, range(128))).encode(name) == bytes(range(128))
    except (LookupError, ValueError):
        raise UsageError(f'no such encoding: "{printable(name)}"', hint=hint) from None
    if not fits:
        raise UsageError(f"{name} does not have ASCII in its place", hint=hint)
    return codecs.lookup(name).name


class CrlfEncoder:
    """Every line ends in CR LF: a lone LF becomes one, a CR LF stays one, also when it is split between two calls."""

    __slots__ = ("_after_cr",)

    def __init__(self) -> None:
        self._after_cr = False

    def encode(self, data: bytes) -> bytes:
        if not data:
            return data
        second_half = self._after_cr and data.startswith(b"\n")
        self._after_cr = data.endswith(b"\r")
        if b"\n" not in data:
            return data
        rest = data[1:] if second_half else data
        # Two passes in C are much faster than a regular expression, and CR CR LF stays as it is.
        encoded = rest.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return b"\n" + encoded if second_half else encoded
