"""Accepting TCP connections."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Final

from sockcli.base.connect_options import BACKLOG
from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address
from sockcli.base.poller import NO_INTERRUPT, READABLE, Interrupt
from sockcli.errors import TimedOut
from sockcli.net.bind import BindAddress, bind_first, cannot_bind
from sockcli.net.os_errors import NoDescriptors, translate
from sockcli.net.sockaddr import from_sockaddr
from sockcli.net.stream import TcpTransport
from sockcli.net.system import SYSTEM_NET, Net
from sockcli.net.transport import NotReady
from sockcli.policy import Grant

# accept(2), "Error handling": Linux reports the errors of a connection that was waiting in the queue. That connection
# is lost; the listener works.
_CONNECTION_LOST: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.ENETDOWN,
        errno.EPROTO,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        getattr(errno, "ENONET", errno.ENETUNREACH),  # Linux alone has it
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
        errno.EPERM,  # a firewall forbids it
        errno.ETIMEDOUT,
    }
)

# Seconds between tries while no descriptor is left: at first so short that a peer hardly notices, then doubled up to
# what costs next to nothing.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


class TcpListener:
    """A listening TCP socket, which belongs to this object from now on."""

    __slots__ = ("_sock", "grant", "local")

    def __init__(self, sock: socket.socket, grant: Grant) -> None:
        self._sock = sock
        self.grant = grant
        self.local = from_sockaddr(sock.family, sock.getsockname())

    def fileno(self) -> int:
        return self._sock.fileno()

    def accept(self) -> TcpTransport | NotReady:
        """The next peer, or WOULD_BLOCK. Raises NoDescriptors, after which the listener stays readable."""
        while True:
            try:
                sock, sockaddr = self._sock.accept()
            except BlockingIOError:
                return NotReady.WOULD_BLOCK
            except OSError as exc:
                if exc.errno in _CONNECTION_LOST:
                    continue
                raise translate(exc, f"{self.grant.request.operation} {self.local}: cannot accept") from exc
            return TcpTransport(sock, self.grant, from_sockaddr(sock.family, sockaddr))

    def close(self) -> None:
        self._sock.close()


def listen(grant: Grant, addresses: Sequence[Address], *, backlog: int = BACKLOG, net: Net = SYSTEM_NET) -> TcpListener:
    """A listener on the first of `addresses` that this machine has. Raises Denied, LocalFailure."""
    sock = bind_first(grant, addresses, socket.SOCK_STREAM, net)
    listener = TcpListener(sock, grant)
    try:
        sock.listen(backlog)
    except OSError as exc:
        listener.close()
        raise cannot_bind(BindAddress(listener.local, grant), exc) from exc
    return listener


def accept_next(
    listener: TcpListener,
    *,
    patient: bool = False,
    net: Net = SYSTEM_NET,
    deadline: Deadline = NEVER,
    interrupt: Interrupt = NO_INTERRUPT,
) -> TcpTransport:
    """Wait for the next peer. If no descriptor is left, `patient` waits for one (`-k`).

    Raises NoDescriptors unless patient, TimedOut, Interrupted.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            peer = listener.accept()
        except NoDescriptors:
            if not patient:
                raise
            # The connection stays queued and the listener readable, so that waiting for it would spin.
            net.wait((), Deadline(pause, clock=net.clock).earlier(deadline), interrupt)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            if isinstance(peer, TcpTransport):
                return peer
            net.wait([(listener.fileno(), READABLE)], deadline, interrupt)
        if deadline.expired:
            doing = f"{listener.grant.request.operation} {listener.local}"
            raise TimedOut(f"{doing}: nobody connected within {deadline.seconds:g} s")
