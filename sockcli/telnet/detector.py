"""Finds the peer's first negotiation on a connection that may or may not speak telnet.

Until then every byte is data, 0xFF included. A negotiation is IAC, one of WILL, WONT, DO and DONT, and an option. As
in telnet, the second IAC of a doubled one starts nothing. Option 255 is not accepted: FF FB FF is more likely part of
binary data than the start of a telnet session.
"""

from __future__ import annotations

import re
from typing import Final

from sockcli.telnet.constants import IAC_BYTE

# Everything up to an IAC that starts a negotiation, or may start one once more has come. The group looks ahead before
# it takes anything, for the reason given in parser.py.
_DATA: Final = re.compile(rb"[^\xff]*+(?:(?=\xff(?:[^\xfb-\xfe]|[\xfb-\xfe]\xff))..[^\xff]*+)*+", re.DOTALL)


class Detector:
    """`feed` what comes, until there is telnet in it; `finish` when no more comes."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""  # an IAC, perhaps with a verb, at the end of what was fed: it may become a negotiation

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(data, telnet): what stands before the first negotiation, and everything from it on. Either may be empty."""
        data, self._held = self._held + data, b""
        if IAC_BYTE not in data:
            return data, b""
        found = _DATA.match(data)
        assert found is not None  # it matches the empty text, too
        data, rest = data[: found.end()], data[found.end() :]
        if len(rest) < 3:
            self._held, rest = rest, b""
        return data, rest

    def finish(self) -> bytes:
        """No more will come: what was held is data."""
        held, self._held = self._held, b""
        return held
