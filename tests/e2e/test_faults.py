"""What goes wrong between two programs: broken connections, full outputs, odd descriptors, floods."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.peers import (
    Background,
    Listen,
    bytes_of_all_kinds,
    deliver,
    digest_all,
    read_all,
    read_exactly,
    reset,
)
from tests.e2e.runner import Sockcli
from tests.waiting import until

MEBIBYTE = 1 << 20
# A buffer of the whole flood, or half of it, is far over this; the interpreter and the program are far under it.
FLAT = 60 * MEBIBYTE


@pytest.mark.parametrize("stdin", ["open", "busy"])
def test_all_that_came_before_a_reset_is_written(sockcli: Sockcli, tcp_peer: Listen, stdin: str) -> None:
    """With busy input it is the send that fails first, and a failed send eats the socket's error."""
    data = bytes_of_all_kinds(200_000)  # more than a pipe holds: some of it is still to be written at the reset
    peer = tcp_peer()
    with open("/dev/zero", "rb") as zeros:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=zeros if stdin == "busy" else subprocess.PIPE)
    connection = peer.accept()
    deliver(connection, data)
    reset(connection)
    result = process.finish()
    assert (result.code, result.out == data) == (6, True)
    assert "sockcli: error:" in result.err
    assert "reset" in result.err or "lost" in result.err or "broken" in result.err


def test_a_peer_that_never_reads_is_not_buffered_for_and_still_heard(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    with open("/dev/zero", "rb") as endless:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=endless)
    connection = peer.accept()
    for number in range(20):  # each answer gives it another chance to read on
        connection.sendall(b"%02d" % number)
        assert process.read(2) == b"%02d" % number
    assert process.peak_memory() < FLAT


def test_input_is_left_where_it_is_while_the_peer_does_not_read(sockcli: Sockcli, tcp_peer: Listen) -> None:
    """Whoever feeds us is slowed down with the peer, as between any two ends of a pipe."""
    peer = tcp_peer()
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as ours, open(write_end, "wb", buffering=0) as feeder:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=ours)
        connection = peer.accept()
        os.set_blocking(feeder.fileno(), False)
        fed = 0
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 0.5:
            written = feeder.write(bytes(65_536)) or 0
            fed += written
            if written:
                quiet_since = time.monotonic()
            else:
                time.sleep(0.01)
            # The kernel's two socket buffers hold some 10 MiB.
            assert fed < 40 * MEBIBYTE
        assert process.peak_memory() < FLAT
        feeder.close()
        received = 0
        while chunk := connection.recv(1 << 18):
            received += len(chunk)
        assert received == fed
        connection.close()
        assert process.finish().code == 0


