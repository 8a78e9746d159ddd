"""A route of several hops: all are authorized before any is opened, each over the one before, and none is left open."""

from __future__ import annotations

import pytest

from sockcli.base.connect_options import DialOptions
from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Address
from sockcli.base.poller import NO_INTERRUPT
from sockcli.errors import Denied, SockcliError, Unreachable
from sockcli.net.route import ConnectHop, OpenHop, Route
from sockcli.net.transport import CHUNK, Events, NotReady, Transport
from sockcli.policy import Grant, Policy
from tests.net.support import FakeNet, address, policy, request

PROXY = "tcp-connect:proxy.test:1080"
TARGET = "tcp-connect:db.test:5432"


class Pipe:
    """A transport that moves nothing: it knows what it was opened over, and whether it was closed."""

    def __init__(self, grant: Grant, carrier: Transport | None) -> None:
        self.grant = grant
        self.carrier = carrier
        self.closed = 0

    @property
    def peer(self) -> Address:
        return address("192.0.2.1:1")

    local = peer

    def fileno(self) -> int:
        return -1

    def receive(self, limit: int = CHUNK) -> bytes | NotReady:  # noqa: ARG002
        return NotReady.WOULD_BLOCK

    def send(self, data: memoryview) -> int | NotReady:  # noqa: ARG002
        return NotReady.WOULD_BLOCK

    def pending(self) -> bool:
        return False

    def interest(self, want: Events) -> Events:
        return want

    def send_eof(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


class ViaHop:
    """A hop of a kind that the engine has never heard of, as a proxy's."""

    def __init__(self, target: str, log: list[str], error: SockcliError | None = None) -> None:
        self.target = target
        self.log = log
        self.error = error
        self.opened: list[Pipe] = []

    def authorize(self, policy: Policy) -> OpenHop[Pipe]:
        self.log.append(f"authorize {self.target}")
        grant = policy.authorize(request(self.target))

        def open_hop(carrier: Transport | None, deadline: Deadline) -> Pipe:
            assert deadline is NEVER
            self.log.append(f"open {self.target}")
            if self.error:
                raise self.error
            self.opened.append(Pipe(grant, carrier))
            return self.opened[-1]

        return open_hop


def test_all_hops_are_authorized_before_the_first_is_opened_and_each_is_opened_over_the_one_before() -> None:
    log: list[str] = []
    proxy, target = ViaHop(PROXY, log), ViaHop(TARGET, log)
    end = Route(target, (proxy,)).authorize(policy(PROXY, TARGET))(NEVER)
    assert log == [f"{verb} {hop}" for verb in ("authorize", "open") for hop in (PROXY, TARGET)]
    assert end.carrier is proxy.opened[0]
    assert end.carrier.carrier is None
    assert [end.closed, proxy.opened[0].closed] == [0, 0]


def test_a_target_that_is_denied_is_denied_before_the_first_packet_to_the_proxy() -> None:
    net = FakeNet({})
    proxy = ConnectHop(request(PROXY), DialOptions(), net, NO_INTERRUPT)
    with pytest.raises(Denied, match=r"db\.test"):
        Route(ViaHop(TARGET, []), (proxy,)).authorize(policy(PROXY))
    assert (net.looked_up, net.tried) == ([], [])


def test_a_hop_that_fails_closes_those_before_it() -> None:
    proxy, target = ViaHop(PROXY, []), ViaHop(TARGET, [], Unreachable("the proxy said no"))
    open_all = Route(target, (proxy,)).authorize(policy(PROXY, TARGET))
    for _ in range(2):  # and it can be tried again
        with pytest.raises(Unreachable):
            open_all(NEVER)
    assert [pipe.closed for pipe in proxy.opened] == [1, 1]
