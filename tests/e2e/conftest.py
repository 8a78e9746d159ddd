"""The black box, and what stands at its other end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.peers import Background, Listen, Peer
from tests.e2e.runner import Sockcli
from tests.e2e.stage import Stage


@pytest.fixture
def sockcli(tmp_path: Path) -> Iterator[Sockcli]:
    black_box = Sockcli(tmp_path)
    yield black_box
    black_box.close()


@pytest.fixture
def _stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def tcp_peer(_stack: ExitStack) -> Listen:
    """Listens: `tcp_peer()` or `tcp_peer("::1")`."""

    def listen(host: str = "127.0.0.1", port: int = 0) -> Peer:
        return Peer(socket.SOCK_STREAM, host, _stack, port)

    return listen


@pytest.fixture
def udp_peer(_stack: ExitStack) -> Listen:
    """Is bound: `udp_peer()` or `udp_peer("::1")`."""

    def bind(host: str = "127.0.0.1", port: int = 0) -> Peer:
        return Peer(socket.SOCK_DGRAM, host, _stack, port)

    return bind


@pytest.fixture
def background(_stack: ExitStack) -> Background:
    """Runs a function beside the test; its sockets' time limits end it."""
    return _stack.enter_context(ThreadPoolExecutor(4)).submit


@pytest.fixture
def stage(sockcli: Sockcli, _stack: ExitStack, tmp_path: Path) -> Stage:
    return Stage(sockcli, tmp_path / "stage", _stack)
