"""The engine as a library, against real servers on loopback."""

from __future__ import annotations

import array
import contextlib
import queue
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import sockcli
from sockcli import Connection, Denied, Engine, Manifest, TimedOut, Unreachable, UsageError
from sockcli.base.endpoint import Host
from sockcli.errors import Interrupted
from tests.running import Stop

README = Path(__file__).parent.parent / "README.md"
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
    connection = engine.connect("127.0.0.1", server.getsockname()[1], timeout=WAIT)
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
    ended: queue.Queue[BaseException | None] = queue.Queue()
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
    ended: queue.Queue[BaseException | None] = queue.Queue()
    with connection:
        connection.on_receive(lambda _: None, ended.put)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        assert isinstance(ended.get(timeout=WAIT), Unreachable)


def test_close_ends_the_handlers_thread_even_from_the_handler(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    ended: queue.Queue[BaseException | None] = queue.Queue()
    connection.on_receive(lambda _: connection.close(), ended.put)
    with peer:
        peer.sendall(b"x")
        assert ended.get(timeout=WAIT) is None
        assert peer.recv(1) == b""
    connection.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_a_handler_raises_is_told_at_the_end_and_reported(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    ended: queue.Queue[BaseException | None] = queue.Queue()

    def fail(_data: bytes) -> None:
        raise ZeroDivisionError

    with connection, peer:
        connection.on_receive(fail, ended.put)
        peer.sendall(b"x")
        assert isinstance(ended.get(timeout=WAIT), ZeroDivisionError)
        connection.join(WAIT)
    assert ended.empty()


def test_datagrams_are_whole_and_an_empty_one_is_no_end(engine: Engine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(WAIT)
        with engine.connect("127.0.0.1", peer.getsockname()[1], operation="udp-send-to") as connection:
            assert connection.send(b"") == 0
            data, address = peer.recvfrom(100)
            assert data == b""
            connection.send_all(b"")
            assert peer.recv(100) == b""
            peer.sendto(b"", address)
            peer.sendto(b"x" * 60_000, address)
            assert connection.receive(timeout=WAIT) == b""
            assert connection.receive(10, timeout=WAIT) == b"x" * 60_000


def test_what_the_manifest_does_not_allow_is_not_opened(engine: Engine) -> None:
    with pytest.raises(Denied, match=r"127\.0\.0\.2"):
        engine.connect("127.0.0.2", 1)
    with pytest.raises(Denied, match="localhost"):  # another host than the address that the rule names
        engine.connect(Host.parse("localhost"), 1)


@pytest.mark.parametrize(
    ("host", "port", "operation"),
    [
        ("127.1", 80, "tcp-connect"),
        ("127.0.0.1", 65_536, "tcp-connect"),
        ("127.0.0.1", -1, "tcp-connect"),
        ("127.0.0.1", 0, "tcp-connect"),
        ("127.0.0.1", True, "tcp-connect"),
        ("127.0.0.1", 80, "udp-bind"),
    ],
)
def test_what_is_no_endpoint_is_not_opened(engine: Engine, host: str, port: int, operation: str) -> None:
    with pytest.raises(UsageError):
        engine.connect(host, port, operation=operation)


def test_a_limit_is_told_in_the_error(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    with connection, peer, pytest.raises(TimedOut, match=r"within 0.01 s"):
        connection.receive(timeout=0.01)


def test_a_connection_is_limited_in_time(engine: Engine, server: socket.socket) -> None:
    server.listen(0)
    with contextlib.ExitStack() as queued:
        # Linux queues one more than it is told to; the others are not answered at all.
        for _ in range(4):
            waiting = queued.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        with pytest.raises(TimedOut, match=r"0\.1 s"):
            engine.connect("127.0.0.1", server.getsockname()[1], timeout=0.1)


def test_an_interrupt_ends_a_wait(server: socket.socket) -> None:
    stop = Stop()
    policy = Manifest.parse('{"permissions": [{"socket": ["tcp-connect:127.0.0.1"]}]}').policy
    connection, peer = connect(Engine(policy, interrupt=stop), server)
    with contextlib.closing(stop), connection, peer:
        threading.Timer(0.02, stop.stop).start()
        with pytest.raises(Interrupted):
            connection.receive()
        with pytest.raises(Interrupted):
            connection.send_all(bytes(1 << 24))


def test_any_bytes_can_be_sent(engine: Engine, server: socket.socket) -> None:
    """Also those of an array, which are not one to an item, and more than the kernel takes at once."""
    numbers = memoryview(array.array("I", range(1 << 21)))
    connection, peer = connect(engine, server)
    received = bytearray()

    def read() -> None:
        while len(received) < numbers.nbytes and (data := peer.recv(1 << 20)):
            received.extend(data)

    reader = threading.Thread(target=read)
    with connection, peer:
        reader.start()
        connection.send_all(numbers, timeout=WAIT)
        reader.join(WAIT)
    assert received == numbers.tobytes()


def test_joining_waits_for_the_handlers_last_call(engine: Engine, server: socket.socket) -> None:
    connection, peer = connect(engine, server)
    got: list[bytes] = []
    with connection:
        connection.join()  # there is no handler to wait for
        connection.on_receive(got.append)
        with pytest.raises(TimedOut, match=r"within 0.01 s"):
            connection.join(0.01)
        peer.sendall(b"last")
        peer.close()
        connection.join(WAIT)
        assert got == [b"last"]


def test_every_public_name_is_listed_and_there() -> None:
    """In an interpreter `dir` and completion show them, though they are imported only when first used."""
    assert {"Engine", "Manifest", "Denied"} <= set(dir(sockcli)) == set(sockcli.__all__)
    assert all(getattr(sockcli, name) for name in dir(sockcli))


def test_the_readmes_ten_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Run as they stand, but for the port, against an echo."""
    (example,) = re.findall(r"^## As a library\n.*?^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len([line for line in example.splitlines() if line]) <= 10
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            peer, _ = server.accept()
            with peer:
                while data := peer.recv(1000):
                    peer.sendall(data)

        thread = threading.Thread(target=echo)
        thread.start()
        assert "7007" in example
        exec(compile(example.replace("7007", str(server.getsockname()[1])), "README.md", "exec"), {})
        thread.join(WAIT)
    # What it prints is what its comments say.
    assert capsys.readouterr().out.split("\n")[:-1] == re.findall(r"# prints (.*)$", example, re.MULTILINE)
