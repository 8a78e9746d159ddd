"""UDP: a connected socket as a Transport, and a bound one that receives from anyone.

A datagram is whole or an error, in and out; b"" is one like any other. Nothing is sent but what was asked for.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections import deque
from collections.abc import Sequence
from typing import Final

from sockcli.base.connect_options import OnAttempt
from sockcli.base.endpoint import Address, Operation
from sockcli.errors import Denied, LocalFailure, SockcliError, Unreachable
from sockcli.net.attempts import Attempts
from sockcli.net.bind import NO_BIND_ADDRESSES, BindAddresses, bind, bind_first, join
from sockcli.net.os_errors import translate
from sockcli.net.sockaddr import af, from_sockaddr, to_sockaddr
from sockcli.net.system import SYSTEM_NET, Net, SockAddr
from sockcli.net.transport import CHUNK, Events, NotReady
from sockcli.net.udp_offload import ANCILLARY, REFUSALS, SOL_UDP, UDP_GRO, Ancillary, batch, cut_at, split
from sockcli.policy import Grant, check_grant

# 65,535 less the UDP header, and on IPv4, whose length counts its own header too, less 20 more.
_LIMITS: Final = {4: 65_507, 6: 65_527}
_BUFFER: Final = 65_536  # more than any datagram


def limit(family: int) -> int:
    """The most bytes that a datagram holds on IPv4 or IPv6."""
    return _LIMITS[family]


def connect(
    grant: Grant,
    addresses: Sequence[Address],
    *,
    sources: BindAddresses = NO_BIND_ADDRESSES,
    net: Net = SYSTEM_NET,
    on_attempt: OnAttempt | None = None,
) -> UdpTransport:
    """A socket for the first of `addresses` that there is a way to. Nothing is sent, so nobody has answered.

    Raises Denied, Unreachable, LocalFailure.
    """
    check_grant(grant)
    attempts = Attempts(grant.request, on_attempt)
    denied: Denied | None = None
    for address in grant.admit(addresses):
        attempts.begin(address)
        try:
            sock = net.socket(af(address.family), socket.SOCK_DGRAM)
        except OSError as exc:
            attempts.fail(address, exc)
            continue
        try:
            source = sources.get(address.family)
            if source is not None:
                bind(sock, source)
            _connect(sock, grant, address)
        except Denied as exc:
            denied = denied or exc
        except LocalFailure as exc:
            attempts.fail_here(exc)
        except OSError as exc:
            attempts.fail(address, exc)
        else:
            return UdpTransport(sock, grant, address)
        sock.close()
    raise denied or attempts.error()


def _connect(sock: socket.socket, grant: Grant, address: Address) -> None:
    """Connect, which sends nothing. Raises OSError; Denied for a broadcast address that no rule speaks of."""
    peer = to_sockaddr(address)
    try:
        sock.connect(peer)
    except PermissionError as exc:
        if exc.errno != errno.EACCES:
            raise  # EPERM: a firewall forbids it
        # udp(7): a broadcast address, which depends on the networks that this machine is in.
        grant.admit_broadcast(address)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.connect(peer)


class UdpTransport:
    """A connected UDP socket, which belongs to this object from now on.

    An error on the way ("port unreachable") comes back after the send that caused it. On the loopback that is at
    once, and `check_error` shows it; else the next `receive` or `send` does.
    """

    __slots__ = ("_came", "_error", "_sender", "_sock", "batches", "foreign", "grant", "local", "peer")

    def __init__(self, sock: socket.socket, grant: Grant, peer: Address) -> None:
        self._sock = sock
        self._error: OSError | None = None
        self._sender = sock.getpeername()
        self.batches = True  # several may go in one call, until the kernel refuses that
        self._came: deque[bytes] = deque()  # received together with what was asked for
        _join_batches(sock)
        self.grant = grant
        self.peer = peer
        self.local = from_sockaddr(sock.family, sock.getsockname())
        self.foreign = 0  # datagrams of others, dropped

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive(self, limit: int = CHUNK) -> bytes | NotReady:  # noqa: ARG002
        """One datagram of the peer, always whole: `limit` is not heeded."""
        while not self._came:
            try:
                data, ancillary, flags, sender = self._sock.recvmsg(_BUFFER, ANCILLARY)
            except BlockingIOError:
                if self._error is not None:
                    raise self._report() from None
                return NotReady.WOULD_BLOCK
            except OSError as exc:
                if self._error is not None:
                    raise self._report() from exc
                # The kernel reports an error before datagrams that came in earlier. Those are received first here.
                self._error = exc
                continue
            # A connected socket takes only what the peer sends. But what others sent before connect() is in the queue.
            came = split(data, ancillary)
            if sender != self._sender:
                self.foreign += len(came)
                continue
            _expect_whole(flags, self.peer)
            self._came.extend(came)
        return self._came.popleft()

    def send(self, data: memoryview) -> int | NotReady:
        """Send one datagram: all of it, or WOULD_BLOCK.

        Unreachable may speak of an earlier one; this one has been sent nevertheless, if the kernel took it.
        """
        _check_size(data, self.peer)
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            # The error is about an earlier datagram, and the kernel has not sent this one: send it again.
            with contextlib.suppress(OSError):
                self._sock.send(data)
            raise self._explain(exc) from exc

    def send_many(self, datagrams: Sequence[bytes]) -> int | NotReady:
        """Send some of them, from the front, in one system call: how many, or WOULD_BLOCK.

        An error that speaks of earlier ones is kept for `receive` and `check_error`, or raised as by `send`.
        """
        together = batch(datagrams, limit(self.peer.family)) if self.batches else datagrams
        if not self.batches or len(together) == 1:
            return 1 if isinstance(taken := self.send(memoryview(datagrams[0])), int) else taken
        for _ in range(2):
            try:
                self._sock.sendmsg(together, cut_at(len(together[0])))
            except BlockingIOError:
                return NotReady.WOULD_BLOCK
            except OSError as exc:
                if exc.errno in REFUSALS:
                    self.batches = False
                    return self.send_many(datagrams)
                # As in `send`: the error is about an earlier datagram, and these have not been sent.
                self._error = self._error or exc
            else:
                break
        return len(together)

    def check_error(self) -> None:
        """Raise the error that a datagram sent earlier met, if one is known. Receives nothing."""
        if self._error is None:
            code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._error = OSError(code, "") if code else None
        if self._error is not None:
            raise self._report()

    def pending(self) -> bool:
        return bool(self._came) or self._error is not None

    def interest(self, want: Events) -> Events:
        return want

    def send_eof(self) -> None:
        """UDP has no end to send. An empty datagram would be one datagram too many."""

    def close(self) -> None:
        self._sock.close()

    def _report(self) -> SockcliError:
        trouble, self._error = self._error, None
        assert trouble is not None
        return self._explain(trouble)

    def _explain(self, exc: OSError) -> SockcliError:
        if exc.errno == errno.ECONNREFUSED:
            return Unreachable(f"{self._name()}: port unreachable", hint="nothing listens on that port there")
        if exc.errno == errno.EMSGSIZE:
            return LocalFailure(f"{self._name()}: the datagram is too large for the way there")
        return translate(exc, self._name())

    def _name(self) -> str:
        return f"{self.grant.request.operation} {self.peer}"


class UdpReceiver:
    """A bound UDP socket that takes datagrams from anyone."""

    __slots__ = ("_known", "_sock", "grant", "local")

    def __init__(self, sock: socket.socket, grant: Grant) -> None:
        self._sock = sock
        # Most datagrams come from where the last one came from, and parsing an address takes longer than receiving.
        self._known: tuple[SockAddr, Address] | None = None
        self.grant = grant
        self.local = from_sockaddr(sock.family, sock.getsockname())

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive_from(self) -> tuple[bytes, Address] | NotReady:
        """One datagram, whole, and who sent it."""
        came = self._receive()
        return came if isinstance(came, NotReady) else (came[0], came[2])

    def receive_many(self) -> tuple[list[bytes], Address] | NotReady:
        """All of one sender that the kernel hands over at once, after `join_batches`."""
        came = self._receive()
        return came if isinstance(came, NotReady) else (split(came[0], came[1]), came[2])

    def join_batches(self) -> None:
        """From now on only `receive_many` tells where a datagram ends."""
        _join_batches(self._sock)

    def _receive(self) -> tuple[bytes, Ancillary, Address] | NotReady:
        try:
            data, ancillary, flags, sender = self._sock.recvmsg(_BUFFER, ANCILLARY)
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise translate(exc, f"{self.grant.request.operation} {self.local}") from exc
        if self._known is None or self._known[0] != sender:
            self._known = sender, from_sockaddr(self._sock.family, sender)
        address = self._known[1]
        _expect_whole(flags, address)
        return data, ancillary, address

    def send_to(self, data: memoryview, address: Address, grant: Grant) -> int | NotReady:
        """Answer from this port. It takes a grant for sending to that address: one to receive is not enough."""
        check_grant(grant)
        if grant.request.operation is not Operation.UDP_SEND_TO:
            raise TypeError(f"{grant} does not allow anything to be sent")
        grant.admit([address])
        _check_size(data, address)
        try:
            return self._sock.sendto(data, to_sockaddr(address))
        except BlockingIOError:
            return NotReady.WOULD_BLOCK
        except OSError as exc:
            raise translate(exc, f"{grant.request.operation} {address}") from exc

    def close(self) -> None:
        self._sock.close()


def _join_batches(sock: socket.socket) -> None:
    """Have the kernel hand over together what came together from one sender, if it can."""
    with contextlib.suppress(OSError):
        sock.setsockopt(SOL_UDP, UDP_GRO, 1)


def _check_size(data: memoryview, peer: Address) -> None:
    most = limit(peer.family)
    if len(data) > most:
        raise LocalFailure(
            f"{Operation.UDP_SEND_TO} {peer}: a datagram holds at most {most:,} bytes on IPv{peer.family}, "
            f"and this one has {len(data):,}: nothing of it was sent"
        )


def _expect_whole(flags: int, sender: Address) -> None:
    if flags & socket.MSG_TRUNC:
        raise LocalFailure(f"a datagram from {sender} has more than {_BUFFER:,} bytes; it is dropped, not cut")


def receiver(
    grant: Grant, addresses: Sequence[Address], *, membership: Grant | None = None, net: Net = SYSTEM_NET
) -> UdpReceiver:
    """A receiver on the first of `addresses` that this machine has. With `membership` it is a multicast group to join.

    Raises Denied, LocalFailure.
    """
    with contextlib.ExitStack() as undo:
        sock = bind_first(grant, addresses, socket.SOCK_DGRAM, net)
        undo.callback(sock.close)
        if membership is not None:
            join(sock, membership)
        undo.pop_all()
        return UdpReceiver(sock, grant)