def test_a_flood_with_a_slow_reader_takes_no_memory(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    size = 256 * MEBIBYTE
    block = bytes_of_all_kinds(MEBIBYTE)
    peer = tcp_peer()
    read_end, write_end = os.pipe()
    with open(read_end, "rb", buffering=0) as reader:
        with open(write_end, "wb") as stdout:
            process = sockcli.start("tcp", "127.0.0.1", peer.port, stdout=stdout)
        connection = peer.accept()

        def flood() -> None:
            for _ in range(size // len(block)):
                connection.sendall(block)

        # Nobody reads at first: the peer has to stop, which the size of its unsent data tells.
        flooding = background(flood)
        until(lambda: not process.moves(), "the relay to wait for its reader")
        expected, actual, left = hashlib.sha256(), hashlib.sha256(), size
        while left:
            chunk = reader.read(1 << 16)
            actual.update(chunk)
            left -= len(chunk)
        flooding.result()
        for _ in range(size // len(block)):
            expected.update(block)
        assert actual.digest() == expected.digest()
        assert process.peak_memory() < FLAT
        connection.close()
        assert process.finish().code == 0


def test_a_flood_of_input_takes_no_memory(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    feeder = subprocess.Popen(["head", "-c", str(256 * MEBIBYTE), "/dev/zero"], stdout=subprocess.PIPE)
    assert feeder.stdout is not None
    with feeder:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=feeder.stdout)
        feeder.stdout.close()
        connection = peer.accept()
        digest = digest_all(connection)
        assert process.peak_memory() < FLAT
    connection.close()
    assert process.finish().code == 0
    assert digest == hashlib.sha256(bytes(256 * MEBIBYTE)).hexdigest()


@pytest.mark.parametrize("options", [["-C"], ["--line-delay", "0.001"], ["--telnet"], ["--log", "/dev/null"]])
def test_a_line_without_an_end_takes_no_memory(sockcli: Sockcli, tcp_peer: Listen, options: list[str]) -> None:
    """Where lines are looked for, or bytes are changed, on their way."""
    peer = tcp_peer()
    with open("/dev/zero", "rb") as endless:
        process = sockcli.start("tcp", *options, "127.0.0.1", peer.port, stdin=endless)
    connection = peer.accept()
    assert read_exactly(connection, 100 * MEBIBYTE) == bytes(100 * MEBIBYTE)
    assert process.peak_memory() < FLAT


@pytest.mark.parametrize("options", [["--json"], ["--telnet"], ["-x", "/dev/null"], ["--recv-only"]])
def test_a_flood_that_is_looked_at_takes_no_memory(
    sockcli: Sockcli, tcp_peer: Listen, background: Background, options: list[str]
) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", *options, "127.0.0.1", peer.port)
    connection = peer.accept()
    data = bytes(64 * MEBIBYTE)
    sending = background(connection.sendall, data)
    until(lambda: not process.moves(), "the relay to wait for its reader")
    with connection:
        process.skip(20 * MEBIBYTE)
        assert process.peak_memory() < FLAT
        process.kill(signal.SIGKILL)
    sending.exception()  # it is cut off


def test_a_flood_of_datagrams_with_a_slow_reader_takes_no_memory(sockcli: Sockcli, udp_peer: Listen) -> None:
    process = sockcli.start("udp", "-l", 0)
    address = ("127.0.0.1", process.port("udp"))
    sender = udp_peer()
    for _ in range(5_000):
        sender.socket.sendto(bytes(60_000), address)
    assert process.peak_memory() < FLAT
    process.kill(signal.SIGTERM)
    assert process.finish().code == -signal.SIGTERM


@pytest.mark.parametrize("command", ["tcp", "udp -l"])
def test_when_stdouts_reader_goes_away_it_stops_quietly(
    sockcli: Sockcli, tcp_peer: Listen, udp_peer: Listen, command: str
) -> None:
    if command == "tcp":
        peer = tcp_peer()
        process = sockcli.start("tcp", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(b"seen")
        assert process.read(4) == b"seen"
        process.close_output()
        connection.sendall(b"unseen")
    else:
        process = sockcli.start("udp", "-q", "-l", 0)
        address = ("127.0.0.1", process.port("udp"))
        process.close_output()
        udp_peer().socket.sendto(b"unseen", address)
    result = process.finish()
    assert result.code in (141, -signal.SIGPIPE)  # the same to a shell
    assert result.err == ""


def test_when_stdouts_reader_goes_away_nobody_waits_for_the_peer(sockcli: Sockcli, tcp_peer: Listen) -> None:
    """`sockcli … | head -1` ends when head does, though the peer says nothing more."""
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"one\n")
    assert process.read_until(b"\n") == b"one\n"
    process.close_output()
    result = process.finish()
    assert result.code in (141, -signal.SIGPIPE)
    assert result.err == ""


@pytest.mark.parametrize("arguments", [["--help"], ["manifest", "show"], ["check", "tcp-connect:a:1"]])
def test_our_own_output_ends_quietly_as_well(sockcli: Sockcli, arguments: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "wb") as stdout:
        process = sockcli.start(*arguments, stdout=stdout)
    result = process.finish()
    assert result.code in (141, -signal.SIGPIPE)
    assert result.err == ""


@pytest.mark.parametrize("command", ["tcp", "udp", "--help", "manifest show"])
def test_a_full_output_is_an_error(sockcli: Sockcli, tcp_peer: Listen, udp_peer: Listen, command: str) -> None:
    with open("/dev/full", "wb") as full:
        if command == "tcp":
            peer = tcp_peer()
            process = sockcli.start("tcp", "127.0.0.1", peer.port, stdout=full)
            peer.accept().sendall(b"too much")
        elif command == "udp":
            peer = udp_peer()
            process = sockcli.start("udp", "-n", "1", "127.0.0.1", peer.port, "x", stdout=full)
            _, address = peer.receive_from()
            peer.socket.sendto(b"too much", address)
        else:
            process = sockcli.start(*command.split(), stdout=full)
    result = process.finish()
    assert result.code == 1
    assert result.err == "sockcli: error: cannot write to stdout: no space left on device\n"


def test_a_record_that_is_full_is_an_error(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--log", "/dev/full", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"kept")
    connection.close()
    result = process.finish()
    assert (result.code, result.out) == (1, b"kept")
    assert "/dev/full" in result.err


@pytest.mark.parametrize("limit", [5, 6, 8])
def test_no_descriptors_left_is_a_clear_error(sockcli: Sockcli, tcp_peer: Listen, limit: int) -> None:
    peer = tcp_peer()
    process = sockcli.start(
        "tcp", "-z", "127.0.0.1", peer.port, before=["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]
    )
    result = process.finish()
    assert result.code in (0, 1)
    assert "Traceback" not in result.err
    if result.code:
        assert "sockcli: error:" in result.err


def test_nothing_is_reported_as_ignored_at_exit(sockcli: Sockcli, tcp_peer: Listen) -> None:
    """Development mode reports every socket and file that nobody closed."""
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port, program=[sys.executable, "-X", "dev", "-m", "sockcli"])
    process.finish_input(b"x")
    connection = peer.accept()
    assert read_all(connection) == b"x"
    connection.close()
    result = process.finish()
    assert (result.code, result.err) == (0, "")


def test_what_came_before_the_peers_end_waits_for_a_slow_reader(sockcli: Sockcli, tcp_peer: Listen) -> None:
    data = bytes_of_all_kinds(180_000)  # in the pipe, and in the socket's buffer
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    deliver(connection, data)
    connection.close()
    until(lambda: not process.moves(), "the pipe to be full")
    result = process.finish()
    assert (result.code, result.out == data) == (0, True)


def test_a_reader_that_takes_nothing_does_not_outlast_the_deadline(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    read_end, write_end = os.pipe()
    with open(read_end, "rb"):
        with open(write_end, "wb") as stdout:
            process = sockcli.start("tcp", "--deadline", "1", "127.0.0.1", peer.port, stdout=stdout)
        deliver(peer.accept(), bytes(180_000))
        result = process.finish()
    assert result.code == 7
    assert result.seconds >= 1


def test_a_file_that_may_not_grow_is_an_error(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
    peer = tcp_peer()
    limited = ["sh", "-c", 'ulimit -f 8; exec "$@"', "sh"]  # of 512 bytes each
    with (tmp_path / "output").open("wb") as stdout:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdout=stdout, before=limited)
    deliver(peer.accept(), bytes(10_000))
    result = process.finish()
    assert result.code == 1
    assert "too large" in result.err
    assert (tmp_path / "output").stat().st_size == 8 * 512


def test_urgent_data_stays_in_its_place(sockcli: Sockcli, tcp_peer: Listen) -> None:
    """TCP calls it out of band; most programs, and RFC 6093, do not."""
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.send(b"be")
    connection.send(b"f", socket.MSG_OOB)
    connection.send(b"ore")
    connection.close()
    assert process.finish().out == b"before"


def test_a_stopped_run_goes_on(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    data = bytes_of_all_kinds(2_000_000)
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    sending = background(connection.sendall, data)
    taken = b""
    for _ in range(5):
        taken += process.read(50_000)
        process.kill(signal.SIGSTOP)
        process.kill(signal.SIGCONT)
        process.kill(signal.SIGWINCH)
    taken += process.read(len(data) - len(taken))
    sending.result()
    connection.close()
    assert process.finish().code == 0
    assert taken == data
