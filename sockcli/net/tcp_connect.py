"""Connecting by TCP: a race over the granted addresses (RFC 8305), the first connection made wins.

Takes a Grant, and of the addresses given only those that it admits. Nothing is looked up here.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Final

from sockcli.base.connect_options import OnAttempt
from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address
from sockcli.base.poller import FAILED, NO_INTERRUPT, WRITABLE, Interrupt
from sockcli.errors import LocalFailure
from sockcli.net.attempts import Attempts
from sockcli.net.bind import NO_BIND_ADDRESSES, BindAddresses, bind, cannot_bind
from sockcli.net.sockaddr import af, to_sockaddr
from sockcli.net.system import SYSTEM_NET, Net
from sockcli.policy import Grant, check_grant

# RFC 8305, section 8: 250 ms recommended, 100 ms to 2 s allowed. Rejected: 300 ms as in browsers of its time, and
# one that follows the measured round trip, for which a program that connects once has no history.
ATTEMPT_DELAY: Final = 0.25

# With one more every 250 ms this is 16 s, more than the default limit for connecting. A name with thousands of
# addresses takes neither all our descriptors nor hours.
MAX_ADDRESSES: Final = 64


def dial(
    grant: Grant,
    addresses: Sequence[Address],
    *,
    sources: BindAddresses = NO_BIND_ADDRESSES,
    net: Net = SYSTEM_NET,
    deadline: Deadline = NEVER,
    interrupt: Interrupt = NO_INTERRUPT,
    on_attempt: OnAttempt | None = None,
) -> tuple[socket.socket, Address]:
    """A connected socket, and which of the addresses it is connected to.

    `sources` has the local end to bind for each family (4, 6), where there is one. Raises Denied, Unreachable or
    TimedOut with every attempt's failure, LocalFailure, Interrupted.
    """
    check_grant(grant)
    race = _Race(interleave(grant.admit(addresses))[:MAX_ADDRESSES], sources, net, Attempts(grant.request, on_attempt))
    try:
        return race.run(deadline, interrupt)
    finally:
        race.close()


def interleave(addresses: Sequence[Address]) -> list[Address]:
    """The families by turns, the first address's first, each in its own order (RFC 8305, section 4)."""
    first = [address for address in addresses if address.family == addresses[0].family]
    second = [address for address in addresses if address.family != addresses[0].family]
    return [address for address in chain.from_iterable(zip_longest(first, second)) if address is not None]


class _Race:
    """The attempts under way, in the order in which they began, and the addresses still to try."""

    def __init__(self, addresses: Sequence[Address], sources: BindAddresses, net: Net, attempts: Attempts) -> None:
        self._queue = deque(addresses)
        self._sources = sources
        self._net = net
        self._attempts = attempts
        self._pending: dict[int, tuple[socket.socket, Address]] = {}

    def run(self, deadline: Deadline, interrupt: Interrupt) -> tuple[socket.socket, Address]:
        head_start = Deadline(0, clock=self._net.clock)
        while True:
            while self._queue and head_start.expired:
                # An attempt that fails at once gives the next one no delay.
                if self._begin(self._queue.popleft()):
                    head_start = Deadline(ATTEMPT_DELAY, clock=self._net.clock)
            if not self._pending:
                raise self._attempts.error()
            limit = head_start.earlier(deadline) if self._queue else deadline
            ready = self._net.wait([(fd, WRITABLE) for fd in self._pending], limit, interrupt)
            for fd in [fd for fd in self._pending if fd in ready]:
                winner = self._finish(fd, ready[fd])
                if winner is not None:
                    return winner
                # RFC 8305, section 5: a failure starts the next attempt immediately.
                head_start = Deadline(0, clock=self._net.clock)
            if not ready and deadline.expired:
                waiting = [address for _, address in self._pending.values()]
                raise self._attempts.timed_out(deadline, waiting, len(self._queue))

    def close(self) -> None:
        """Close every socket but the winner's."""
        for sock, _ in self._pending.values():
            sock.close()
        self._pending.clear()

    def _begin(self, address: Address) -> bool:
        """Whether the attempt is under way."""
        self._attempts.begin(address)
        sock: socket.socket | None = None
        try:
            sock = self._net.socket(af(address.family), socket.SOCK_STREAM)
            source = self._sources.get(address.family)
            if source is not None:
                # Losing attempts, and connections of a moment ago, hold the same port to other ends.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bind(sock, source)
            code = sock.connect_ex(to_sockaddr(address))
            if code == errno.EADDRNOTAVAIL and source is not None:
                # bind() took it; but from there to here a connection exists already, or did a minute ago.
                raise cannot_bind(source, OSError(code, ""))
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, "")
        except (OSError, LocalFailure) as exc:
            if sock is not None:
                sock.close()
            if isinstance(exc, OSError):
                self._attempts.fail(address, exc)
            else:
                self._attempts.fail_here(exc)
            return False
        # A socket that is connected already is writable at once, so that it needs no code of its own.
        self._pending[sock.fileno()] = sock, address
        return True

    def _finish(self, fd: int, events: int) -> tuple[socket.socket, Address] | None:
        """The connection, if that is how the attempt ended."""
        sock, address = self._pending.pop(fd)
        code = _outcome(sock, events)
        if code == 0 and _is_connected_to_itself(sock):
            code = errno.ECONNREFUSED
        if code == 0:
            return sock, address
        sock.close()
        self._attempts.fail(address, OSError(code, ""))
        return None


def _outcome(sock: socket.socket, events: int) -> int:
    """The errno of an attempt that is over; 0 where the connection was made.

    It counts as made, too, where it was reset since, with something to receive before that. Then the error stays with
    the socket, and the read that comes after the data reports it; to ask for SO_ERROR would take it away.
    """
    if events & FAILED:
        try:
            if sock.recv(1, socket.MSG_PEEK):
                return 0
        except BlockingIOError:
            pass
        except OSError as exc:
            return exc.errno or 0
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _is_connected_to_itself(sock: socket.socket) -> bool:
    """TCP's simultaneous open (RFC 9293, 3.5): nobody listens on a port of this machine, and the kernel chose that very
    port as the local one. Such a connection would send back all that we send."""
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:
        return False  # it was reset in this moment, which the first read will say
