"""Sessions of datagrams: a connected UDP socket, and a bound one that hears anyone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import ClassVar, Final

from sockcli.base.endpoint import Address
from sockcli.errors import SockcliError, Unreachable
from sockcli.net.transport import NotReady, Transport
from sockcli.net.udp import UdpReceiver
from sockcli.policy import Grant
from sockcli.sessions.inbox import Chunk
from sockcli.sessions.session import Session, SessionOwner
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import UdpTarget
from sockcli.telnet.line_endings import EOLS

# Bytes of datagrams that wait for the kernel. Its queue is hardly ever full, and nothing is gained by keeping many
# datagrams for a network that drops them.
OUT_LIMIT: Final = 256 * 1024
# Senders that are remembered, for completion to offer: as many as a user looks through.
MOST_SENDERS: Final = 16
# Datagrams read before the loop looks at the keyboard again: about as many bytes as one read of a stream.
MOST_AT_ONCE: Final = 64


class UdpSession(Session):
    """What both kinds have."""

    def __init__(
        self, grant: Grant, settings: SessionSettings, owner: SessionOwner, target: UdpTarget | None = None
    ) -> None:
        if target is None:
            super().__init__(grant, settings, owner)
        else:
            super().__init__(grant, settings, owner, target.limits)
        self._chomp = target is not None and target.chomp

    def interest(self) -> tuple[bool, bool]:
        if self.over:
            return False, False
        return not self._output_blocked, bool(self.unsent)

    def _line(self, text: str) -> bytes:
        """A line as the datagram that it is sent as."""
        data = self._encode(text)
        eol = self.settings.eol
        return data if self._chomp else data + EOLS["lf" if eol == "auto" else eol]

    def _show(self, data: bytes, sender: Address | None = None) -> None:
        self._came(data)
        self._keep(Chunk(data, time.time(), sender, datagram=True))


class DatagramSession(UdpSession):
    """A connected UDP socket."""

    kind: ClassVar[str] = "udp"
    doing: ClassVar[str] = "sending to"

    def __init__(self, transport: Transport, target: UdpTarget, settings: SessionSettings, owner: SessionOwner) -> None:
        super().__init__(transport.grant, settings, owner, target)
        self._transport = transport
        self._out: deque[bytes] = deque()
        self._out_size = 0

    @property
    def peer(self) -> Address:
        return self._transport.peer

    @property
    def room(self) -> bool:
        return self._out_size < OUT_LIMIT and not self.over

    @property
    def unsent(self) -> int:
        return self._out_size

    def send_lines(self, lines: Sequence[str], /) -> None:
        for datagram in [self._line(line) for line in lines]:
            self.send_bytes(datagram)

    def send_bytes(self, data: bytes, /) -> None:
        """One datagram, which may have no bytes."""
        if self.over:
            raise self._cannot("it is over")
        if not self.room:
            raise self._cannot(f"the network takes nothing; {self.unsent:,} bytes are on their way")
        self._out.append(data)
        self._out_size += len(data)
        self._send()
        self._owner.session_changed(self)

    def fileno(self) -> int:
        return self._transport.fileno()

    def interest(self) -> tuple[bool, bool]:
        reads, _ = super().interest()
        return reads, bool(self._out) and not self.over

    @property
    def has_buffered_events(self) -> bool:
        return not self.over and self._transport.pending()

    def ready(self) -> None:
        self._send()
        for _ in range(MOST_AT_ONCE):
            if self._output_blocked:
                break
            try:
                data = self._transport.receive()
            except SockcliError as exc:
                self._end(exc)
                return
            if not isinstance(data, bytes):
                break
            self._show(data)

    def close(self) -> None:
        self.over = True
        try:
            self.records.close()
        finally:
            self._transport.close()

    def _send(self) -> None:
        while self._out:
            data = self._out.popleft()
            self._out_size -= len(data)
            try:
                taken = self._transport.send(memoryview(data))
            except Unreachable as exc:
                self._end(exc)
                return
            if isinstance(taken, NotReady):
                self._out.appendleft(data)
                self._out_size += len(data)
                return
            self._went(memoryview(data))

    def addresses(self) -> list[tuple[str, str]]:
        return [("peer", str(self.peer)), ("local", str(self._transport.local))]


class BoundSession(UdpSession):
    """A bound UDP socket: what comes is shown with who sent it."""

    kind: ClassVar[str] = "udp-bind"
    doing: ClassVar[str] = "bound to"

    def __init__(self, receiver: UdpReceiver, settings: SessionSettings, owner: SessionOwner) -> None:
        super().__init__(receiver.grant, settings, owner)
        self._receiver = receiver
        self.senders: dict[Address, None] = {}  # in the order in which they last sent, the latest at the end

    @property
    def family(self) -> int:
        return self._receiver.local.family

    def send_lines(self, _lines: Sequence[str], /) -> None:
        raise self._cannot("say to whom: send --to HOST PORT TEXT")

    def send_bytes(self, _data: bytes, /) -> None:
        raise self._cannot("say to whom: send --to HOST PORT TEXT")

    def send_to(self, data: bytes, address: Address, grant: Grant) -> None:
        """One datagram from this port. Raises SockcliError."""
        if isinstance(self._receiver.send_to(memoryview(data), address, grant), NotReady):
            raise self._cannot("the network takes nothing just now; nothing was sent")
        self._went(memoryview(data))

    def fileno(self) -> int:
        return self._receiver.fileno()

    def ready(self) -> None:
        for _ in range(MOST_AT_ONCE):
            if self._output_blocked:
                break
            received = self._receiver.receive_from()
            if isinstance(received, NotReady):
                break
            self._show(*received)
            self._note(received[1])

    def _note(self, sender: Address) -> None:
        self.senders.pop(sender, None)
        self.senders[sender] = None
        if len(self.senders) > MOST_SENDERS:
            del self.senders[next(iter(self.senders))]

    def close(self) -> None:
        self.over = True
        try:
            self.records.close()
        finally:
            self._receiver.close()

    def addresses(self) -> list[tuple[str, str]]:
        return [("bound to", str(self._receiver.local))]
