"""The only way to get a Transport, a Listener or a UdpReceiver.

The order is always the same: authorize, resolve, admit, then open. Everything that a request needs is authorized
before the first lookup, and what opens a socket takes the Grant and admits the addresses itself (`sockcli.net`), so
that no path here can forget it. Names are resolved once: further tries go to the same addresses.

A run opens one kind of thing, so each kind of transport is loaded where it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.base.address_scope import Scope, scope
from sockcli.base.connect_options import CONNECT_TIMEOUT, DialOptions, ListenOptions, Note, Source
from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address, Host, Operation, parse_port
from sockcli.base.poller import NO_INTERRUPT, Interrupt
from sockcli.errors import Denied, SockcliError, TimedOut, Unreachable, Unresolved, UsageError
from sockcli.net.bind import NO_BIND_ADDRESSES, BindAddress, BindAddresses
from sockcli.net.resolve import resolve
from sockcli.net.sockaddr import UNSPECIFIED
from sockcli.net.system import SYSTEM_NET, Net
from sockcli.net.transport import Transport
from sockcli.policy import Grant, Policy, Request

if TYPE_CHECKING:
    from sockcli.connection import Connection
    from sockcli.net.listen import TcpListener
    from sockcli.net.udp import UdpReceiver

_DIAL: Final = DialOptions()
_LISTEN: Final = ListenOptions()


class Answer(NamedTuple):
    """An address that the host led to; `denied` says why it may not be used."""

    address: Address
    denied: Denied | None


class Engine:
    """Opens what its policy allows.

    Each method takes a Request, which it has authorized, or the Grant that this engine's policy gave for it before.
    """

    def __init__(self, policy: Policy, *, net: Net = SYSTEM_NET, interrupt: Interrupt = NO_INTERRUPT) -> None:
        self.policy = policy
        self._net = net
        self._interrupt = interrupt

    def open(self, request: Request | Grant, options: DialOptions = _DIAL) -> Transport:
        """Connect by TCP (TCP_CONNECT), or get ready to send datagrams (UDP_SEND_TO).

        Raises Denied, Unresolved, Unreachable, TimedOut, LocalFailure, UsageError, Interrupted.
        """
        operation = _requested(request).operation
        opener = {Operation.TCP_CONNECT: self._open_tcp, Operation.UDP_SEND_TO: self._open_udp}.get(operation)
        if opener is None:
            raise UsageError(f"{operation} is not for connecting")
        grant = self.policy.authorize(request)
        if grant.request.port == 0:
            raise UsageError(f"{grant.request.endpoint}: port 0 is no port to connect to")
        ends = self._bind_addresses(grant, options)
        # One family left of the two: the other is not even looked up.
        family = options.family or (next(iter(ends)) if len(ends) == 1 else 0)
        addresses: list[Address] = []

        def attempt(limit: Deadline) -> Transport:
            if not addresses:
                addresses.extend(self._resolve(grant, family, limit))
                _tell_left_out(grant, addresses, options.on_attempt)
            return opener(grant, addresses, ends, options.on_attempt, limit)

        return self._persist(attempt, options)

    def connect(
        self,
        host: str | Host,
        port: int,
        *,
        operation: Operation | str = Operation.TCP_CONNECT,
        timeout: float | None = CONNECT_TIMEOUT,
    ) -> Connection:
        """For programs: what open() gives, with calls that wait. `operation` is `udp-send-to` for datagrams.

        `timeout` is in seconds, name lookup included; None waits for ever. Raises what open() does.
        """
        from sockcli.connection import Connection

        target = host if isinstance(host, Host) else Host.parse(host)
        request = Request(Operation(operation), target, parse_port(str(port)))
        return Connection(self.open(request, DialOptions(connect_timeout=timeout)), self._interrupt)

    def listen(self, request: Request | Grant, options: ListenOptions = _LISTEN) -> TcpListener:
        """Listen for TCP connections. Raises Denied, Unresolved, TimedOut, LocalFailure, UsageError, Interrupted."""
        grant = self._authorize(request, Operation.TCP_LISTEN)
        addresses = self._resolve(grant, options.family, options.deadline)
        from sockcli.net.listen import listen

        return listen(grant, addresses, backlog=options.backlog, net=self._net)

    def bind(self, request: Request | Grant, options: ListenOptions = _LISTEN) -> UdpReceiver:
        """Receive datagrams from anyone; a multicast group is joined for that. Raises what listen() does."""
        grant = self._authorize(request, Operation.UDP_BIND)
        addresses = grant.admit(self._resolve(grant, options.family, options.deadline))
        groups = [address for address in addresses if scope(address.host) is Scope.MULTICAST]
        membership = self.policy.authorize(Request(Operation.UDP_MULTICAST_MEMBERSHIP)) if groups else None
        from sockcli.net.udp import receiver

        return receiver(grant, groups or addresses, membership=membership, net=self._net)

    def resolve(self, request: Request | Grant, *, family: int = 0, deadline: Deadline = NEVER) -> list[Answer]:
        """Every address that an allowed host leads to, and whether it may be used. Opens no connection.

        Raises Denied where the request itself is, Unresolved, TimedOut, UsageError, Interrupted.
        """
        grant = self.policy.authorize(request)
        return [Answer(address, _denial(grant, address)) for address in self._resolve(grant, family, deadline)]

    def _authorize(self, request: Request | Grant, operation: Operation) -> Grant:
        requested = _requested(request).operation
        if requested is not operation:
            raise UsageError(f"{requested} is not {operation}")
        return self.policy.authorize(request)

    def _resolve(self, grant: Grant, family: int, deadline: Deadline) -> list[Address]:
        return resolve(grant, family=family, net=self._net, deadline=deadline, interrupt=self._interrupt)

    def _open_tcp(
        self, grant: Grant, addresses: Sequence[Address], ends: BindAddresses, note: Note | None, limit: Deadline
    ) -> Transport:
        from sockcli.net.stream import TcpTransport
        from sockcli.net.tcp_connect import dial

        sock, peer = dial(
            grant, addresses, sources=ends, net=self._net, deadline=limit, interrupt=self._interrupt, note=note
        )
        return TcpTransport(sock, grant, peer)

    def _open_udp(
        self, grant: Grant, addresses: Sequence[Address], ends: BindAddresses, note: Note | None, _limit: Deadline
    ) -> Transport:
        from sockcli.net.udp import connect

        return connect(grant, addresses, sources=ends, net=self._net, note=note)

    def _bind_addresses(self, grant: Grant, options: DialOptions) -> BindAddresses:
        """Where to bind for each family that is possible and allowed; nothing where the system is to choose.

        Raises Denied where none is allowed.
        """
        source = options.source
        if source is None or (source.host is None and not source.port):
            return NO_BIND_ADDRESSES
        ends: dict[int, BindAddress] = {}
        refusals: list[Denied] = []
        for host in _local_hosts(source, grant.request, options.family):
            address = Address(host, source.port or 0)
            try:
                ends[address.family] = BindAddress(address, self._leave_to_bind(grant, address))
            except Denied as exc:
                refusals.append(exc)
        if refusals and not ends:
            raise refusals[0]
        return ends

    def _leave_to_bind(self, grant: Grant, address: Address) -> Grant:
        """A port of one's own on UDP receives from it, which is a matter of udp-bind."""
        if grant.request.operation is Operation.UDP_SEND_TO and address.port:
            return self.policy.authorize(Request(Operation.UDP_BIND, address.host, address.port))
        return grant

    def _persist(self, attempt: Callable[[Deadline], Transport], options: DialOptions) -> Transport:
        """Try, and try again for what may be better the next time."""
        tries = 0
        while True:
            limit = Deadline(options.connect_timeout, clock=self._net.clock).earlier(options.deadline)
            tries += 1
            try:
                return attempt(limit)
            except (Unreachable, TimedOut, Unresolved) as exc:
                if options.retry == 0 or (isinstance(exc, Unresolved) and not exc.temporary):
                    raise
                if tries > options.retry:
                    raise type(exc)(f"{exc} ({tries} tries)", hint=exc.hint) from exc
                self._pause(exc, tries, options)

    def _pause(self, failure: SockcliError, tries: int, options: DialOptions) -> None:
        if options.on_attempt:
            options.on_attempt(f"{failure}; try {tries + 1} of {options.retry + 1} in {options.retry_delay:g} s")
        delay = Deadline(options.retry_delay, clock=self._net.clock)
        self._net.wait((), delay.earlier(options.deadline), self._interrupt)
        if options.deadline.expired:
            ended = f"{tries} of {options.retry + 1} tries within {options.deadline.seconds:g} s"
            raise TimedOut(f"{failure} ({ended})", hint=failure.hint) from failure


