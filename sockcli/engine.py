"""The only way to get a Transport, a TcpListener or a UdpReceiver.

The order is always the same: authorize, resolve, admit, then open. All hops of a route (`sockcli.net.route`) are
authorized before the first lookup, and what opens a socket takes the Grant and admits the addresses itself, so that
no path can forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from sockcli.base.connect_options import CONNECT_TIMEOUT, DialOptions, ListenOptions
from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address, Host, Operation
from sockcli.base.poller import NO_INTERRUPT, Interrupt
from sockcli.errors import Denied, SockcliError, TimedOut, Unreachable, Unresolved
from sockcli.net.resolve import resolve
from sockcli.net.route import BindHop, ConnectHop, ListenHop, Route, request_of
from sockcli.net.system import SYSTEM_NET, Net
from sockcli.net.transport import Transport
from sockcli.policy import Grant, GrantEnd, Policy, Request

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


@contextmanager
def failure_told(asked: Request | Grant) -> Iterator[None]:
    """Tell the policy's observer where what it allowed cannot be opened: nobody else will have an end to tell of."""
    try:
        yield
    except SockcliError as exc:
        if isinstance(asked, Grant):
            asked.ended(GrantEnd(None, 0, 0, exc.exit_code))
        raise


class Engine:
    """Opens what its policy allows. That is no boundary for code in the same process, which can do without an Engine.

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
        asked = self._ask(request, Operation.TCP_CONNECT, Operation.UDP_SEND_TO)
        route = Route(ConnectHop(asked, options, self._net, self._interrupt))
        with failure_told(asked):
            return self._persist(route.authorize(self.policy), options)

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
        request = Request(Operation(operation), target, port)
        return Connection(self.open(request, DialOptions(connect_timeout=timeout)), self._interrupt)

    def listen(self, request: Request | Grant, options: ListenOptions = _LISTEN) -> TcpListener:
        """Listen for TCP connections. Raises Denied, Unresolved, TimedOut, LocalFailure, UsageError, Interrupted."""
        asked = self._ask(request, Operation.TCP_LISTEN)
        route = Route(ListenHop(asked, options, self._net, self._interrupt))
        with failure_told(asked):
            return route.authorize(self.policy)(options.deadline)

    def bind(self, request: Request | Grant, options: ListenOptions = _LISTEN) -> UdpReceiver:
        """Receive datagrams from anyone; a multicast group is joined for that. Raises what listen() does."""
        asked = self._ask(request, Operation.UDP_BIND)
        route = Route(BindHop(asked, options, self._net, self._interrupt))
        with failure_told(asked):
            return route.authorize(self.policy)(options.deadline)

    def resolve(self, request: Request | Grant, *, family: int = 0, deadline: Deadline = NEVER) -> list[Answer]:
        """Every address that an allowed host leads to, and whether it may be used. Opens no connection.

        Raises Denied where the request itself is, Unresolved, TimedOut, UsageError, Interrupted.
        """
        grant = self.policy.authorize(request)
        addresses = resolve(grant, family=family, net=self._net, deadline=deadline, interrupt=self._interrupt)
        return [Answer(address, grant.refusal(address)) for address in addresses]

    def _ask(self, request: Request | Grant, *operations: Operation) -> Request | Grant:
        """A Grant for one of `operations`; any other request as it is, for the hop to refuse. Raises Denied."""
        return self.policy.authorize(request) if request_of(request).operation in operations else request

    def _persist(self, attempt: Callable[[Deadline], Transport], options: DialOptions) -> Transport:
        """Attempt it, and up to `options.retry` times again after a failure that may pass."""
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
