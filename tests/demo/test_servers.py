"""The demo's servers, reached as its tour reaches them: through the engine, by the manifest that they give out."""

from __future__ import annotations

import array
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sockcli import Connection, Denied, Engine, Manifest, TimedOut, Unreachable
from sockcli.base.deadline import NEVER
from sockcli.base.endpoint import Address, Host
from sockcli.base.poller import NO_INTERRUPT
from sockcli.cli.demo import INTRODUCTION
from sockcli.demo import echo
from sockcli.demo.echo import UdpEcho
from sockcli.demo.lines import GOODBYE, HELP, MAX_LINE, answer
from sockcli.demo.script import run
from sockcli.demo.servers import MAX_PEERS, Servers
from sockcli.demo.tour import services, tour
from sockcli.errors import Interrupted, LocalFailure
from sockcli.policy import Rule
from tests.running import Stop
from tests.waiting import PATIENCE, until

PEER = Address(Host.parse("127.0.0.1"), 4000)


@pytest.fixture
def servers() -> Iterator[Servers]:
    with closing(Servers()) as running:
        yield running


@pytest.fixture
def engine(servers: Servers) -> Engine:
    return Engine(Manifest.parse(servers.manifest()).policy)


def reach(engine: Engine, address: Address, operation: str = "tcp-connect") -> Connection:
    return engine.connect(address.host, address.port, operation=operation, timeout=PATIENCE)


def receive_all(connection: Connection) -> bytes:
    data = b""
    while (more := connection.receive(timeout=PATIENCE)) is not None:
        data += more
    return data


# The manifest


def test_the_manifest_allows_the_servers_and_one_wildcard(servers: Servers) -> None:
    policy = Manifest.parse(servers.manifest()).policy
    assert [str(placed.rule) for placed in policy.rules] == [
        f"tcp-connect:{servers.lines}",
        f"tcp-connect:{servers.telnet}",
        f"tcp-connect:{servers.echo}",
        f"udp-send-to:{servers.datagrams}",
        "tcp-connect:*.localhost:443",
    ]


def test_the_wildcard_leads_where_it_may_not(engine: Engine) -> None:
    with pytest.raises(Denied, match=r"localhost leads to ::1 \(loopback\), 127\.0\.0\.1 \(loopback\)") as denied:
        engine.connect("localhost", 443)
    assert denied.value.suggestion is not None
    assert Rule.parse(denied.value.suggestion)


def test_the_tour_and_the_services_reach_only_these_servers(servers: Servers) -> None:
    ports = {str(each.port) for each in (servers.lines, servers.telnet, servers.echo, servers.datagrams)}
    commands = [step.command.replace(":", " ").split() for step in (*tour(servers), *services(servers))]
    used = {word for words in commands for at, word in enumerate(words) if words[at - 1] == "127.0.0.1"}
    assert used == {*ports, "22"}


def test_the_tours_words_fit_a_narrow_terminal(servers: Servers) -> None:
    lines = [f"# {step.shows}" for step in (*tour(servers), *services(servers))] + INTRODUCTION.splitlines()
    assert [line for line in lines if len(line) >= 80] == []


# The line service


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("hello", "hello, world"),
        ("hello you all", "hello, you all"),
        ("upper straße", "STRASSE"),
        ("sum 1 -2 30", "29"),
        ("sum", "0"),
        ("sum 1 x", "sum takes whole numbers"),
        ("sum ٣", "sum takes whole numbers"),
        ("sum " + "9" * 1000, "sum takes whole numbers"),
        ("quit", GOODBYE),
        ("", HELP),
        ("HELLO", HELP),
    ],
)
def test_the_line_services_answers(line: str, reply: str) -> None:
    assert answer(line) == reply


def test_the_line_service_answers_each_line_until_quit(servers: Servers, engine: Engine) -> None:
    with reach(engine, servers.lines) as connection:
        connection.send_all(b"hello a\r\nup")
        connection.send_all(b"per b\nquit\nhello c\n")
        banner, *replies = receive_all(connection).decode().split("\r\n")
    assert banner.startswith("sockcli demo service")
    assert replies == ["hello, a", "B", GOODBYE, ""]


def test_a_line_without_end_is_cut_short(servers: Servers, engine: Engine) -> None:
    with reach(engine, servers.lines) as connection:
        connection.send_all(b"upper " + b"x" * (1 << 20) + b"\nquit\n")
        _, shout, _, _ = receive_all(connection).decode().split("\r\n")
    assert shout == "X" * len(shout)
    assert len(shout) <= MAX_LINE


def test_a_line_without_end_takes_no_memory(servers: Servers, engine: Engine) -> None:
    with reach(engine, servers.lines) as connection:
        tracemalloc.start()
        try:
            for _ in range(256):
                connection.send_all(b"x" * 65_536)
            connection.send_all(b"\nquit\n")
            receive_all(connection)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2 << 20  # of 16 MiB


def test_the_line_service_sees_its_peers_end(servers: Servers, engine: Engine) -> None:
    with reach(engine, servers.lines) as connection:
        connection.send_all(b"hello a\nunfinished")
        connection.send_eof()
        assert receive_all(connection).endswith(b"\r\nhello, a\r\n")


