"""The demo's loopback servers, and the manifest that allows them and nothing else.

They get their sockets from the same engine as everything else, by a policy that lets them listen on 127.0.0.1 only.
Each server has one thread, and each of its peers another; a pipe that closes ends all of their waits.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from sockcli.clock import NEVER, Deadline
from sockcli.connection import Connection
from sockcli.endpoint import Address, Host, Operation
from sockcli.engine import Engine
from sockcli.errors import SockcliError
from sockcli.net.base import Listener, Signal
from sockcli.net.udp import UdpReceiver
from sockcli.policy import Request
from sockcli.policy.manifest import parse_manifest
from sockcli.wait import READABLE, wait

SERVER_MANIFEST: Final = (
    b'{"permissions": [{"socket": ["tcp-listen:127.0.0.1", "udp-bind:127.0.0.1", "udp-send-to:127.0.0.1"]}]}'
)
LOOPBACK: Final = Host.parse("127.0.0.1")
# A line of the line service; a longer one is no command, and nobody fills the memory with it.
MAX_LINE: Final = 1_024

HELP: Final = "commands: hello [NAME], upper TEXT, sum N…, quit"


class Servers:
    """A line service and an echo on TCP, and an echo on UDP that loses and delays replies on request."""

    def __init__(self) -> None:
        self._policy = parse_manifest(SERVER_MANIFEST, "demo servers")
        engine = Engine(self._policy)
        self._stop_in, self._stop_out = os.pipe()
        self._lines = engine.listen(Request(Operation.TCP_LISTEN, LOOPBACK, 0))
        self._echo = engine.listen(Request(Operation.TCP_LISTEN, LOOPBACK, 0))
        self._datagrams = engine.bind(Request(Operation.UDP_BIND, LOOPBACK, 0))
        self._threads = [
            threading.Thread(target=self._accept, args=(self._lines, serve_lines), daemon=True),
            threading.Thread(target=self._accept, args=(self._echo, serve_echo), daemon=True),
            threading.Thread(target=self._answer, args=(self._datagrams,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def lines(self) -> Address:
        return self._lines.local

    @property
    def echo(self) -> Address:
        return self._echo.local

    @property
    def datagrams(self) -> Address:
        return self._datagrams.local

    def manifest(self) -> str:
        """A manifest that allows these servers, as JSON text; one of its rules leads where it may not."""
        rules = [
            f"tcp-connect:{self.lines}",
            f"tcp-connect:{self.echo}",
            f"udp-send-to:{self.datagrams}",
            # Covers the name localhost, but a wildcard may lead to global addresses only.
            f"tcp-connect:*.localhost:{self.datagrams.port}",
        ]
        return json.dumps({"name": "sockcli demo", "permissions": [{"socket": rules}]}, indent=2) + "\n"

    def close(self) -> None:
        """Stop accepting and answering; peers that are still connected are left to end with the process."""
        os.close(self._stop_out)
        for thread in self._threads:
            thread.join()
        os.close(self._stop_in)
        for end in (self._lines, self._echo, self._datagrams):
            end.close()

    def _readable(self, fd: int, deadline: Deadline = NEVER) -> bool:
        """Wait until `fd` is readable or the deadline passes; False where the servers are to stop."""
        return self._stop_in not in wait([(fd, READABLE), (self._stop_in, READABLE)], deadline)

    def _accept(self, listener: Listener, serve: Callable[[Connection], None]) -> None:
        while self._readable(listener.fileno()):
            transport = listener.accept()
            if not isinstance(transport, Signal):
                threading.Thread(target=_serve, args=(Connection(transport), serve), daemon=True).start()

    def _answer(self, receiver: UdpReceiver) -> None:
        echo = UdpEcho()
        deadline = NEVER
        while self._readable(receiver.fileno(), deadline):
            received = receiver.receive_from()
            if not isinstance(received, Signal):
                echo.take(*received)
            for data, peer in echo.due():
                grant = self._policy.authorize(Request(Operation.UDP_SEND_TO, peer.host, peer.port))
                receiver.send_to(memoryview(data), peer, grant)
            deadline = echo.next_due()


def _serve(connection: Connection, serve: Callable[[Connection], None]) -> None:
    with connection:
        try:
            serve(connection)
        except SockcliError:
            return  # the peer went away: nothing to say to anyone


def serve_echo(connection: Connection) -> None:
    """RFC 862: send back what comes, until the peer's end."""
    for data in connection:
        connection.send_all(data)


def serve_lines(connection: Connection) -> None:
    """A banner, then an answer to each line, until `quit` or the peer's end."""
    connection.send_all(f"sockcli demo service; {HELP}\r\n".encode())
    unread = b""
    for data in connection:
        *lines, unread = (unread + data).split(b"\n")
        for line in lines:
            reply = answer(line.decode("utf-8", "replace").strip())
            connection.send_all(f"{reply}\r\n".encode())
            if reply == GOODBYE:
                return
        unread = unread[:MAX_LINE]


GOODBYE: Final = "goodbye"


def answer(line: str) -> str:
    """The line service's reply to one line."""
    verb, _, rest = line.partition(" ")
    if verb == "hello":
        return f"hello, {rest or 'world'}"
    if verb == "upper":
        return rest.upper()
    if verb == "sum":
        words = rest.split()
        if all(re.fullmatch(r"-?[0-9]{1,15}", word) for word in words):
            return str(sum(map(int, words)))
        return "sum takes whole numbers"
    if verb == "quit":
        return GOODBYE
    return HELP


class Reply(NamedTuple):
    """A datagram to send back, once its time has come."""

    due: Deadline
    data: bytes
    peer: Address


class UdpEcho:
    """Echoes datagrams; `lose N …` is answered only the N+1st time, `delay S …` after S seconds."""

    # More than a tour needs; an oldest entry goes when another comes.
    MAX_WAITING: Final = 256
    MAX_DELAY: Final = 10.0

    def __init__(self) -> None:
        self._lost: dict[tuple[bytes, Address], int] = {}
        self._replies: list[Reply] = []

    def take(self, data: bytes, peer: Address) -> None:
        """A datagram came in."""
        if match := re.match(rb"lose ([0-9]{1,3})\b", data):
            lost = self._lost.get((data, peer), 0)
            if lost < int(match[1]):
                self._lost[data, peer] = lost + 1
                self._trim()
                return
            self._lost.pop((data, peer), None)
        delay = re.match(rb"delay ([0-9]{1,2}(?:\.[0-9]{1,3})?)\b", data)
        seconds = min(float(delay[1]), self.MAX_DELAY) if delay else 0.0
        self._replies.append(Reply(Deadline(seconds), data, peer))
        self._trim()

    def due(self) -> list[tuple[bytes, Address]]:
        """The replies whose time has come, each handed out once."""
        ready = [(reply.data, reply.peer) for reply in self._replies if reply.due.expired]
        self._replies = [reply for reply in self._replies if not reply.due.expired]
        return ready

    def next_due(self) -> Deadline:
        """When the next reply is due."""
        soonest = NEVER
        for reply in self._replies:
            soonest = soonest.earlier(reply.due)
        return soonest

    def _trim(self) -> None:
        del self._replies[: -self.MAX_WAITING]
        while len(self._lost) > self.MAX_WAITING:
            del self._lost[next(iter(self._lost))]
