"""How a TCP run ends: who ends first, what is still moved then, and the limits that end it otherwise."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.peers import (
    Background,
    Listen,
    Peer,
    bytes_of_all_kinds,
    deliver,
    is_open,
    nobody,
    read_all,
    read_exactly,
    reset,
    silence,
)
from tests.e2e.runner import Sockcli, Stream

BINARY = bytes_of_all_kinds(3_000_000)


def test_the_end_of_stdin_is_passed_on_and_what_the_peer_still_sends_is_printed(
    sockcli: Sockcli, tcp_peer: Listen
) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    process.send(b"question\n")
    process.end_input()
    connection = peer.accept()
    assert read_all(connection) == b"question\n"
    connection.sendall(b"late answer")
    connection.close()
    result = process.finish()
    assert (result.code, result.out, result.err) == (0, b"late answer", "")


def test_the_peers_end_ends_the_run_though_stdin_stays_open(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"goodbye\n")
    connection.close()
    result = process.finish()
    assert (result.code, result.out, result.err) == (0, b"goodbye\n", "")


def test_input_that_is_there_at_the_peers_end_is_still_sent(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    waiting = bytes_of_all_kinds(60_000)
    process.send(waiting)
    connection = peer.accept()
    connection.shutdown(socket.SHUT_WR)
    assert read_all(connection) == waiting
    assert process.finish().code == 0


def test_a_file_is_sent_whole_though_the_peer_ended_its_side_first(
    sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path
) -> None:
    (tmp_path / "input").write_bytes(BINARY)
    peer = tcp_peer()
    with (tmp_path / "input").open("rb") as stdin:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=stdin)
    connection = peer.accept()
    connection.shutdown(socket.SHUT_WR)
    assert read_all(connection) == BINARY
    assert process.finish().code == 0


def test_a_peer_that_does_not_take_what_is_left_is_an_error_that_says_how_much(
    sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path
) -> None:
    (tmp_path / "input").write_bytes(bytes(30_000_000))  # more than the kernel's buffers hold
    peer = tcp_peer()
    with (tmp_path / "input").open("rb") as stdin:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=stdin)
    connection = peer.accept()
    connection.sendall(b"enough")
    connection.shutdown(socket.SHUT_WR)
    assert process.read(6) == b"enough"
    reset(connection)
    result = process.finish()
    assert result.code == 6
    assert "sockcli: error:" in result.err
    assert any(character.isdigit() for character in result.err)
    assert "bytes" in result.err


def test_no_shutdown_keeps_our_side_open(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--no-shutdown", "127.0.0.1", peer.port, stdin=subprocess.DEVNULL)
    connection = peer.accept()
    connection.sendall(b"still there?")
    assert process.read(12) == b"still there?"
    assert is_open(connection)
    connection.close()
    assert process.finish().code == 0


def test_linger_is_the_limit_after_stdin_ended(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--linger", "0.3", "127.0.0.1", peer.port, stdin=subprocess.DEVNULL)
    connection = peer.accept()
    connection.sendall(b"part of the answer")
    result = process.finish()
    assert (result.code, result.out) == (7, b"part of the answer")
    assert result.seconds >= 0.3
    assert "sockcli: error:" in result.err


def test_linger_does_not_count_while_stdin_is_open(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--linger", "0.05", "--idle-timeout", "0.4", "127.0.0.1", peer.port)
    peer.accept()
    # Only the other limit can end this.
    assert process.finish().seconds >= 0.4


def test_a_peer_that_ends_within_linger_is_no_error(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--linger", "10", "127.0.0.1", peer.port, stdin=subprocess.DEVNULL)
    peer.accept().close()
    assert process.finish().code == 0


def test_send_only_leaves_when_the_peer_has_acknowledged_all(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--send-only", "127.0.0.1", peer.port)
    connection = peer.accept()
    process.send(b"all of it")
    process.end_input()
    # The peer neither reads nor ends.
    result = process.finish()
    assert (result.code, result.out) == (0, b"")
    assert read_all(connection) == b"all of it"


def test_send_only_reads_and_drops_what_the_peer_sends(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--send-only", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(bytes(20_000_000))  # would block if it were not read
    result = process.finish(b"end")
    assert (result.code, result.out) == (0, b"")
    assert read_all(connection) == b"end"


def test_send_only_leaves_when_the_peer_closes(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--send-only", "127.0.0.1", peer.port)
    peer.accept().close()
    assert process.finish().code == 0


def test_recv_only_never_reads_stdin(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as ours, open(write_end, "wb", buffering=0) as writer:
        writer.write(b"for somebody else")
        process = sockcli.start("tcp", "--recv-only", "127.0.0.1", peer.port, stdin=ours)
        connection = peer.accept()
        connection.sendall(b"news")
        assert process.read(4) == b"news"
        connection.shutdown(socket.SHUT_WR)
        result = process.finish()
        assert (result.code, result.out) == (0, b"news")
        assert read_all(connection) == b""
        writer.close()
        assert ours.read() == b"for somebody else"


def test_recv_only_does_not_end_with_stdin(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--recv-only", "127.0.0.1", peer.port, stdin=subprocess.DEVNULL)
    connection = peer.accept()
    connection.sendall(b"1")
    assert process.read(1) == b"1"
    connection.sendall(b"2")
    connection.close()
    result = process.finish()
    assert (result.code, result.out) == (0, b"12")


def test_an_idle_connection_times_out(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--idle-timeout", "0.3", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"one word")
    result = process.finish()
    assert (result.code, result.out) == (7, b"one word")
    assert result.seconds >= 0.3


@pytest.mark.parametrize("sender", ["peer", "stdin"])
def test_each_byte_either_way_starts_the_idle_time_anew(sockcli: Sockcli, tcp_peer: Listen, sender: str) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--idle-timeout", "1", "127.0.0.1", peer.port)
    connection = peer.accept()
    for _ in range(3):  # 1.2 s in all, more than the limit
        assert process.running()
        time.sleep(0.4)  # it is time itself that is tested
        if sender == "peer":
            connection.sendall(b".")
            process.read(1)
        else:
            process.send(b".")
            read_exactly(connection, 1)
    result = process.finish()
    assert result.code == 7
    assert result.seconds >= 2.2


def test_the_deadline_ends_a_run_that_is_busy(sockcli: Sockcli, tcp_peer: Listen, background: Background) -> None:
    peer = tcp_peer()
    with open("/dev/zero", "rb") as stdin:
        process = sockcli.start("tcp", "--deadline", "0.7", "127.0.0.1", peer.port, stdin=stdin)
    connection = peer.accept()

    def read_on() -> None:
        while connection.recv(1 << 18):
            pass

    reading = background(read_on)
    result = process.finish()
    assert result.code == 7
    assert result.seconds >= 0.7
    reading.exception()  # it may see a reset, as the run did not end by itself


@pytest.mark.parametrize("option", ["--connect-timeout", "--deadline"])
def test_connecting_has_its_limit(sockcli: Sockcli, option: str) -> None:
    with silence() as port:
        result = sockcli.run("tcp", option, "0.4", "127.0.0.1", port)
    assert (result.code, result.out) == (7, b"")
    assert result.seconds >= 0.4
    assert "sockcli: error:" in result.err


def test_a_connect_timeout_does_not_limit_the_connection(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--connect-timeout", "0.3", "--idle-timeout", "0.6", "127.0.0.1", peer.port)
    peer.accept()
    assert process.finish().seconds >= 0.6


def test_refused(sockcli: Sockcli) -> None:
    port = nobody()
    result = sockcli.run("tcp", "127.0.0.1", port)
    assert (result.code, result.out) == (6, b"")
    assert result.err.startswith("sockcli: error: ")
    assert f"127.0.0.1:{port}" in result.err
    assert "refused" in result.err


def test_a_prompt_without_a_newline_appears_at_once_and_an_answer_is_sent_at_once(
    sockcli: Sockcli, tcp_peer: Listen
) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    for prompt, answer in ((b"login: ", b"m"), (b"password: ", b"s3cret"), (b"\x00", b"\xff")):
        connection.sendall(prompt)
        assert process.read(len(prompt)) == prompt
        process.send(answer)
        assert read_exactly(connection, len(answer)) == answer


def test_bytes_are_exact_in_both_directions_at_the_same_time(
    sockcli: Sockcli, tcp_peer: Listen, background: Background, tmp_path: Path
) -> None:
    (tmp_path / "input").write_bytes(BINARY[::-1])
    peer = tcp_peer()
    with (tmp_path / "input").open("rb") as stdin:
        process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=stdin)
    connection = peer.accept()
    sending = background(_send_then_end, connection)
    receiving = background(read_all, connection)
    result = process.finish()
    sending.result()
    assert receiving.result() == BINARY[::-1]
    assert result.out == BINARY
    assert result.code == 0


def _send_then_end(connection: socket.socket) -> None:
    connection.sendall(BINARY)
    connection.shutdown(socket.SHUT_WR)


def _echo(peer: Peer) -> None:
    connection = peer.accept()
    while chunk := connection.recv(1 << 18):
        connection.sendall(chunk)
    connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("stdout", ["file", "append", "pipe", "socket"])
@pytest.mark.parametrize("stdin", ["file", "pipe", "socket"])
def test_bytes_are_exact_whatever_stdin_and_stdout_are(
    sockcli: Sockcli, tcp_peer: Listen, background: Background, tmp_path: Path, stdin: str, stdout: str
) -> None:
    """Some of these can be moved within the kernel and some cannot; nobody may be able to tell."""
    peer = tcp_peer()
    echo = background(_echo, peer)
    (tmp_path / "input").write_bytes(BINARY)
    (tmp_path / "output").write_bytes(b"")
    our_in, their_in = socket.socketpair()
    our_out, their_out = socket.socketpair()
    with (
        (tmp_path / "input").open("rb") as file_in,
        (tmp_path / "output").open("wb") as file_out,
        (tmp_path / "output").open("ab") as file_append,
        our_in,
        our_out,
    ):
        with their_in, their_out:
            sources: dict[str, Stream] = {"file": file_in, "pipe": subprocess.PIPE, "socket": their_in}
            sinks: dict[str, Stream] = {
                "file": file_out,
                "append": file_append,
                "pipe": subprocess.PIPE,
                "socket": their_out,
            }
            process = sockcli.start("tcp", "127.0.0.1", peer.port, stdin=sources[stdin], stdout=sinks[stdout])
        if stdin == "pipe":
            background(process.finish_input, BINARY)
        elif stdin == "socket":
            background(_send_then_end, our_in)
        from_socket = background(read_all, our_out)
        result = process.finish()
        assert result.code == 0, result.err
        echo.result()
        file = (tmp_path / "output").read_bytes()
        written = {"file": file, "append": file, "pipe": result.out, "socket": from_socket.result()}
        assert written[stdout] == BINARY


def test_what_arrives_together_with_the_end_is_not_lost(sockcli: Sockcli, tcp_peer: Listen) -> None:
    """A close with unread data in the kernel would reset the connection and destroy what is on its way."""
    peer = tcp_peer()
    process = sockcli.start("tcp", "--send-only", "127.0.0.1", peer.port)
    connection = peer.accept()
    deliver(connection, b"unread greeting")
    result = process.finish(BINARY[:60_000])
    assert result.code == 0
    assert read_all(connection) == BINARY[:60_000]
