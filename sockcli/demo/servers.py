"""The demo's servers on the network, and the manifest that allows them and nothing else.

Each server has one thread, and each of its peers another; one pipe ends all of their waits.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Final

from sockcli.base.endpoint import Address, Host, Operation
from sockcli.base.poller import READABLE, wait
from sockcli.connection import Connection
from sockcli.demo.echo import UdpEcho, serve_echo
from sockcli.demo.lines import serve_lines
from sockcli.demo.login import serve_telnet
from sockcli.engine import Engine
from sockcli.errors import Interrupted, SockcliError
from sockcli.net.listen import TcpListener, accept_next
from sockcli.net.transport import NotReady
from sockcli.net.udp import UdpReceiver
from sockcli.policy import Policy, Request
from sockcli.policy.manifest import Manifest

SERVER_MANIFEST: Final = (
    b'{"permissions": [{"socket": ["tcp-listen:127.0.0.1", "udp-bind:127.0.0.1", "udp-send-to:127.0.0.1"]}]}'
)
LOOPBACK: Final = Host.parse("127.0.0.1")
# A tour has one, a person who plays a few; what is over is turned away.
MAX_PEERS: Final = 64

# No rule names an address with this port, so that the wildcard is all that could allow it.
WILDCARD: Final = "tcp-connect:*.localhost:443"

Serve = Callable[[Connection], None]


class Stop:
    """An Interrupt for the servers' threads: from `set` on, every wait ends."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._is_set = False

    def fileno(self) -> int:
        return self._read

    def check(self) -> None:
        if self._is_set:
            raise Interrupted(signal.SIGTERM)

    def set(self) -> None:
        self._is_set = True
        os.write(self._write, b"!")  # nobody reads it: the pipe stays readable for everyone

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class Servers:
    """A line service, a telnet service and an echo on TCP, and an echo on UDP that loses and delays on request."""

    def __init__(self) -> None:
        policy = Manifest.parse(SERVER_MANIFEST, name="demo servers").policy
        self._stop = Stop()
        engine = Engine(policy, interrupt=self._stop)
        listeners = [engine.listen(Request(Operation.TCP_LISTEN, LOOPBACK, 0)) for _ in range(3)]
        receiver = engine.bind(Request(Operation.UDP_BIND, LOOPBACK, 0))
        self.lines, self.telnet, self.echo = (listener.local for listener in listeners)
        self.datagrams = receiver.local
        self._threads = [
            *map(self._accepting, listeners, (serve_lines, serve_telnet, serve_echo)),
            threading.Thread(target=answer_datagrams, args=(receiver, policy, self._stop), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def addresses(self) -> dict[str, Address]:
        """Where each of them is."""
        return {
            "line service": self.lines,
            "telnet service": self.telnet,
            "echo": self.echo,
            "UDP echo": self.datagrams,
        }

    def manifest(self) -> str:
        """A manifest that allows these servers, as JSON text; one of its rules leads where it may not."""
        tcp = [f"{Operation.TCP_CONNECT}:{address}" for address in (self.lines, self.telnet, self.echo)]
        rules = [*tcp, f"{Operation.UDP_SEND_TO}:{self.datagrams}", WILDCARD]
        listed = ",\n  ".join(json.dumps(rule) for rule in rules)
        return f'{{"name": "sockcli demo", "permissions": [{{"socket": [\n  {listed}\n]}}]}}\n'

    def close(self) -> None:
        """End them all, and their peers' connections; again is harmless."""
        if not self._threads:
            return
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._stop.close()

    def _accepting(self, listener: TcpListener, serve: Serve) -> threading.Thread:
        return threading.Thread(target=accept, args=(listener, serve, self._stop), daemon=True)


def accept(listener: TcpListener, serve: Serve, stop: Stop) -> None:
    """Serve each peer on a thread of its own, until `stop`."""
    peers: list[threading.Thread] = []
    with closing(listener), suppress(Interrupted):
        while True:
            connection = Connection(accept_next(listener, patient=True, interrupt=stop), stop)
            peers = [peer for peer in peers if peer.is_alive()]
            if len(peers) >= MAX_PEERS:
                connection.close()
                continue
            peers.append(threading.Thread(target=serve_one, args=(connection, serve), daemon=True))
            peers[-1].start()
    for peer in peers:
        peer.join()


def serve_one(connection: Connection, serve: Serve) -> None:
    # Either the peer went away or the servers stop: there is nothing to say to anyone.
    with connection, suppress(SockcliError):
        serve(connection)


def answer_datagrams(receiver: UdpReceiver, policy: Policy, stop: Stop) -> None:
    """Answer datagrams, until `stop`."""
    echo = UdpEcho()
    with closing(receiver), suppress(Interrupted):
        while True:
            wait([(receiver.fileno(), READABLE)], echo.next_due(), stop)
            with suppress(SockcliError):  # one that cannot be answered is one more that got lost
                received = receiver.receive_from()
                if not isinstance(received, NotReady):
                    echo.take(*received)
            for data, peer in echo.due():
                send_back(receiver, policy, data, peer)


def send_back(receiver: UdpReceiver, policy: Policy, data: bytes, peer: Address) -> None:
    with suppress(SockcliError):
        grant = policy.authorize(Request(Operation.UDP_SEND_TO, peer.host, peer.port))
        receiver.send_to(memoryview(data), peer, grant)
