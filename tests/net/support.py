"""What the network tests share: grants without a manifest file, and a network with a clock of its own."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

from sockcli.base.deadline import Deadline
from sockcli.base.endpoint import Address, Host, Operation, parse_port, split_target
from sockcli.base.poller import READABLE, WRITABLE, Interrupt, wait
from sockcli.net import udp
from sockcli.net.sockaddr import from_sockaddr, to_sockaddr
from sockcli.net.stream import TcpTransport
from sockcli.net.system import Net, SockAddr
from sockcli.net.tcp_connect import dial
from sockcli.net.transport import WANT_WRITE, NotReady, Transport
from sockcli.net.udp import UdpTransport
from sockcli.policy import Effect, Grant, PlacedRule, Policy, Request, Rule
from tests.waiting import PATIENCE

LOOPBACK: Final = ("127.0.0.1", "::1")


def policy(*allow: str, deny: Iterable[str] = ()) -> Policy:
    rules = [PlacedRule(Rule.parse(text), Effect.ALLOW, f"allow[{i}]") for i, text in enumerate(allow)]
    rules += [PlacedRule(Rule.parse(text), Effect.DENY, f"deny[{i}]") for i, text in enumerate(deny)]
    return Policy(rules, manifest="manifest.json")


def request(text: str) -> Request:
    """`tcp-connect:localhost:80`; an IPv6 address stands in brackets."""
    operation, _, target = text.partition(":")
    host, port = split_target(target)
    return Request(Operation(operation), Host.parse(host), parse_port(port))


def grant(text: str, *rules: str) -> Grant:
    """Leave for this request by `rules`, or by the one that is just enough."""
    return policy(*(rules or (text,))).authorize(request(text))


def address(text: str) -> Address:
    host, port = split_target(text)
    return Address(Host.parse(host), parse_port(port))


def open_descriptors() -> set[str]:
    """What this process has open, by number and target."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the descriptor of this very listing
            found.add(f"{entry.name} {entry.readlink()}")
    return {each for each in found if f"/proc/{os.getpid()}/fd" not in each}


class Link(NamedTuple):
    """How an address behaves: after `delay` seconds it gives `code`; None never."""

    delay: float | None
    code: int = 0


DEAD: Final = Link(None)


class FakeSocket:
    """As much of a socket as dial() touches."""

    def __init__(self, net: FakeNet, fd: int, family: int) -> None:
        self.net = net
        self.fd = fd
        self.family = family
        self.closed = False
        self.started = 0.0
        self.link = DEAD
        self.bound: SockAddr | None = None
        self.peer: SockAddr = ("", 0)
        self.type = socket.SOCK_STREAM

    def fileno(self) -> int:
        return -1 if self.closed else self.fd

    def setsockopt(self, *option: int) -> None:
        pass

    def bind(self, local: SockAddr) -> None:
        if local in self.net.taken:
            raise OSError(errno.EADDRINUSE, "")
        self.bound = local

    def connect_ex(self, peer: SockAddr) -> int:
        self.peer = peer
        self.started = self.net.now
        self.net.tried.append((round(self.net.now, 6), peer[0]))
        self.link = self.net.links[peer[0]]
        return self.link.code if self.link.delay == 0 else errno.EINPROGRESS

    @property
    def settled_at(self) -> float:
        return float("inf") if self.link.delay is None else self.started + self.link.delay

    def getsockopt(self, level: int, option: int) -> int:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR)
        return self.link.code

    def getsockname(self) -> SockAddr:
        return self.bound or ("me", self.fd)

    def getpeername(self) -> SockAddr:
        return self.peer

    def close(self) -> None:
        self.closed = True


