"""One TCP connection as a Transport. It never waits, and it loses nothing that came in before an error."""

from __future__ import annotations

import errno
import fcntl
import socket
import sys
import termios
from collections.abc import Callable
from typing import Final

from sockcli.base.endpoint import Address
from sockcli.errors import SockcliError
from sockcli.net.os_errors import translate
from sockcli.net.sockaddr import from_sockaddr
from sockcli.net.transport import CHUNK, Events, NotReady
from sockcli.policy import Grant

_SIOCOUTQ: Final = termios.TIOCOUTQ  # the same number, by Linux's own definition
_INT: Final = 4  # bytes that it writes

# What is read and dropped at close: as much as a receive buffer may grow to (the third number of tcp_rmem, 32 MiB on
# big machines), so that only a peer that goes on sending meanwhile gets a reset. 10 ms at the most.
_DRAIN_LIMIT: Final = 32 << 20


class TcpTransport:
    """A connected TCP socket, which belongs to this object from now on."""

    __slots__ = ("_eof_sent", "_fin_sent", "_lost", "_received_eof", "_sock", "grant", "local", "peer")

    def __init__(self, sock: socket.socket, grant: Grant, peer: Address) -> None:
        self._sock = sock
        # The first error. The kernel tells it once: a send that fails takes it, and reads then look like a clean end.
        self._lost: OSError | None = None
        self._eof_sent = self._fin_sent = self._received_eof = False
        self.grant = grant
        self.peer = peer
        sock.setblocking(False)
        # What is typed goes out as it is typed, without Nagle's wait for the last acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Urgent data stays in its place in the stream, where telnet (RFC 854, Synch) looks for it; else it is lost.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        self.local = from_sockaddr(sock.family, sock.getsockname())

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive(self, limit: int = CHUNK) -> bytes | NotReady:
        try:
            data = self._sock.recv(limit)
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise self._lose(exc) from exc
        return data or self._end()

    def receive_into(self, buffer: memoryview | bytearray) -> int | NotReady:
        """As receive(), into a buffer of the caller's, which is not empty."""
        try:
            count = self._sock.recv_into(buffer)
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise self._lose(exc) from exc
        return count or self._end()

    def receive_by(self, move: Callable[[int], int]) -> int | NotReady:
        """As receive(), by a call that has the kernel take bytes from the descriptor it is given; 0 is the end."""
        try:
            count = move(self._sock.fileno())
            # Once the peer has ended, splice(2) says the same in front of TCP's urgent byte: only a read knows.
            unread = not count and self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise self._lose(exc) from exc
        return count or (NotReady.WOULD_BLOCK if unread else self._end())

    def send(self, data: memoryview) -> int | NotReady:
        return self._send(data, 0)

    def send_by(self, move: Callable[[int], int]) -> int | NotReady:
        """As send(), by a call that has the kernel put bytes into the descriptor; EOF if it finds no more of them."""
        if self._lost is not None:
            raise self._lose(self._lost)
        try:
            return move(self._sock.fileno()) or NotReady.EOF
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise self._lose(exc) from exc

    def send_urgent(self, data: memoryview) -> int | NotReady:
        """As send(), with the last byte taken marked as urgent: telnet's Synch."""
        return self._send(data, socket.MSG_OOB)

    def unacknowledged(self) -> int:
        """Bytes that the peer's kernel has not confirmed. After a loss: what was lost."""
        # The kernel counts our FIN as one of them, behind all others.
        queued = int.from_bytes(fcntl.ioctl(self._sock, _SIOCOUTQ, bytes(_INT)), sys.byteorder)
        return max(0, queued - self._fin_sent)

    @property
    def received_eof(self) -> bool:
        """The peer came to its end: nothing that it sent is missing, whatever became of what we sent."""
        return self._received_eof

    def pending(self) -> bool:
        return False

    def interest(self, want: Events) -> Events:
        return want

    def send_eof(self) -> None:
        if self._eof_sent:
            return
        self._eof_sent = True
        try:
            self._sock.shutdown(socket.SHUT_WR)
            self._fin_sent = True
        except OSError as exc:
            # ENOTCONN: it is lost already. There may still be something to read, after which receive() raises it.
            self._lost = self._lost or exc

    def close(self) -> None:
        if self._sock.fileno() < 0:
            return
        self.send_eof()
        self._drain()
        self._sock.close()

    def _send(self, data: memoryview, flags: int) -> int | NotReady:
        if self._lost is not None:
            raise self._lose(self._lost)
        try:
            return self._sock.send(data, flags)
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise self._lose(exc) from exc

    def _end(self) -> NotReady:
        """No more is coming: cleanly only if nothing went wrong before."""
        # A reset that comes after the peer's FIN is told to a send as EPIPE. Where it was told to the half-close alone,
        # this read would have met it, had there been no FIN.
        self._received_eof = self._lost is None or self._lost.errno in (errno.EPIPE, errno.ENOTCONN)
        if self._lost is not None:
            raise self._lose(self._lost)
        return NotReady.EOF

    def _lose(self, exc: OSError) -> SockcliError:
        # What the half-close met only says that the connection is lost, and leaves the kernel's reason where it is.
        if self._lost is None or self._lost.errno == errno.ENOTCONN:
            self._lost = exc
        return translate(self._lost, f"connection with {self.peer}")

    def _drain(self) -> None:
        """Read and drop what is there. Closing with something unread sends a reset instead of our last bytes."""
        buffer = bytearray(CHUNK)
        left = _DRAIN_LIMIT
        try:
            while left > 0 and (count := self._sock.recv_into(buffer)):
                left -= count
        except OSError:
            return  # nothing more for now, or lost: nobody is left to be told
