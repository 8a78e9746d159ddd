"""Ends of lines, both ways (RFC 854, RFC 1123 3.3.1). Knows nothing of IAC.

Inward, CR NUL is a bare CR and all else stays. Outward, a CR never leaves alone: CR LF ends a line, CR NUL is
a bare CR. A CR at the end of a read is passed on at once, because a prompt or a program may wait for just
that, and only its second half is decided later.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sockcli.errors import UsageError

CR: Final = b"\r"
LF: Final = b"\n"
NUL: Final = b"\0"
CR_LF: Final = CR + LF
CR_NUL: Final = CR + NUL

EOLS: Final = {"crlf": CR_LF, "lf": LF, "cr": CR, "crnul": CR_NUL}
MODES: Final = frozenset({"piped", "auto", "line", "character"})


class Incoming:
    """The peer's CR NUL to CR, also where a read ends between the two."""

    __slots__ = ("_after_cr",)

    def __init__(self) -> None:
        self._after_cr = False

    def decode(self, data: bytes, *, binary: bool) -> bytes:
        """May give no bytes, for a NUL whose CR came before. With `binary`, NUL is a byte like any other."""
        if binary:
            self._after_cr = False
            return data
        if self._after_cr and data.startswith(NUL):
            data = data[1:]
        self._after_cr = data.endswith(CR)
        # Asked for by itself first: text has a CR in every line, and hardly ever a NUL.
        return data.replace(CR_NUL, CR) if NUL in data else data


class Style(NamedTuple):
    """What is sent for the end of a line, for a CR that is not one, and whether the Enter key gives CR."""

    eol: bytes | None  # None: nothing is changed
    bare_cr: bytes
    enter_is_cr: bool


def style_for(mode: str, eol: str | None, *, binary: bool) -> Style:
    """`mode` is piped, line or character. RFC 856: with our BINARY on, there is no CR NUL and no CR LF."""
    chosen = EOLS[eol] if eol is not None else None
    bare_cr = CR if binary else CR_NUL
    if mode == "character":
        return Style(chosen or bare_cr, bare_cr, True)
    if binary:
        return Style(chosen or (CR if mode == "line" else None), bare_cr, False)
    return Style(chosen or CR_LF, bare_cr, False)


def check_eol(eol: str | None) -> None:
    if eol is not None and eol not in EOLS:
        raise UsageError(f"no such end of line: {eol!a}", hint=f"one of: {', '.join(EOLS)}")


class Outgoing:
    """What is read from stdin or typed, in the form that goes out, also where a CR LF is cut in two."""

    __slots__ = ("_after_cr", "style")

    def __init__(self, style: Style) -> None:
        self.style = style
        self._after_cr = False  # the last byte was a CR, and what it means is still open

    def encode(self, data: bytes) -> bytes:
        eol = self.style.eol
        if not data or eol is None:
            return data
        if self.style.enter_is_cr:
            return data.replace(CR, eol)
        if not self._after_cr and CR not in data:
            return data.replace(LF, eol)
        start = b""
        if self._after_cr and data.startswith(LF):
            start, data = self._rest_of(eol), data[1:]
        elif self._after_cr:
            start = self._rest_of(self.style.bare_cr)
        self._after_cr = data.endswith(CR)
        if self._after_cr:
            return start + self._complete(data[:-1], eol) + self._certain(eol)
        return start + self._complete(data, eol)

    @property
    def owed(self) -> bytes:
        """What is still to be sent for a CR, if nothing follows it."""
        return self._rest_of(self.style.bare_cr) if self._after_cr else b""

    def finish(self) -> bytes:
        """Nothing follows: what is owed."""
        owed, self._after_cr = self.owed, False
        return owed

    def _complete(self, data: bytes, eol: bytes) -> bytes:
        # Three passes in C. CR LF goes first, so that a CR that is left is a bare one.
        return data.replace(CR_LF, LF).replace(CR, self.style.bare_cr).replace(LF, eol)

    def _certain(self, eol: bytes) -> bytes:
        """What a CR at the end of a read is sent as at once: what a line's end and a bare CR have in common."""
        return CR if eol.startswith(CR) else b""

    def _rest_of(self, form: bytes) -> bytes:
        return form[len(self._certain(self.style.eol or b"")) :]
