"""`sockcli tcp -l`: sockcli is the one that is connected to."""

from __future__ import annotations

import signal
import socket
import subprocess

import pytest

from tests.e2e.peers import Background, bytes_of_all_kinds, connect, read_all, read_exactly, reset
from tests.e2e.runner import Sockcli
from tests.servers import program
from tests.waiting import bound_ports, until


@pytest.mark.parametrize("option", ["-l", "--listen"])
def test_one_peer_is_accepted(sockcli: Sockcli, option: str) -> None:
    process = sockcli.start("tcp", option, 0)
    with connect(process.port("tcp")) as peer:
        peer.sendall(b"question")
        assert process.read(8) == b"question"
        process.send(b"answer")
        assert read_exactly(peer, 6) == b"answer"
    result = process.finish()
    assert (result.code, result.out) == (0, b"question")


def test_the_port_is_free_again_once_the_one_peer_is_there(sockcli: Sockcli) -> None:
    process = sockcli.start("tcp", "-l", 0)
    port = process.port("tcp")
    with connect(port) as peer:
        peer.sendall(b"x")
        process.read(1)
        until(lambda: not bound_ports("tcp", process.pid), "the listener to be closed")
        with pytest.raises(ConnectionRefusedError):
            connect(port)


def test_the_end_of_stdin_is_passed_on(sockcli: Sockcli) -> None:
    process = sockcli.start("tcp", "-l", 0)
    process.finish_input(b"from us")
    with connect(process.port("tcp")) as peer:
        assert read_all(peer) == b"from us"
        peer.sendall(b"from them")
    result = process.finish()
    assert (result.code, result.out) == (0, b"from them")


@pytest.mark.parametrize("options", [["-l", "-k"], ["-l", "--keep-open"]])
def test_keep_open_accepts_one_after_the_other(sockcli: Sockcli, options: list[str]) -> None:
    process = sockcli.start("tcp", *options, 0)
    port = process.port("tcp")
    for number in range(3):
        with connect(port) as peer:
            peer.sendall(b"peer %d\n" % number)
            peer.shutdown(socket.SHUT_WR)
            read_all(peer)
        assert process.read_until(b"\n") == b"peer %d\n" % number
    assert process.running()
    process.kill(signal.SIGINT)
    assert process.finish().code == -signal.SIGINT


def test_keep_open_outlives_a_peer_that_breaks_off(sockcli: Sockcli) -> None:
    process = sockcli.start("tcp", "-l", "-k", 0)
    port = process.port("tcp")
    broken = connect(port)
    broken.sendall(b"first\n")
    assert process.read_until(b"\n") == b"first\n"
    reset(broken)
    with connect(port) as peer:
        peer.sendall(b"second\n")
        assert process.read_until(b"\n") == b"second\n"


@pytest.mark.parametrize(
    ("arguments", "reachable", "unreachable"),
    [
        (["0"], "127.0.0.1", "::1"),
        (["127.0.0.1", "0"], "127.0.0.1", "127.0.0.2"),
        (["127.0.0.1:0"], "127.0.0.1", "127.0.0.2"),
        (["0.0.0.0", "0"], "127.0.0.2", "::1"),
        (["::", "0"], "::1", "127.0.0.1"),
        (["[::]:0"], "::1", "127.0.0.1"),
        (["::1", "0"], "::1", "127.0.0.1"),
    ],
)
def test_it_listens_only_where_it_is_told_to(
    sockcli: Sockcli, arguments: list[str], reachable: str, unreachable: str
) -> None:
    process = sockcli.start("tcp", "-l", *arguments)
    port = process.port("tcp")
    with pytest.raises(ConnectionRefusedError):
        connect(port, unreachable)
    with connect(port, reachable) as peer:
        peer.sendall(b"through")
        assert process.read(7) == b"through"


def test_a_port_that_is_taken_is_a_local_fault(sockcli: Sockcli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = sockcli.run("tcp", "-l", taken.getsockname()[1])
    assert result.code == 1
    assert "in use" in result.err


def test_a_port_is_free_for_the_next_run(sockcli: Sockcli) -> None:
    """Though the first run's connection is still remembered by the kernel (TIME_WAIT)."""
    first = sockcli.start("tcp", "-l", 0, stdin=subprocess.DEVNULL)
    port = first.port("tcp")
    with connect(port) as peer:
        read_all(peer)
    assert first.finish().code == 0
    second = sockcli.start("tcp", "-l", port, stdin=subprocess.DEVNULL)
    assert second.port("tcp") == port
    with connect(port) as peer:
        read_all(peer)
    assert second.finish().code == 0


def test_two_runs_cannot_share_a_port(sockcli: Sockcli) -> None:
    """Another's run may not take over half of the connections, as SO_REUSEPORT would allow."""
    port = sockcli.start("tcp", "-l", 0).port("tcp")
    assert sockcli.run("tcp", "-l", port).code == 1


def test_the_deadline_limits_the_wait_for_a_peer(sockcli: Sockcli) -> None:
    result = sockcli.run("tcp", "-l", "--deadline", "0.3", 0)
    assert result.code == 7
    assert result.seconds >= 0.3


@pytest.mark.parametrize(("options", "code"), [(["-z"], 2), (["--retry", "1"], 2)])
def test_options_that_make_no_sense_when_listening(sockcli: Sockcli, options: list[str], code: int) -> None:
    assert sockcli.run("tcp", "-l", *options, 0).code == code


def test_keep_open_without_listening_makes_no_sense(sockcli: Sockcli) -> None:
    assert sockcli.run("tcp", "-k", "127.0.0.1", 9).code == 2


def test_each_netcat_can_be_the_peer(sockcli: Sockcli) -> None:
    for command in (["nc.openbsd", "-N", "127.0.0.1", "{}"], ["socat", "-t9", "-", "TCP:127.0.0.1:{}"]):
        process = sockcli.start("tcp", "-l", 0)
        process.finish_input(b"ours")
        port = process.port("tcp")
        argv = [program(command[0]), *(part.format(port) for part in command[1:])]
        done = subprocess.run(argv, input=b"theirs", capture_output=True, timeout=15)
        assert done.stdout == b"ours"
        result = process.finish()
        assert (result.code, result.out) == (0, b"theirs")


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 2_000_000])
def test_every_size_arrives(sockcli: Sockcli, background: Background, size: int) -> None:
    data = bytes_of_all_kinds(size)
    process = sockcli.start("tcp", "-l", 0, stdin=subprocess.DEVNULL)
    with connect(process.port("tcp")) as peer:

        def send() -> None:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)

        sending = background(send)
        result = process.finish()
        sending.result()
    assert (result.code, result.out) == (0, data)
