"""What comes from a TCP peer: bytes off the wire, and what telnet's codec makes of them, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sockcli.base.deadline import AT_ONCE
from sockcli.base.poller import URGENT, wait
from sockcli.errors import SockcliError
from sockcli.net.transport import CHUNK, NotReady, Transport
from sockcli.telnet import TelnetCodec
from sockcli.telnet import events as ev

# A read where telnet is spoken: nothing but negotiations, it takes 15 ms to understand, for which a key has to wait.
TELNET_READ: Final = 8 * 1024


class Incoming:
    """`receive`, then `events` until there are none."""

    def __init__(self, transport: Transport, codec: TelnetCodec | None) -> None:
        self._transport = transport
        self._codec = codec
        self._mark_ahead = False  # the codec knows about the urgent byte that is on its way
        self._broken = False  # the codec gives nothing more
        self.ended = False  # nothing more comes off the wire

    @property
    def pending(self) -> bool:
        """There are more events than were asked for."""
        return self._codec is not None and self._codec.pending and not self._broken

    def receive(self) -> bytes:
        """What is there now, as it was on the wire. Raises SockcliError, and has then `ended` as well."""
        if self._codec is not None:
            self._notice_mark(self._codec)
        active = self._codec is not None and self._codec.active
        try:
            data = self._transport.receive(TELNET_READ if active else CHUNK)
        except SockcliError:
            self._end()
            raise
        if isinstance(data, bytes):
            if self._codec is not None:
                self._codec.receive_data(data)
            return data
        if data is NotReady.EOF:
            self._end()
        return b""

    def events(self) -> Sequence[ev.Event]:
        """What the codec has found. Raises SockcliError where it can find nothing more."""
        if self._codec is None:
            return ()
        try:
            return self._codec.events_received()
        except SockcliError:
            self._broken = self.ended = True
            raise

    def _end(self) -> None:
        self.ended = True
        if self._codec is not None:
            self._codec.receive_eof()

    def _notice_mark(self, codec: TelnetCodec) -> None:
        """Tell the codec, once, that something in the stream ahead is urgent (RFC 854, Synch)."""
        ahead = bool(wait([(self._transport.fileno(), URGENT)], AT_ONCE))
        if ahead and not self._mark_ahead:
            codec.receive_urgent()
        self._mark_ahead = ahead
