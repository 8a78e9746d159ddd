"""The way to an endpoint, hop by hop: what has to be allowed for each hop, and how it is opened then.

From this machine to an endpoint is one hop. What is reached through something else, as through a proxy or inside TLS,
is a further hop, which is opened over the transport of the hop before it. All hops are authorized before the first one
is opened, so that no packet leaves for an endpoint that may not be reached in the end.

A hop of a new kind is a class with the one method of `Hop`. Each kind of transport is loaded where it is opened: a run
needs one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from sockcli.base.address_scope import Scope, scope
from sockcli.base.connect_options import DialOptions, ListenOptions, OnAttempt
from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address, Operation
from sockcli.base.poller import Interrupt
from sockcli.errors import UsageError
from sockcli.net.bind import BindAddresses, bind_addresses
from sockcli.net.resolve import resolve
from sockcli.net.system import Net
from sockcli.net.transport import Transport
from sockcli.policy import Grant, Policy, Request

if TYPE_CHECKING:
    from sockcli.net.listen import TcpListener
    from sockcli.net.udp import UdpReceiver

End = TypeVar("End", covariant=True)

# Opens a hop by the deadline, over the transport of the hop before it; None for the first hop. It can be called again,
# to try again.
OpenHop: TypeAlias = Callable[[Transport | None, Deadline], End]


class Hop(Protocol[End]):
    """One step of a route. What it needs to know is given to it when it is made."""

    def authorize(self, policy: Policy) -> OpenHop[End]:
        """Ask the policy for all that the hop needs, and send nothing. What opens the hop is had in no other way.

        Raises Denied, UsageError.
        """
        ...


class Route(NamedTuple, Generic[End]):
    """Hops in the order in which they are opened: those `before`, each a Transport, and the one that is wanted."""

    last: Hop[End]
    before: tuple[Hop[Transport], ...] = ()

    def authorize(self, policy: Policy) -> Callable[[Deadline], End]:
        """Ask for what all hops need. What is returned opens them one over the other; it closes all if one fails.

        Raises Denied, UsageError.
        """
        carriers = [hop.authorize(policy) for hop in self.before]
        open_last = self.last.authorize(policy)

        def open_all(deadline: Deadline) -> End:
            with ExitStack() as undo:
                carrier: Transport | None = None
                for open_carrier in carriers:
                    carrier = open_carrier(carrier, deadline)
                    undo.callback(carrier.close)
                end = open_last(carrier, deadline)
                undo.pop_all()
                return end

        return open_all


class ConnectHop:
    """From this machine to an endpoint: by TCP (TCP_CONNECT), or by a connected UDP socket (UDP_SEND_TO).

    The name is looked up once. Whatever is tried again goes to the same addresses.
    """

    def __init__(self, asked: Request | Grant, options: DialOptions, net: Net, interrupt: Interrupt) -> None:
        self._asked = asked
        self._options = options
        self._net = net
        self._interrupt = interrupt

    def authorize(self, policy: Policy) -> OpenHop[Transport]:
        request, options = request_of(self._asked), self._options
        if request.operation not in (Operation.TCP_CONNECT, Operation.UDP_SEND_TO):
            raise UsageError(f"{request.operation} is not for connecting")
        grant = policy.authorize(self._asked)
        if request.port == 0:
            raise UsageError(f"{request.endpoint}: port 0 is no port to connect to")
        sources = bind_addresses(policy, grant, options.source, options.family)
        # If only one family can be bound, the other is not even looked up.
        family = options.family or (next(iter(sources)) if len(sources) == 1 else 0)
        addresses: list[Address] = []

        def open_hop(_carrier: Transport | None, deadline: Deadline) -> Transport:
            if not addresses:
                addresses.extend(
                    resolve(grant, family=family, net=self._net, deadline=deadline, interrupt=self._interrupt)
                )
                _tell_left_out(grant, addresses, options.on_attempt)
            return self._connect(grant, addresses, sources, deadline)

        return open_hop

    def _connect(
        self, grant: Grant, addresses: Sequence[Address], sources: BindAddresses, deadline: Deadline
    ) -> Transport:
        on_attempt = self._options.on_attempt
        if grant.request.operation is Operation.UDP_SEND_TO:
            from sockcli.net.udp import connect

            return connect(grant, addresses, sources=sources, net=self._net, on_attempt=on_attempt)
        from sockcli.net.stream import TcpTransport
        from sockcli.net.tcp_connect import dial

        sock, peer = dial(
            grant,
            addresses,
            sources=sources,
            net=self._net,
            deadline=deadline,
            interrupt=self._interrupt,
            on_attempt=on_attempt,
        )
        return TcpTransport(sock, grant, peer)


class _LocalHop:
    """Where a route ends on this machine: an address of its own, on which something is to come in."""

    def __init__(self, asked: Request | Grant, options: ListenOptions, net: Net, interrupt: Interrupt) -> None:
        self._asked = asked
        self._options = options
        self._net = net
        self._interrupt = interrupt

    def _authorize(self, policy: Policy, operation: Operation) -> Grant:
        asked = request_of(self._asked).operation
        if asked is not operation:
            raise UsageError(f"{asked} is not {operation}")
        return policy.authorize(self._asked)

    def _resolve(self, grant: Grant, deadline: Deadline) -> list[Address]:
        family = self._options.family
        return resolve(grant, family=family, net=self._net, deadline=deadline, interrupt=self._interrupt)


class ListenHop(_LocalHop):
    """A TCP listener on an address of this machine (TCP_LISTEN)."""

    def authorize(self, policy: Policy) -> OpenHop[TcpListener]:
        grant = self._authorize(policy, Operation.TCP_LISTEN)

        def open_hop(_carrier: Transport | None, deadline: Deadline) -> TcpListener:
            from sockcli.net.listen import listen

            return listen(grant, self._resolve(grant, deadline), backlog=self._options.backlog, net=self._net)

        return open_hop


class BindHop(_LocalHop):
    """A UDP socket that takes datagrams from anyone (UDP_BIND), on an address of this machine or a multicast group."""

    def authorize(self, policy: Policy) -> OpenHop[UdpReceiver]:
        grant = self._authorize(policy, Operation.UDP_BIND)

        def open_hop(_carrier: Transport | None, deadline: Deadline) -> UdpReceiver:
            addresses = self._resolve(grant, deadline)
            groups = [each for each in addresses if scope(each.host) is Scope.MULTICAST and not grant.refusal(each)]
            # Only now is it known that it is a group. A lookup has been allowed, and nothing has been joined yet.
            membership = policy.authorize(Request(Operation.UDP_MULTICAST_MEMBERSHIP)) if groups else None
            from sockcli.net.udp import receiver

            return receiver(grant, groups or addresses, membership=membership, net=self._net)

        return open_hop


def _tell_left_out(grant: Grant, addresses: Sequence[Address], on_attempt: OnAttempt | None) -> None:
    """With `-v`, say which addresses are not tried. Where all of them are denied, the error says so."""
    refusals = [grant.refusal(address) for address in addresses] if on_attempt else []
    if on_attempt and not all(refusals):
        for denied in filter(None, refusals):
            on_attempt(f"left out: {denied.reason}")


def request_of(asked: Request | Grant) -> Request:
    """What was asked for, whether it is granted already or not."""
    return asked.request if isinstance(asked, Grant) else asked
