"""Is the peer speaking telnet at all? Until its first negotiation, every byte is data, 0xFF included.

Read as telnet would be, a doubled IAC is no start of a command. Option 255 is not taken for one either: FF FB FF
is likelier to be somebody's binary.
"""

from __future__ import annotations

from sockcli.telnet.constants import IAC, IAC_BYTE, VERBS


class Detector:
    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""  # an IAC, and perhaps a verb, at the end of what came

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(raw bytes, telnet): all that is before the first negotiation, and everything from it on."""
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
        """What was held when the input ended: it was data."""
        held, self._held = self._held, b""
        return held