# The echoes


def test_the_echo_gives_back_every_byte(servers: Servers, engine: Engine) -> None:
    data = array.array("I", range(1 << 20)).tobytes()
    with reach(engine, servers.echo) as connection:

        def send() -> None:
            connection.send_all(data)
            connection.send_eof()

        sender = threading.Thread(target=send)
        sender.start()
        assert receive_all(connection) == data
        sender.join()


def test_datagrams_come_back_whole(servers: Servers, engine: Engine) -> None:
    with reach(engine, servers.datagrams, "udp-send-to") as connection:
        for data in (b"", b"hello", bytes(60_000)):
            connection.send(data)
            assert connection.receive(timeout=PATIENCE) == data


def test_a_datagram_is_lost_as_often_as_it_asks_to_be(servers: Servers, engine: Engine) -> None:
    with reach(engine, servers.datagrams, "udp-send-to") as connection:
        for _ in range(2):  # and then it starts again
            for _ in range(2):
                connection.send(b"lose 2 of these")
                connection.send(b"marker")
                assert connection.receive(timeout=PATIENCE) == b"marker"
            connection.send(b"lose 2 of these")
            assert connection.receive(timeout=PATIENCE) == b"lose 2 of these"


def test_a_delayed_reply_lets_others_pass(servers: Servers, engine: Engine) -> None:
    with reach(engine, servers.datagrams, "udp-send-to") as connection:
        connection.send(b"delay 0.05 this")
        connection.send(b"that")
        assert connection.receive(timeout=PATIENCE) == b"that"
        assert connection.receive(timeout=PATIENCE) == b"delay 0.05 this"


def test_each_peer_loses_its_own() -> None:
    udp = UdpEcho()
    other = PEER._replace(port=4001)
    udp.take(b"lose 1 x", PEER)
    udp.take(b"lose 1 x", other)
    assert udp.due() == []
    udp.take(b"lose 1 x", other)
    assert udp.due() == [(b"lose 1 x", other)]
    assert udp.due() == []


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, "MAX_WAITING", 3)
    udp = UdpEcho()
    for number in range(5):
        udp.take(b"at once %d" % number, PEER)
        udp.take(b"lose 1 %d" % number, PEER)
    assert [data for data, _ in udp.due()] == [b"at once %d" % number for number in (2, 3, 4)]
    udp.take(b"lose 1 0", PEER)  # forgotten, so it is lost once more
    udp.take(b"lose 1 4", PEER)
    assert [data for data, _ in udp.due()] == [b"lose 1 4"]


def test_delays_have_a_limit() -> None:
    udp = UdpEcho()
    assert udp.next_due() is NEVER
    udp.take(b"delay 99 long", PEER)
    assert udp.next_due().seconds == echo.MAX_DELAY
    udp.take(b"delay 0.5 less", PEER)
    assert udp.next_due().seconds == 0.5
    assert udp.due() == []


# All of them


def test_too_many_peers_are_turned_away(servers: Servers, engine: Engine) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_PEERS):
            peer = stack.enter_context(reach(engine, servers.echo))
            peer.send(b"x")
            assert peer.receive(timeout=PATIENCE) == b"x"
        with reach(engine, servers.echo) as late:
            assert late.receive(timeout=PATIENCE) is None

    def served() -> bool:
        with reach(engine, servers.echo) as connection:
            try:
                connection.send(b"y")
                return connection.receive(timeout=PATIENCE) == b"y"
            except Unreachable:
                return False

    until(served, "room for another peer")


def test_closing_ends_the_peers_as_well() -> None:
    servers = Servers()
    engine = Engine(Manifest.parse(servers.manifest()).policy)
    with reach(engine, servers.lines) as talking, reach(engine, servers.echo) as flooding:
        with pytest.raises(TimedOut):  # it takes nothing back, so the server waits to send
            flooding.send_all(bytes(1 << 26), timeout=0.3)
        assert talking.receive(timeout=PATIENCE) is not None
        servers.close()
        assert talking.receive(timeout=PATIENCE) is None
        with pytest.raises(Unreachable):
            reach(engine, servers.lines)


# What the tour runs


def test_a_step_gives_what_it_prints_in_order_and_how_it_ends() -> None:
    done = run("echo one; echo two >&2; cat; printf three; exit 7", NO_INTERRUPT)
    assert done == (7, "one\ntwo\nthree")


def lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(") ")[2][0] != "Z"


def test_a_step_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(LocalFailure, match=r"within 0\.5 s"):
        run(f"sleep 3600 & echo $! $$ > {pids}; sleep 3600 | sleep 3600", NO_INTERRUPT, limit=0.5)
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    until(lambda: not any(map(lives, started)), "both to be gone")


def test_an_interrupt_ends_a_step() -> None:
    stop = Stop()
    with closing(stop):
        threading.Timer(0.05, stop.stop).start()
        with pytest.raises(Interrupted):
            run("sleep 3600 | sleep 3600", stop)