class FakeNet(Net):
    """A network whose time passes only while somebody waits for it."""

    def __init__(self, links: Mapping[str, Link] | None = None, *, sockets: int = 1000) -> None:
        self.links = links or {}
        self.now = 0.0
        self.left = sockets
        self.made: list[FakeSocket] = []
        self.tried: list[tuple[float, str]] = []
        self.taken: set[SockAddr] = set()
        self.looked_up: list[str] = []

    def clock(self) -> float:
        return self.now

    def socket(self, family: int, kind: int) -> socket.socket:  # noqa: ARG002
        if self.left == 0:
            raise OSError(errno.EMFILE, "")
        self.left -= 1
        made = FakeSocket(self, 1000 + len(self.made), family)
        self.made.append(made)
        return cast(socket.socket, made)

    def getaddrinfo(self, name: str, family: int, kind: int) -> list[tuple[int, SockAddr]]:  # noqa: ARG002
        self.looked_up.append(name)
        raise socket.gaierror(socket.EAI_NONAME, "")

    def wait(self, interest: Iterable[tuple[int, int]], deadline: Deadline, interrupt: Interrupt) -> dict[int, int]:
        interrupt.check()
        waiting = [sock for fd, events in interest for sock in self.made if sock.fd == fd and events == WRITABLE]
        assert not any(sock.closed for sock in waiting), "waits for a closed socket"
        left = deadline.remaining()
        end = min([sock.settled_at for sock in waiting] + [float("inf") if left is None else self.now + left])
        assert end < float("inf"), "would wait for ever"
        self.now = max(self.now, end)
        return {sock.fd: WRITABLE for sock in waiting if sock.settled_at <= self.now}

    def open_sockets(self) -> Iterator[str]:
        """Who the sockets still open are connected to."""
        return (sock.peer[0] for sock in self.made if not sock.closed)


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def readable(end: HasFileno, seconds: float = PATIENCE) -> bool:
    """Wait until there is something to read, or an end or an error."""
    return bool(wait([(end.fileno(), READABLE)], Deadline(seconds)))


def take(transport: Transport) -> bytes | NotReady:
    """What comes next, waited for. Never WOULD_BLOCK."""
    while True:
        data = transport.receive()
        if data is not NotReady.WOULD_BLOCK:
            return data
        assert readable(transport), "nothing came"


def take_all(transport: Transport) -> bytes:
    """Everything up to the end."""
    return b"".join(iter(lambda: _bytes_or_end(take(transport)), b""))


def _bytes_or_end(data: bytes | NotReady) -> bytes:
    return data if isinstance(data, bytes) else b""


def put(transport: Transport, data: bytes) -> None:
    """Send all of it, waiting where need be."""
    view = memoryview(data)
    while view:
        taken = transport.send(view)
        if isinstance(taken, int):
            view = view[taken:]
        else:
            assert wait([(transport.fileno(), transport.interest(WANT_WRITE))], Deadline(PATIENCE)), "nothing taken"


def reset(sock: socket.socket) -> None:
    """Close with a reset instead of an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class TcpPair(NamedTuple):
    """A transport and the plain socket at its other end."""

    transport: TcpTransport
    peer: socket.socket


@contextmanager
def tcp_pair(host: str = "127.0.0.1") -> Iterator[TcpPair]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        where = from_sockaddr(family, server.getsockname())
        leave = grant(f"tcp-connect:{where}")
        sock, address_ = dial(leave, [where])
        peer, _ = server.accept()
    with peer, closing(TcpTransport(sock, leave, address_)) as transport:
        peer.settimeout(PATIENCE)
        yield TcpPair(transport, peer)


class UdpPair(NamedTuple):
    transport: UdpTransport
    peer: socket.socket


@contextmanager
def udp_pair(host: str = "127.0.0.1") -> Iterator[UdpPair]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.bind((host, 0))
        where = from_sockaddr(family, peer.getsockname())
        with closing(udp.connect(grant(f"udp-send-to:{where}"), [where])) as transport:
            peer.connect(to_sockaddr(transport.local))
            peer.settimeout(PATIENCE)
            yield UdpPair(transport, peer)
