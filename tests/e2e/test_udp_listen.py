"""`sockcli udp -l`: what comes from anyone is printed."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.peers import bytes_of_all_kinds
from tests.e2e.runner import Sockcli
from tests.netns import namespace
from tests.servers import program


def send(port: int, *datagrams: bytes, host: str = "127.0.0.1") -> None:
    """Each from a socket of its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for data in datagrams:
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(data, (host, port))


@pytest.mark.parametrize("option", ["-l", "--listen"])
def test_what_comes_is_printed_from_anyone(sockcli: Sockcli, option: str) -> None:
    process = sockcli.start("udp", option, 0)
    port = process.port("udp")
    send(port, b"one\n")
    assert process.read(4) == b"one\n"
    send(port, b"two")
    assert process.read(3) == b"two"
    assert process.running()


def test_count_is_how_many_datagrams_end_it(sockcli: Sockcli) -> None:
    process = sockcli.start("udp", "-l", "--count", "3", 0)
    send(process.port("udp"), b"one ", b"", b"two", b"too late")
    result = process.finish()
    assert (result.code, result.out) == (0, b"one two")


@pytest.mark.parametrize(
    ("arguments", "reachable"),
    [
        (["0"], "127.0.0.1"),
        (["127.0.0.2", "0"], "127.0.0.2"),
        (["::1", "0"], "::1"),
        (["[::1]:0"], "::1"),
        (["::", "0"], "::1"),
    ],
)
def test_it_is_bound_where_it_is_told_to(sockcli: Sockcli, arguments: list[str], reachable: str) -> None:
    process = sockcli.start("udp", "-l", "--count", "1", *arguments)
    send(process.port("udp"), b"here", host=reachable)
    assert process.finish().out == b"here"


@pytest.mark.parametrize(("arguments", "host"), [(["0"], "127.0.0.2"), (["::", "0"], "127.0.0.1"), (["0"], "::1")])
def test_it_is_bound_nowhere_else(sockcli: Sockcli, arguments: list[str], host: str) -> None:
    process = sockcli.start("udp", "-l", *arguments)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.connect((host, process.port("udp")))
        sender.send(b"anybody?")
        sender.settimeout(5)
        with pytest.raises(ConnectionRefusedError):
            sender.recv(1)


@pytest.mark.parametrize(("host", "size"), [("127.0.0.1", 65_507), ("::1", 65_527)])
def test_nothing_received_is_cut(sockcli: Sockcli, host: str, size: int) -> None:
    process = sockcli.start("udp", "-l", "--count", "1", host, 0)
    data = bytes_of_all_kinds(size)
    send(process.port("udp"), data, host=host)
    assert process.finish().out == data


def test_stdin_is_not_what_ends_it(sockcli: Sockcli) -> None:
    process = sockcli.start("udp", "-l", "--count", "1", 0, stdin=subprocess.DEVNULL)
    send(process.port("udp"), b"still here")
    assert process.finish().out == b"still here"


def test_the_deadline(sockcli: Sockcli) -> None:
    result = sockcli.run("udp", "-l", "--deadline", "0.3", 0)
    assert result.code == 7
    assert result.seconds >= 0.3


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(sockcli: Sockcli, signum: signal.Signals) -> None:
    process = sockcli.start("udp", "-l", 0)
    send(process.port("udp"), b"seen")
    process.read(4)
    process.kill(signum)
    assert process.finish().code == -signum


def test_a_port_that_is_taken_is_a_local_fault(sockcli: Sockcli) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        result = sockcli.run("udp", "-l", taken.getsockname()[1])
    assert result.code == 1
    assert "in use" in result.err


@pytest.mark.parametrize("options", [["-n", "1"], ["-w", "1"], ["--retries", "1"], ["--empty"]])
def test_options_that_make_no_sense_when_listening(sockcli: Sockcli, options: list[str]) -> None:
    assert sockcli.run("udp", "-l", *options, 0).code == 2


def test_count_needs_listen(sockcli: Sockcli) -> None:
    assert sockcli.run("udp", "--count", "1", "127.0.0.1", 9, "x").code == 2


@pytest.mark.parametrize(
    "command", [["nc.openbsd", "-u", "-q0", "127.0.0.1", "{}"], ["socat", "-", "UDP:127.0.0.1:{}"]]
)
def test_each_netcat_can_be_the_sender(sockcli: Sockcli, command: list[str]) -> None:
    argv = [program(command[0])]
    process = sockcli.start("udp", "-l", "--count", "1", 0)
    argv += [part.format(process.port("udp")) for part in command[1:]]
    subprocess.run(argv, input=b"from elsewhere\n", timeout=15, check=False)
    assert process.finish().out == b"from elsewhere\n"


class TestMulticast:
    def test_a_group_is_joined(self, sockcli: Sockcli, tmp_path: Path) -> None:
        with namespace(tmp_path / "namespace") as inside:
            route = [program("ip"), "route", "add", "239.0.0.0/8", "dev", "lo"]
            subprocess.run(inside.command(*route), check=True)
            before = inside.command()
            process = sockcli.start("udp", "-l", "-v", "--count", "1", "239.1.2.3", 9000, before=before)
            process.wait_for_error("listening")
            assert sockcli.run("udp", "239.1.2.3", 9000, "to all", before=before).code == 0
            assert process.finish().out == b"to all"

    def test_a_group_that_no_interface_leads_to(self, sockcli: Sockcli, tmp_path: Path) -> None:
        with namespace(tmp_path / "namespace") as inside:
            result = sockcli.run("udp", "-l", "239.1.2.3", 9000, before=inside.command())
        assert (result.code, result.out) == (1, b"")
        assert result.err.startswith("sockcli: error: cannot join 239.1.2.3: no such device\nhint: ")

    def test_joining_takes_a_rule_of_its_own(self, sockcli: Sockcli) -> None:
        sockcli.allow("udp-bind")
        result = sockcli.run("udp", "-l", "239.1.2.3", 9000)
        assert result.code == 3
        assert '"udp-multicast-membership"' in result.err
