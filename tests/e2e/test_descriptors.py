"""stdin and stdout in every kind they come in: what they are changes nothing, and they are left as they were."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.peers import Background, Listen, bytes_of_all_kinds, read_all, read_exactly
from tests.e2e.runner import Sockcli
from tests.waiting import until


def test_nonblocking_stdin_is_not_at_its_end(sockcli: Sockcli, tcp_peer: Listen) -> None:
    """The parent may have set it, for the description is shared; so it must also be as before afterwards."""
    peer = tcp_peer()
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as ours, open(write_end, "wb", buffering=0) as feeder:
        os.set_blocking(ours.fileno(), False)
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=ours)
        connection = peer.accept()
        for word in (b"first", b"second"):
            # The empty pipe is polled between the two.
            feeder.write(word)
            assert read_exactly(connection, len(word)) == word
        feeder.close()
        assert read_all(connection) == b""
        connection.close()
        assert process.finish().code == 0
        assert fcntl.fcntl(ours, fcntl.F_GETFL) & os.O_NONBLOCK


def test_nonblocking_stdout_that_is_full_is_waited_for(
    sockcli: Sockcli, tcp_peer: Listen, background: Background
) -> None:
    data = bytes_of_all_kinds(1_000_000)
    peer = tcp_peer()
    read_end, write_end = os.pipe()
    with open(read_end, "rb", buffering=0) as reader, open(write_end, "wb") as stdout:
        os.set_blocking(stdout.fileno(), False)
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdout=stdout)
        connection = peer.accept()

        def send() -> None:
            connection.sendall(data)
            connection.close()

        sending = background(send)
        until(lambda: not process.moves(), "the pipe to be full")
        received = b""
        while len(received) < len(data):
            received += reader.read(65_536)
        sending.result()
        assert process.finish().code == 0
        assert received == data
        assert fcntl.fcntl(stdout, fcntl.F_GETFL) & os.O_NONBLOCK


def test_the_descriptions_of_blocking_pipes_stay_blocking(sockcli: Sockcli, tcp_peer: Listen) -> None:
    """O_NONBLOCK on them would be seen by the shell and by every other program that has them."""
    peer = tcp_peer()
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    with (
        open(in_read, "rb") as stdin,
        open(in_write, "wb", buffering=0) as feeder,
        open(out_read, "rb", buffering=0) as reader,
        open(out_write, "wb") as stdout,
    ):
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=stdin, stdout=stdout)
        connection = peer.accept()
        feeder.write(b"x")
        read_exactly(connection, 1)
        connection.sendall(b"y")
        assert reader.read(1) == b"y"
        # While it runs and after it.
        assert os.get_blocking(stdin.fileno())
        assert os.get_blocking(stdout.fileno())
        connection.close()
        assert process.finish().code == 0
        assert os.get_blocking(stdin.fileno())
        assert os.get_blocking(stdout.fileno())


def test_a_file_is_read_from_where_it_stands(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"header:" + b"rest" * 100_000)
    peer = tcp_peer()
    with (tmp_path / "input").open("rb", buffering=0) as stdin:
        assert stdin.read(7) == b"header:"
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=stdin)
        connection = peer.accept()
        assert read_all(connection) == b"rest" * 100_000
        connection.close()
        assert process.finish().code == 0
        # The position is shared: the next reader goes on behind what was sent.
        assert stdin.read() == b""


def test_a_file_is_written_from_where_it_stands(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
    peer = tcp_peer()
    with (tmp_path / "output").open("wb", buffering=0) as stdout:
        stdout.write(b"header:")
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdout=stdout)
        connection = peer.accept()
        connection.sendall(b"body")
        connection.close()
        assert process.finish().code == 0
        stdout.write(b":end")
    assert (tmp_path / "output").read_bytes() == b"header:body:end"


def test_dev_null_is_empty(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    connection = peer.accept()
    assert read_all(connection) == b""
    connection.sendall(b"into the void")
    connection.close()
    assert process.finish().code == 0


@pytest.mark.parametrize("command", ["tcp", "udp"])
def test_a_directory_as_stdin_is_an_error(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path, command: str) -> None:
    peer = tcp_peer()
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        process = sockcli.start(command, "127.0.0.1", peer.port, stdin=directory)
        result = process.finish()
    finally:
        os.close(directory)
    assert result.code == 1
    assert "directory" in result.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_descriptors_at_the_start(sockcli: Sockcli, tcp_peer: Listen, closed: str) -> None:
    """The socket must not become descriptor 0, 1 or 2: the peer would get its own bytes, or our messages, back."""
    peer = tcp_peer()
    process = sockcli.start("-v", "tcp", "127.0.0.1", peer.port, before=["sh", "-c", f'exec "$@" {closed}', "sh"])
    process.finish_input(b"input") if "<" not in closed else None
    connection = peer.accept()
    connection.sendall(b"from the peer")
    connection.shutdown(socket.SHUT_WR)
    assert read_all(connection) == (b"" if "<" in closed else b"input")
    result = process.finish()
    assert result.code == 0
    assert result.out == (b"" if ">&-" in closed.replace("2>&-", "") else b"from the peer")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_and_an_error(sockcli: Sockcli, closed: str) -> None:
    result = sockcli.start("tcp", "127.1", "80", before=["sh", "-c", f'exec "$@" {closed}', "sh"]).finish()
    assert (result.code, result.out) == (2, b"")
    assert "Traceback" not in result.err
