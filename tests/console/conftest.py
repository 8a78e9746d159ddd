"""A terminal for each test, with sockcli on it, and peers to talk to."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.console.terminal import SOCKCLI, Terminal, closing
from tests.waiting import PATIENCE

RULES: Final = ["tcp-connect:127.0.0.1:*", "tcp-listen:127.0.0.1:*", "udp-bind:127.0.0.1:*", "udp-send-to:127.0.0.1:*"]

Start = Callable[..., Terminal]


class Peer:
    """A listening socket of the test's, and what connected to it."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.accepted: list[socket.socket] = []

    @property
    def port(self) -> str:
        return str(self._listener.getsockname()[1])

    def accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        self.accepted.append(connection)
        return connection

    def close(self) -> None:
        for each in (*self.accepted, self._listener):
            each.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        peer = Peer(listener)
        yield peer
        peer.close()


@pytest.fixture
def udp_peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.settimeout(PATIENCE)
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What sockcli gets, with a manifest that allows the loopback."""
    manifest = tmp_path / "rules.json"
    manifest.write_text(json.dumps({"permissions": [{"socket": RULES}]}))
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "SOCKCLI_MANIFEST": str(manifest),
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def start(tmp_path: Path, environ: dict[str, str]) -> Iterator[Start]:
    """Start `sockcli` with these arguments on a terminal of its own; `program` is another command."""
    terminals: list[Terminal] = []

    def start(*arguments: str, program: tuple[str, ...] = SOCKCLI, **options: Any) -> Terminal:
        env = {**environ, **options.pop("env", {})}
        terminal = Terminal([*program, *arguments], directory=tmp_path, env=env, **options)
        terminals.append(terminal)
        return terminal

    with closing(terminals):
        yield start


def receive(connection: socket.socket, data: bytes) -> None:
    """What comes next is exactly this."""
    received = b""
    while len(received) < len(data) and data.startswith(received):
        piece = connection.recv(len(data) - len(received))
        assert piece, f"it ended after {received!r}"
        received += piece
    assert received == data