def _requested(request: Request | Grant) -> Request:
    return request.request if isinstance(request, Grant) else request


def _local_hosts(source: Source, target: Request, family: int) -> list[Host]:
    """The addresses to bind that can be meant. Raises UsageError where source, target and -4 or -6 do not fit."""
    families = [family] if family else [4, 6]
    if target.host is not None and target.host.is_address:
        families = [each for each in families if each == Address(target.host, 0).family]
    if source.host is None:
        return [UNSPECIFIED[each] for each in families]
    if not source.host.is_address:
        raise UsageError(f"bad source {source.host}: give an address of this machine, not a name")
    own = Address(source.host, 0).family
    if families and own not in families:
        raise UsageError(f"bad source {source.host}: it is IPv{own}, and the connection IPv{families[0]}")
    return [source.host]


def _tell_left_out(grant: Grant, addresses: Sequence[Address], note: Note | None) -> None:
    """Who wonders why an address is not tried finds it with -v; where all of them are denied, the error says so."""
    denials = [_denial(grant, address) for address in addresses] if note else []
    if note and not all(denials):
        for denied in filter(None, denials):
            note(f"left out: {denied.reason}")


def _denial(grant: Grant, address: Address) -> Denied | None:
    try:
        grant.admit([address])
    except Denied as exc:
        return exc
    return None
