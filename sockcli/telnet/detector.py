"""Finds the peer's first negotiation on a connection that may or may not speak telnet.

Until then every byte is data, 0xFF included. A negotiation is IAC, one of WILL, WONT, DO and DONT, and an option. As
in telnet, the second IAC of a doubled one starts nothing. Option 255 is not accepted: FF FB FF is more likely part of
binary data than the start of a telnet session.
"""

from __future__ import annotations

from sockcli.telnet.constants import IAC, IAC_BYTE, VERBS


class Detector:
    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""  # an IAC, perhaps with a verb, at the end of what was fed: it may become a negotiation

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(data, telnet): what stands before the first negotiation, and everything from it on. Either may be empty."""
        data, self._held = self._held + data, b""
        at = data.find(IAC_BYTE)
        while at >= 0:
            after = data[at + 1 : at + 3]
            if not after or (after[0] in VERBS and len(after) == 1):
                self._held = data[at:]
                return data[:at], b""
            if after[0] in VERBS and after[1] != IAC:
                return data[:at], data[at:]
            at = data.find(IAC_BYTE, at + (2 if after[0] == IAC else 1))
        return data, b""

    def finish(self) -> bytes:
        """No more will come: what was held is data."""
        held, self._held = self._held, b""
        return held
