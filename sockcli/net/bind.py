"""Taking a local address. The Grant that allows it comes with the address."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple, TypeAlias

from sockcli.base.connect_options import LocalAddress
from sockcli.base.endpoint import Address, Host, Operation
from sockcli.errors import Denied, LocalFailure, UsageError
from sockcli.net.os_errors import RAISE_LIMIT, NoDescriptors, lacks_descriptors, reason
from sockcli.net.sockaddr import UNSPECIFIED, af, to_sockaddr
from sockcli.net.system import Net
from sockcli.policy import Grant, Policy, Request, check_grant

_PRIVILEGED_PORTS: Final = 1024
_HINTS: Final = {
    errno.EADDRINUSE: "another program has it (`ss -lnp` shows which): choose another port",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address (`ip address` lists them)",
    errno.EAFNOSUPPORT: "this machine has no IPv6",
}
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class BindAddress(NamedTuple):
    """Where a socket is to be bound; port 0 lets the system choose. `grant` is what allows it."""

    address: Address
    grant: Grant

    def __str__(self) -> str:
        return str(self.address) if self.address.port else str(self.address.host)


# By family, 4 and 6.
BindAddresses: TypeAlias = Mapping[int, BindAddress]
NO_BIND_ADDRESSES: Final[BindAddresses] = {}


def bind_addresses(policy: Policy, grant: Grant, source: LocalAddress | None, family: int) -> BindAddresses:
    """Where to bind before connecting, for each family that is possible and allowed; nothing if the system chooses.

    `family` is 4, 6, or 0 for both. Raises Denied where no family is allowed, UsageError where the source fits neither
    the target nor the family.
    """
    if source is None or (source.host is None and not source.port):
        return NO_BIND_ADDRESSES
    ends: dict[int, BindAddress] = {}
    refusals: list[Denied] = []
    for host in _local_hosts(source, grant.request, family):
        address = Address(host, source.port or 0)
        try:
            ends[address.family] = BindAddress(address, _grant_to_bind(policy, grant, address))
        except Denied as exc:
            refusals.append(exc)
    if refusals and not ends:
        raise refusals[0]
    return ends


def _grant_to_bind(policy: Policy, grant: Grant, address: Address) -> Grant:
    """The grant for binding to `address`. On UDP a port of one's own choice receives, so it takes udp-bind too."""
    if grant.request.operation is Operation.UDP_SEND_TO and address.port:
        return policy.authorize(Request(Operation.UDP_BIND, address.host, address.port))
    return grant


def _local_hosts(source: LocalAddress, target: Request, family: int) -> list[Host]:
    """The addresses that can be meant, one for each family. Raises UsageError where there is none."""
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


def bind(sock: socket.socket, end: BindAddress) -> None:
    """Raises LocalFailure, which names the address and says what to do."""
    if end.address.port and sock.type == socket.SOCK_DGRAM:
        # A grant to send is enough for an ephemeral port only.
        check_grant(end.grant)
        if end.grant.request.operation is not Operation.UDP_BIND:
            raise TypeError(f"{end.grant} does not allow UDP port {end.address.port} to be bound")
        end.grant.admit([end.address])
    try:
        sock.bind(to_sockaddr(end.address))
    except OSError as exc:
        raise cannot_bind(end, exc) from exc


def cannot_bind(end: BindAddress, exc: OSError) -> LocalFailure:
    sentence = f"cannot bind to {end}: {reason(exc)}"
    if lacks_descriptors(exc):
        return NoDescriptors(sentence, hint=RAISE_LIMIT)
    if exc.errno == errno.EACCES and 0 < end.address.port < _PRIVILEGED_PORTS:
        hint = f"ports below {_PRIVILEGED_PORTS} are for root or CAP_NET_BIND_SERVICE: choose a higher one"
        return LocalFailure(sentence, hint=hint)
    return LocalFailure(sentence, hint=_HINTS.get(exc.errno or 0))


def bind_first(grant: Grant, addresses: Sequence[Address], kind: int, net: Net) -> socket.socket:
    """A socket bound to the first of `addresses` that this machine has.

    A port that is taken is not passed over: whoever asks for localhost does not expect to end up on ::1 alone
    because another program has 127.0.0.1. Raises Denied, LocalFailure.
    """
    check_grant(grant)
    failure = LocalFailure(f"{grant.request}: there is no address to bind to")
    for address in grant.admit(addresses):
        end = BindAddress(address, grant)
        try:
            return _bound(end, kind, net)
        except OSError as exc:
            failure = cannot_bind(end, exc)
            failure.__cause__ = exc
            if exc.errno not in _NOT_HERE:
                break
    raise failure


def _bound(end: BindAddress, kind: int, net: Net) -> socket.socket:
    with ExitStack() as undo:
        sock = net.socket(af(end.address.family), kind)
        undo.callback(sock.close)
        if end.address.family == 6:
            # Else `::` takes IPv4 too, which the rule for `::` does not speak of.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            # Not kept from the port by connections of a moment ago. On UDP it would share the port with others, as
            # SO_REUSEPORT would on both.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(to_sockaddr(end.address))
        undo.pop_all()
        return sock


_JOINING: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP),
}


def join(sock: socket.socket, grant: Grant) -> None:
    """Join the multicast group that it is bound to: else nothing sent there arrives. Raises LocalFailure."""
    check_grant(grant)
    if grant.request.operation is not Operation.UDP_MULTICAST_MEMBERSHIP:
        raise TypeError(f"{grant} does not allow a multicast group to be joined")
    group = sock.getsockname()[0]
    level, option = _JOINING[sock.family]
    try:
        # No interface is named: the one that the way to the group leads over.
        sock.setsockopt(level, option, socket.inet_pton(sock.family, group) + bytes(4))
    except OSError as exc:
        hint = "no interface leads to that group (`ip route` shows which could)" if exc.errno == errno.ENODEV else None
        raise LocalFailure(f"cannot join {group}: {reason(exc)}", hint=hint) from exc
