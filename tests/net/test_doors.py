"""What resolves, binds, sends or connects takes a Grant, and nothing that only looks like one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest

from sockcli.base.endpoint import Address
from sockcli.net import udp
from sockcli.net.bind import BindAddress, bind, bind_first, join
from sockcli.net.listen import listen
from sockcli.net.resolve import resolve
from sockcli.net.system import SYSTEM_NET, Net
from sockcli.net.tcp_connect import dial
from sockcli.policy import Rule
from tests.net.support import address, grant, request


class Lookalike:
    """Has all that a Grant has, and admits everything."""

    request = request("tcp-connect:127.0.0.1:9")
    rule = Rule.parse("tcp-connect")
    source = "nowhere"

    def admit(self, addresses: Iterable[Address]) -> list[Address]:
        return list(addresses)


class NoNet(Net):
    def socket(self, family: int, kind: int) -> socket.socket:  # noqa: ARG002
        raise AssertionError("a socket was opened")


NINE: Final = [address("127.0.0.1:9")]
DOORS: Final[dict[str, Callable[[Any], object]]] = {
    "resolve": lambda fake: resolve(fake, net=NoNet()),
    "dial": lambda fake: dial(fake, NINE, net=NoNet()),
    "udp.connect": lambda fake: udp.connect(fake, NINE, net=NoNet()),
    "listen": lambda fake: listen(fake, NINE, net=NoNet()),
    "udp.receiver": lambda fake: udp.receiver(fake, NINE, net=NoNet()),
    "bind_first": lambda fake: bind_first(fake, NINE, socket.SOCK_STREAM, NoNet()),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("fake", [Lookalike(), request("tcp-connect:127.0.0.1:9"), None])
def test_what_is_no_grant_opens_nothing(door: Callable[[Any], object], fake: Any) -> None:
    with pytest.raises(TypeError, match="takes a Grant"):
        door(fake)


def test_nor_on_a_socket_that_is_open_already() -> None:
    fake: Any = Lookalike()
    with SYSTEM_NET.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with pytest.raises(TypeError, match="takes a Grant"):
            bind(sock, BindAddress(address("127.0.0.1:9"), fake))
        with pytest.raises(TypeError, match="takes a Grant"):
            join(sock, fake)
        receiver = udp.UdpReceiver(sock, grant("udp-bind:127.0.0.1:9"))
        with pytest.raises(TypeError, match="takes a Grant"):
            receiver.send_to(memoryview(b"x"), NINE[0], fake)
