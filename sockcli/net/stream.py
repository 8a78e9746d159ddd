"""A connected stream socket as a Transport, and what TCP adds. It never waits.

All that came in before an error is received before the error is raised.
"""

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

# Linux gives SIOCOUTQ the number of TIOCOUTQ (tcp(7)). None on a system that has neither.
_SIOCOUTQ: Final[int | None] = getattr(termios, "TIOCOUTQ", None)
_INT: Final = 4  # bytes that it writes

# What is read and dropped at close: as much as a receive buffer may grow to (the third number of tcp_rmem, 32 MiB on
# big machines), so that only a peer that goes on sending meanwhile gets a reset. 10 ms at the most.
_DRAIN_LIMIT: Final = 32 << 20


class StreamTransport:
    """A connected stream socket of any family, which belongs to this object from now on."""

    __slots__ = ("_eof_asked", "_eof_sent", "_lost", "_received_eof", "_sock", "grant", "local", "peer")

    def __init__(self, sock: socket.socket, grant: Grant, local: Address, peer: Address) -> None:
        self._sock = sock
        # The first error. The kernel reports an error once: a send that fails takes it, and recv() then returns b""
        # as at a clean end.
        self._lost: OSError | None = None
        self._eof_asked = self._eof_sent = self._received_eof = False
        self.grant = grant
        self.local = local
        self.peer = peer
        sock.setblocking(False)

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
            # After the peer's FIN, splice(2) returns 0 in front of TCP's urgent byte too. Only a read tells them apart.
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

    @property
    def received_eof(self) -> bool:
        """The peer ended its stream and all of it was received, whatever became of what we sent."""
        return self._received_eof

    def pending(self) -> bool:
        return False

    def interest(self, want: Events) -> Events:
        return want

    def send_eof(self) -> None:
        if self._eof_asked:
            return
        self._eof_asked = True
        try:
            self._sock.shutdown(socket.SHUT_WR)
            self._eof_sent = True
        except OSError as exc:
            # ENOTCONN: the connection is lost already. What has come in can still be read; then receive() raises this.
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
        """recv() returned b"": the end, which is a clean one only if there was no error before."""
        # After the peer's FIN, Linux reports an RST to send() as EPIPE and to shutdown() as ENOTCONN, never to recv().
        # The peer's data is complete then. Without the FIN, recv() would have raised the error.
        self._received_eof = self._lost is None or self._lost.errno in (errno.EPIPE, errno.ENOTCONN)
        if self._lost is not None:
            raise self._lose(self._lost)
        return NotReady.EOF

    def _lose(self, exc: OSError) -> SockcliError:
        # ENOTCONN from shutdown() only says that the connection is lost. The kernel still keeps the reason, which is
        # what the next call raises.
        if self._lost is None or self._lost.errno == errno.ENOTCONN:
            self._lost = exc
        return translate(self._lost, f"connection with {self.peer}")

    def _drain(self) -> None:
        """Read and drop what is there: a close with something unread sends a reset, which destroys our last bytes."""
        buffer = bytearray(CHUNK)
        left = _DRAIN_LIMIT
        try:
            while left > 0 and (count := self._sock.recv_into(buffer)):
                left -= count
        except OSError:
            return  # nothing more for now, or lost: nobody is left to be told


class TcpTransport(StreamTransport):
    """A connected TCP socket, which belongs to this object from now on."""

    __slots__ = ()

    def __init__(self, sock: socket.socket, grant: Grant, peer: Address) -> None:
        super().__init__(sock, grant, from_sockaddr(sock.family, sock.getsockname()), peer)
        # What is typed goes out as it is typed, without Nagle's wait for the last acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Urgent data stays in its place in the stream, where telnet (RFC 854, Synch) looks for it; else it is lost.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)

    def send_urgent(self, data: memoryview) -> int | NotReady:
        """As send(), with the last byte taken marked as urgent (RFC 854, Synch)."""
        return self._send(data, socket.MSG_OOB)

    def unacknowledged(self) -> int:
        """Bytes sent that the peer's kernel has not acknowledged; after a loss, those that were lost.

        0 on a system that does not tell.
        """
        if _SIOCOUTQ is None:
            return 0
        queued = int.from_bytes(fcntl.ioctl(self._sock, _SIOCOUTQ, bytes(_INT)), sys.byteorder)
        # The kernel counts our FIN as one of them, behind all others.
        return max(0, queued - self._eof_sent)
