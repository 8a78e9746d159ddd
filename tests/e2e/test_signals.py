"""A signal ends a run soon, quietly and with what was received written; an ignored one does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.peers import Listen, bytes_of_all_kinds, deliver, silence
from tests.e2e.runner import Process, Sockcli
from tests.waiting import bound_ports, until

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class TestSignals:
    @pytest.mark.parametrize("signum", SIGNALS)
    def test_it_dies_of_the_signal_with_everything_written(
        self, sockcli: Sockcli, tcp_peer: Listen, signum: signal.Signals
    ) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "127.0.0.1", peer.port)
        connection = peer.accept()
        connection.sendall(b"all of this")
        assert process.read(4) == b"all "
        process.kill(signum)
        result = process.finish()
        assert (result.code, result.out, result.err) == (-signum, b"all of this", "")

    @pytest.mark.parametrize("signum", SIGNALS)
    def test_what_waits_for_a_slow_reader_is_flushed(
        self, sockcli: Sockcli, tcp_peer: Listen, signum: signal.Signals
    ) -> None:
        """Half a second is what a reader gets to take what was received already."""
        data = bytes_of_all_kinds(100_000)  # more than the pipe, less than that and what a relay reads ahead
        peer = tcp_peer()
        process = sockcli.start("tcp", "127.0.0.1", peer.port)
        connection = peer.accept()
        deliver(connection, data)
        until(lambda: not process.moves(), "the pipe to be full")
        process.kill(signum)
        result = process.finish()
        assert result.code == -signum
        assert len(result.out) > 65_536
        assert result.out == data[: len(result.out)]

    @pytest.mark.parametrize("signum", SIGNALS)
    def test_a_reader_that_takes_nothing_does_not_hold_it_up(
        self, sockcli: Sockcli, tcp_peer: Listen, signum: signal.Signals
    ) -> None:
        peer = tcp_peer()
        read_end, write_end = os.pipe()
        with open(read_end, "rb"):
            with open(write_end, "wb") as stdout:
                process = sockcli.start("tcp", "127.0.0.1", peer.port, stdout=stdout)
            connection = peer.accept()
            deliver(connection, bytes(100_000))
            until(lambda: not process.moves(), "the pipe to be full")
            process.kill(signum)
            assert process.finish().code == -signum

    def test_a_second_signal_cuts_nothing_off(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        """As when a terminal is closed, and the shell in it says so too: what was received is still written."""
        data = bytes_of_all_kinds(100_000)  # more than the pipe
        peer = tcp_peer()
        process = sockcli.start("tcp", "127.0.0.1", peer.port)
        connection = peer.accept()
        deliver(connection, data)
        until(lambda: not process.moves(), "the pipe to be full")
        process.kill(signal.SIGHUP)
        process.moves()  # it has a moment, but not all of what a slow reader gets
        process.kill(signal.SIGHUP)
        result = process.finish()
        assert result.code == -signal.SIGHUP
        assert len(result.out) > 65_536
        assert result.out == data[: len(result.out)]

    def test_a_second_signal_ends_it_at_once(self, sockcli: Sockcli, tcp_peer: Listen) -> None:
        peer = tcp_peer()
        process = sockcli.start("tcp", "127.0.0.1", peer.port)
        peer.accept()
        process.kill(signal.SIGINT)
        process.kill(signal.SIGTERM)
        assert process.finish().code in (-signal.SIGINT, -signal.SIGTERM)

    @pytest.mark.parametrize("signum", SIGNALS)
    def test_a_signal_that_was_ignored_stays_ignored(
        self, sockcli: Sockcli, tcp_peer: Listen, signum: signal.Signals
    ) -> None:
        """As nohup wants, and a shell that starts something in the background."""
        peer = tcp_peer()
        process = sockcli.start("tcp", "127.0.0.1", peer.port, ignore=[signum])
        connection = peer.accept()
        connection.sendall(b"a")
        assert process.read(1) == b"a"
        process.kill(signum)
        connection.sendall(b"b")
        assert process.read(1) == b"b"
        connection.close()
        assert process.finish().code == 0

    @pytest.mark.parametrize(
        "arguments",
        [
            ["tcp", "-q", "-l", "0"],
            ["tcp", "-q", "-l", "-k", "0"],
            ["udp", "-q", "-l", "0"],
            ["tcp", "--retry", "9", "--retry-delay", "60", "127.0.0.1", "1"],
            ["udp", "-n", "1", "-w", "60", "127.0.0.1", "{}", "x"],
            ["tcp", "--line-delay", "60", "127.0.0.1", "{}"],
        ],
    )
    def test_every_wait_is_interrupted_at_once(
        self, sockcli: Sockcli, tcp_peer: Listen, udp_peer: Listen, arguments: list[str]
    ) -> None:
        peer = udp_peer() if arguments[0] == "udp" else tcp_peer()
        process = sockcli.start(*(word.format(peer.port) for word in arguments))
        until(lambda: _is_waiting(process), "the wait")
        process.kill(signal.SIGINT)
        result = process.finish()
        assert (result.code, result.err) == (-signal.SIGINT, "")

    def test_connecting_is_interrupted(self, sockcli: Sockcli, silent_port: int) -> None:
        process = sockcli.start("tcp", "--connect-timeout", "60", "127.0.0.1", silent_port)
        until(lambda: _is_waiting(process), "the wait")
        process.kill(signal.SIGTERM)
        result = process.finish()
        assert (result.code, result.err) == (-signal.SIGTERM, "")

    @pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_the_shell_sees_the_usual_codes(self, sockcli: Sockcli, signum: signal.Signals, code: int) -> None:
        process = sockcli.start("tcp", "-l", "0", before=["sh", "-c", '"$@" & echo $!; wait $!; echo $?', "sh"])
        pid = int(process.read_until(b"\n"))
        until(lambda: bound_ports("tcp", pid), "the listener")
        os.kill(pid, signum)
        assert process.read_until(b"\n") == b"%d\n" % code


def _is_waiting(process: Process) -> bool:
    """Whether it is past its start: it takes SIGTERM itself, and does nothing."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1) and not process.moves()


@pytest.fixture
def silent_port() -> Iterator[int]:
    with silence() as port:
        yield port
