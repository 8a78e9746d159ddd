"""NAWS (RFC 1073): we tell the server the size of our window when the option comes on, and after each change."""

from __future__ import annotations

from sockcli.telnet.constants import NAWS
from sockcli.telnet.events import Side
from sockcli.telnet.features.feature import Effects, OutboundSubnegotiation


class WindowSize:
    """`size` is (columns, rows), each from 1 to 65,535, or None while it is not known."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size
        self._sent: tuple[int, int] | None = None

    def start(self, _side: Side) -> Effects:
        self._sent = None
        return self.report()

    def report(self) -> Effects:
        """The size, if it is known and is not the one that was sent last."""
        if self.size is not None and self.size != self._sent:
            self._sent = self.size
            yield OutboundSubnegotiation(NAWS, b"".join(number.to_bytes(2, "big") for number in self.size))

    def receive(self, _body: bytes) -> Effects:
        return iter(())  # RFC 1073: only the side that said WILL sends a size, and that is us
