"""Names to addresses: what is looked up, how long for, and what comes of each answer."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from sockcli.base.deadline import NEVER, Deadline
from sockcli.base.endpoint import Operation
from sockcli.errors import Interrupted, LocalFailure, SockcliError, TimedOut, Unresolved, UsageError
from sockcli.net.resolve import resolve
from sockcli.net.system import Net, SockAddr
from sockcli.policy import Request
from tests.net.support import grant, open_descriptors, policy
from tests.waiting import until

NAME = "tcp-connect:printer.test:80"
Answers = list[tuple[int, SockAddr]]


class Resolver(Net):
    """Gives what it is told, and keeps what it was asked."""

    def __init__(self, *answers: str, error: Exception | None = None) -> None:
        self.answers: Answers = [
            (socket.AF_INET6, (text, 0, 0, 0)) if ":" in text else (socket.AF_INET, (text, 0)) for text in answers
        ]
        self.error = error
        self.asked: list[tuple[str, int, int]] = []
        self.environment: dict[str, str] = {}

    def hosts_file(self) -> bytes:
        return b""

    def getaddrinfo(self, name: str, family: int, kind: int) -> Answers:
        self.asked.append((name, family, kind))
        self.environment = dict(os.environ)
        if self.error:
            raise self.error
        return self.answers

    def socket(self, family: int, kind: int) -> socket.socket:  # noqa: ARG002
        raise AssertionError("a lookup opens no socket of ours")


class Hanging(Resolver):
    """Answers only once it is let go."""

    def __init__(self) -> None:
        super().__init__("192.0.2.1")
        self.started = threading.Event()
        self.let_go = threading.Event()
        self.thread = threading.current_thread()

    def getaddrinfo(self, name: str, family: int, kind: int) -> Answers:
        self.thread = threading.current_thread()
        self.started.set()
        self.let_go.wait(10)
        return super().getaddrinfo(name, family, kind)

    def finish(self) -> None:
        self.let_go.set()
        self.started.wait(10)
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    net = Hanging()
    yield net
    net.finish()


def texts(request: str, net: Net, family: int = 0) -> list[str]:
    return [str(each) for each in resolve(grant(request), family=family, net=net)]


@pytest.mark.parametrize(
    ("request_", "family", "expected"),
    [
        ("tcp-connect:192.0.2.1:80", 0, ["192.0.2.1:80"]),
        ("tcp-connect:[2001:db8::1]:80", 6, ["[2001:db8::1]:80"]),
        ("tcp-connect:[::ffff:192.0.2.1]:80", 4, ["192.0.2.1:80"]),
        ("tcp-listen:0.0.0.0:80", 0, ["0.0.0.0:80"]),
        ("tcp-connect:localhost:80", 0, ["[::1]:80", "127.0.0.1:80"]),
        ("tcp-connect:LocalHost.:80", 0, ["[::1]:80", "127.0.0.1:80"]),
        ("tcp-connect:localhost:80", 4, ["127.0.0.1:80"]),
        ("tcp-connect:localhost:80", 6, ["[::1]:80"]),
        ("tcp-listen:localhost:80", 0, ["127.0.0.1:80", "[::1]:80"]),
        ("udp-send-to:localhost:80", 0, ["127.0.0.1:80", "[::1]:80"]),
        ("udp-bind:localhost:80", 6, ["[::1]:80"]),
    ],
)
def test_never_looked_up(request_: str, family: int, expected: list[str]) -> None:
    net = Resolver()
    assert texts(request_, net, family) == expected
    assert not net.asked


@pytest.mark.parametrize(("host", "family"), [("192.0.2.1", 6), ("[2001:db8::1]", 4)])
def test_address_of_the_other_family(host: str, family: int) -> None:
    with pytest.raises(Unresolved, match=f"has no IPv{family} address"):
        texts(f"tcp-connect:{host}:80", Resolver(), family)


def test_who_listens_on_ipv6_is_told_to_name_the_address() -> None:
    """Without a host it is 127.0.0.1, of which nothing was said on the command line."""
    with pytest.raises(Unresolved) as caught:
        texts("tcp-listen:127.0.0.1:80", Resolver(), 6)
    assert caught.value.hint == "name the address to listen on, as ::1"


def test_answers_keep_their_order_and_come_once_in_one_spelling() -> None:
    net = Resolver("2001:db8:0:0::7", "192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7", "2001:db8::7", "192.0.2.8")
    assert texts(NAME, net) == ["[2001:db8::7]:80", "192.0.2.7:80", "192.0.2.8:80"]
    assert net.asked == [("printer.test.", socket.AF_UNSPEC, socket.SOCK_STREAM)]


def test_link_local_answer_keeps_its_interface() -> None:
    net = Resolver()
    net.answers = [(socket.AF_INET6, ("fe80::1", 0, 0, socket.if_nametoindex("lo")))]
    assert texts(NAME, net) == ["[fe80::1%lo]:80"]


def test_family_is_asked_for_and_held() -> None:
    net = Resolver("192.0.2.7", "2001:db8::7", "::ffff:192.0.2.8")
    assert texts(NAME, net, 6) == ["[2001:db8::7]:80"]
    assert net.asked == [("printer.test.", socket.AF_INET6, socket.SOCK_STREAM)]
    with pytest.raises(Unresolved, match="has no IPv6 address"):
        texts(NAME, Resolver("::ffff:192.0.2.8"), 6)


def test_datagrams_are_said_to_be_datagrams() -> None:
    net = Resolver("192.0.2.7")
    texts("udp-send-to:printer.test:53", net)
    assert net.asked[0][2] == socket.SOCK_DGRAM


def test_operation_without_an_address() -> None:
    leave = policy("resolve-host").authorize(Request(Operation.RESOLVE_HOST))
    with pytest.raises(UsageError, match="takes no address"):
        resolve(leave, net=Resolver())


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), Unresolved, "printer.test: no such host name"),
        (socket.gaierror(-5, "x"), Unresolved, "printer.test: the name has no address"),
        (socket.gaierror(-9, "x"), Unresolved, "printer.test: the name has no address"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Unresolved, "temporary failure"),
        (socket.gaierror(socket.EAI_FAIL, "x"), Unresolved, "could not answer"),
        (socket.gaierror(socket.EAI_BADFLAGS, "odd"), Unresolved, "printer.test: odd"),
        (socket.gaierror(socket.EAI_MEMORY, "x"), LocalFailure, "cannot allocate memory"),
        (OSError(errno.EMFILE, "x"), LocalFailure, "too many open files"),
        (OSError(errno.EIO, "x"), Unresolved, "input/output error"),
    ],
)
def test_failures(error: OSError, kind: type[SockcliError], words: str) -> None:
    before = open_descriptors()
    with pytest.raises(kind) as caught:
        texts(NAME, Resolver(error=error))
    assert words in str(caught.value)
    assert "printer.test" in str(caught.value)
    assert not open_descriptors() - before


def test_thread_that_dies_of_a_fault_of_ours_wakes_the_waiter(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    with pytest.raises(Unresolved):
        texts(NAME, Resolver(error=RuntimeError("bug")))
    until(lambda: told, "the thread's end")


@pytest.mark.parametrize("variable", ["LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"])
def test_environment_does_not_redirect(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "evil.test")
    net = Resolver("192.0.2.7")
    texts(NAME, net)
    assert variable not in net.environment


def test_deadline(hanging: Hanging) -> None:
    before = open_descriptors()
    with pytest.raises(TimedOut, match=r"printer\.test: the name lookup took longer than 0\.02 s"):
        resolve(grant(NAME), net=hanging, deadline=Deadline(0.02))
    assert not open_descriptors() - before


def test_late_answer_writes_to_nobody(hanging: Hanging) -> None:
    """The pipe's numbers are somebody else's by then."""
    with pytest.raises(TimedOut):
        resolve(grant(NAME), net=hanging, deadline=Deadline(0))
    ends = [os.pipe() for _ in range(4)]
    hanging.finish()
    for reader, writer in ends:
        os.set_blocking(reader, False)
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
        os.close(reader)
        os.close(writer)


def test_interrupted_at_once(hanging: Hanging) -> None:
    """By its own descriptor, as signals do it: no deadline ends the wait."""

    class Pipe:
        def __init__(self) -> None:
            self.ends = os.pipe()
            self.done = False

        def fileno(self) -> int:
            return self.ends[0]

        def check(self) -> None:
            if self.done:
                raise Interrupted(signal.SIGINT)

        def trigger(self) -> None:
            hanging.started.wait(10)
            self.done = True
            os.write(self.ends[1], b"\0")

    pipe = Pipe()
    trigger = threading.Thread(target=pipe.trigger)
    trigger.start()
    before = open_descriptors()
    with pytest.raises(Interrupted):
        resolve(grant(NAME), net=hanging, deadline=NEVER, interrupt=pipe)
    assert not open_descriptors() - before
    trigger.join()
    for fd in pipe.ends:
        os.close(fd)


def test_no_thread_and_no_descriptor_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:  # noqa: ARG001
        raise RuntimeError("can't start new thread")

    before = open_descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(LocalFailure, match=r"cannot look printer\.test up"):
            texts(NAME, Resolver())
    assert not open_descriptors() - before

    def full() -> tuple[int, int]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pipe", full)
    with pytest.raises(LocalFailure, match="cannot look"):
        texts(NAME, Resolver())


def test_neither_port_nor_codec_come_near_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """getaddrinfo takes port 65616 as 80, and Python's codec folds other letters into ASCII."""
    asked: list[tuple[object, ...]] = []

    def spy(*arguments: object) -> list[object]:
        asked.append(arguments)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", spy)
    assert Net().getaddrinfo("printer.test", socket.AF_INET, socket.SOCK_STREAM) == []
    assert asked == [(b"printer.test", None, socket.AF_INET, socket.SOCK_STREAM)]


def test_many_lookups_leak_nothing() -> None:
    net = Resolver("192.0.2.7")
    before, threads = open_descriptors(), threading.active_count()
    for _ in range(50):
        texts(NAME, net)
    assert not open_descriptors() - before
    until(lambda: threading.active_count() <= threads, "the threads to end")
