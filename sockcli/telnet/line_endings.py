"""Line endings, in both directions (RFC 854, "The NVT Printer and Keyboard"; RFC 1123 section 3.3.1). No IAC here.

Received: CR NUL becomes CR; everything else stays as it is.
Sent: a CR is never sent alone. CR LF is the end of a line, CR NUL is a bare CR.

Whether a CR at the end of a read is followed by LF is not known yet. The CR is sent at once all the same, because a
program may wait for it; its second byte follows with the next read, or at the end of the input.
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


class LineEndingDecoder:
    """Turns the peer's CR NUL into CR, also where a read ends between the two."""

    __slots__ = ("after_cr",)

    def __init__(self) -> None:
        self.after_cr = False  # the last byte was a CR

    def decode(self, data: bytes, *, binary: bool) -> bytes:
        """The data for the user; empty for a NUL whose CR came with an earlier read.

        `binary`: the peer's BINARY is on (RFC 856), and NUL is a byte like any other.
        """
        if binary:
            self.after_cr = False
            return data
        if self.after_cr and data.startswith(NUL):
            data = data[1:]
        self.after_cr = data.endswith(CR)
        # Looking for NUL first is quicker: text has a CR in every line, and hardly ever a NUL.
        return data.replace(CR_NUL, CR) if NUL in data else data

    def passed(self, data: bytes, *, binary: bool) -> None:
        """Data without a NUL, which `decode` would give back as it is, went by."""
        self.after_cr = data.endswith(CR) and not binary


class Style(NamedTuple):
    """What is sent for the end of a line."""

    eol: bytes | None  # in place of LF and CR LF; None: data is sent as it is
    bare_cr: bytes  # in place of a CR that ends no line
    enter_is_cr: bool  # the Enter key gives CR (a terminal in character mode), not LF


def style_for(mode: str, eol: str | None, *, binary: bool) -> Style:
    """`mode` is piped, line or character; `eol` one of EOLS, or None for what the mode asks for.

    `binary`: our BINARY is on, and then there is neither CR NUL nor CR LF (RFC 856).
    """
    chosen = EOLS[eol] if eol is not None else None
    bare_cr = CR if binary else CR_NUL
    if mode == "character":
        return Style(chosen or bare_cr, bare_cr, True)
    if binary:
        return Style(chosen or (CR if mode == "line" else None), bare_cr, False)
    return Style(chosen or CR_LF, bare_cr, False)


def check_eol(eol: str | None) -> None:
    """Raises UsageError for a name that is not in EOLS; None is good."""
    if eol is not None and eol not in EOLS:
        raise UsageError(f"no such end of line: {eol!a}", hint=f"one of: {', '.join(EOLS)}")


class LineEndingEncoder:
    """Puts what was read from stdin or typed into the form in which it is sent, however its CR LFs are cut."""

    __slots__ = ("_after_cr", "style")

    def __init__(self, style: Style) -> None:
        self.style = style
        self._after_cr = False  # the last byte was a CR, and whether it is bare depends on the next one

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
            return start + self._complete(data[:-1], eol) + self._sent_early(eol)
        return start + self._complete(data, eol)

    @property
    def owed(self) -> bytes:
        """What is still to be sent after a CR at the end of the data, if no more data comes."""
        return self._rest_of(self.style.bare_cr) if self._after_cr else b""

    def finish(self) -> bytes:
        """No more data comes: what is `owed`."""
        owed, self._after_cr = self.owed, False
        return owed

    def _complete(self, data: bytes, eol: bytes) -> bytes:
        # Three passes in C. CR LF is replaced first, so that every CR that is left is a bare one.
        return data.replace(CR_LF, LF).replace(CR, self.style.bare_cr).replace(LF, eol)

    def _sent_early(self, eol: bytes) -> bytes:
        """What is sent at once for a CR at the end of a read: the byte that both of its forms begin with, if any."""
        return CR if eol.startswith(CR) else b""

    def _rest_of(self, form: bytes) -> bytes:
        """`form` without what was sent early."""
        return form[len(self._sent_early(self.style.eol or b"")) :]
