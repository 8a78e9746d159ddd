"""The command's own process gives up what its run does not need."""

from __future__ import annotations

import pytest

from sockcli.sandbox import landlock
from tests.e2e.peers import Listen, read_all
from tests.e2e.runner import Sockcli

pytestmark = pytest.mark.skipif(landlock.abi() < landlock.TCP_ABI, reason="this kernel's Landlock knows no TCP")


def status(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def test_a_run_says_what_holds_and_it_does(sockcli: Sockcli, tcp_peer: Listen) -> None:
    sockcli.allow("tcp-connect:127.0.0.1", "tcp-listen:127.0.0.1:9")
    peer = tcp_peer()
    process = sockcli.start("-v", "tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    assert status(process.pid)["NoNewPrivs"] == "1"
    process.finish_input(b"x")
    assert read_all(connection) == b"x"
    connection.close()
    result = process.finish()
    assert result.code == 0
    assert "confined: no new privileges; no program started, no file opened for writing" in result.err
    assert "TCP connect to any port; TCP bind only to ports 0, 9" in result.err


def test_a_record_that_was_opened_before_is_written(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    log = sockcli.home / "log"
    process = sockcli.start("tcp", "--log", str(log), "127.0.0.1", peer.port)
    process.finish_input(b"recorded")
    connection = peer.accept()
    assert read_all(connection) == b"recorded"
    connection.close()
    assert process.finish().code == 0
    assert log.read_bytes() == b"recorded"


def test_a_source_port_can_be_bound_that_no_rule_names(sockcli: Sockcli, tcp_peer: Listen) -> None:
    first, second = tcp_peer(), tcp_peer()
    free = second.port
    second.socket.close()
    process = sockcli.start("tcp", "-s", f":{free}", "127.0.0.1", first.port)
    process.finish_input(b"")
    connection = first.accept()
    assert connection.getpeername()[1] == int(free)
    connection.close()
    assert process.finish().code == 0
