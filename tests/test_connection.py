"""The engine as a library, against real servers on loopback."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator

import pytest

from sockcli import Connection, Denied, Engine, Manifest, SockcliError, TimedOut, Unreachable
from sockcli.endpoint import Host, Operation
from sockcli.policy import Request

WAIT = 10.0  # seconds: far more than anything here takes


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(WAIT)
        yield listening


@pytest.fixture
def engine() -> Engine:
    return Engine(
        Manifest.parse('{"permissions": [{"socket": ["tcp-connect:127.0.0.1", "udp-send-to:127.0.0.1"]}]}').policy
    )


def connect(engine: Engine, server: socket.socket) -> tuple[Connection, socket.socket]:
    request = Request(Operation.TCP_CONNECT, Host.parse("127.0.0.1"), server.getsockname()[1])
    connection = Connection(engine.open(request))
    peer, _ = server.accept()
    peer.settimeout(WAIT)
    return connection, peer


def test_send_says_how_much_was_taken_and_receive_tells_the_end_from_nothing(
    engine: Engine, server: socket.socket
) -> None:
    connection, peer = connect(engine, server)
    with connection, peer:
        assert connection.send(b"hello") == 5
        assert peer.recv(100) == b"hello"
        peer.sendall(b"world")
        assert connection.receive(timeout=WAIT) == b"world"
        with pytest.raises(TimedOut):
            connection.receive(timeout=0.01)
        connection.send_eof()
        assert peer.recv(100) == b""
        peer.sendall(b"rest")
        peer.close()
        assert list(connection) == [b"rest"]
        assert connection.receive(timeout=WAIT) is None


def test_send_all_waits_for_a_peer_that_reads_late(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    data = bytes(range(256)) * 65_536
    with connection, peer:
        with pytest.raises(TimedOut):
            connection.send_all(data, timeout=0.05)
        received = bytearray()

        def read() -> None:
            while chunk := peer.recv(1 << 20):
                received.extend(chunk)

        reader = threading.Thread(target=read)
        reader.start()
        connection.send_all(data, timeout=WAIT)
        connection.send_eof()
        reader.join(WAIT)
    assert received.endswith(data)


def test_a_handler_is_called_with_what_comes_in_and_once_at_the_end(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    got: queue.Queue[bytes] = queue.Queue()
    ended: queue.Queue[SockcliError | None] = queue.Queue()
    with connection, peer:
        connection.on_receive(got.put, ended.put)
        peer.sendall(b"one")
        assert got.get(timeout=WAIT) == b"one"
        peer.sendall(b"two")
        assert got.get(timeout=WAIT) == b"two"
        with pytest.raises(RuntimeError):
            connection.receive()
        peer.close()
        assert ended.get(timeout=WAIT) is None
    assert got.empty()
    assert ended.empty()


def test_a_handler_learns_of_a_reset(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    ended: queue.Queue[SockcliError | None] = queue.Queue()
    with connection:
        connection.on_receive(lambda _: None, ended.put)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        assert isinstance(ended.get(timeout=WAIT), Unreachable)


def test_close_ends_the_handlers_thread_even_from_the_handler(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    ended: queue.Queue[SockcliError | None] = queue.Queue()
    connection.on_receive(lambda _: connection.close(), ended.put)
    with peer:
        peer.sendall(b"x")
        assert ended.get(timeout=WAIT) is None
        assert peer.recv(1) == b""
    connection.close()


def test_datagrams_are_whole_and_an_empty_one_is_no_end(engine: Engine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(WAIT)
        request = Request(Operation.UDP_SEND_TO, Host.parse("127.0.0.1"), peer.getsockname()[1])
        with Connection(engine.open(request)) as connection:
            assert connection.send(b"") == 0
            data, address = peer.recvfrom(100)
            assert data == b""
            peer.sendto(b"", address)
            peer.sendto(b"x" * 60_000, address)
            assert connection.receive(timeout=WAIT) == b""
            assert connection.receive(10, timeout=WAIT) == b"x" * 60_000


def test_what_the_manifest_does_not_allow_is_not_opened(engine: Engine) -> None:
    with pytest.raises(Denied, match=r"127\.0\.0\.2"):
        engine.open(Request(Operation.TCP_CONNECT, Host.parse("127.0.0.2"), 1))


def test_a_limit_is_told_in_the_error(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    with connection, peer, pytest.raises(TimedOut, match=r"within 0.01 s"):
        connection.receive(timeout=0.01)
