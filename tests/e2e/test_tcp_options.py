"""What each option of `sockcli tcp` does, as far as it is not about how the run ends."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.peers import Listen, is_open, nobody, read_all, read_exactly
from tests.e2e.runner import Sockcli
from tests.waiting import until


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("127.0.0.1", ["127.0.0.1", "{}"]),
        ("127.0.0.1", ["127.0.0.1:{}"]),
        ("127.0.0.1", ["localhost", "{}"]),
        ("127.0.0.1", ["localhost:{}"]),
        ("127.0.0.1", ["LOCALHOST.:{}"]),
        ("127.0.0.1", ["[::ffff:127.0.0.1]:{}"]),
        ("::1", ["::1", "{}"]),
        ("::1", ["[::1]:{}"]),
        ("::1", ["[::1]", "{}"]),
        ("::1", ["[0:0::0001]:{}"]),
        ("::1", ["localhost", "{}"]),
    ],
)
def test_a_target_in_each_of_its_forms(sockcli: Sockcli, tcp_peer: Listen, host: str, target: list[str]) -> None:
    peer = tcp_peer(host)
    process = sockcli.start("tcp", *(part.format(peer.port) for part in target))
    process.finish_input(b"here")
    connection = peer.accept()
    assert read_all(connection) == b"here"
    connection.close()
    assert process.finish().code == 0


def test_options_stand_before_or_after_the_arguments(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    port = str(peer.port)
    for arguments in (
        ["tcp", "-C", "127.0.0.1", port],
        ["tcp", "127.0.0.1", "-C", port],
        ["tcp", "127.0.0.1", port, "-C"],
        ["-v", "-q", "tcp", "127.0.0.1", port, "-C"],
    ):
        process = sockcli.start(*arguments)
        process.finish_input(b"x\n")
        connection = peer.accept()
        assert read_all(connection) == b"x\r\n"
        connection.close()
        assert process.finish().code == 0


@pytest.mark.parametrize(
    ("listening", "option", "code"),
    [("127.0.0.1", "-4", 0), ("127.0.0.1", "-6", 6), ("::1", "-6", 0), ("::1", "-4", 6)],
)
def test_only_one_family(sockcli: Sockcli, tcp_peer: Listen, listening: str, option: str, code: int) -> None:
    peer = tcp_peer(listening)
    assert sockcli.run("tcp", "-z", option, "localhost", peer.port).code == code


@pytest.mark.parametrize(("option", "host"), [("-4", "::1"), ("-6", "127.0.0.1")])
def test_an_address_of_the_other_family_is_never_connected(
    sockcli: Sockcli, tcp_peer: Listen, option: str, host: str
) -> None:
    peer = tcp_peer(host)
    result = sockcli.run("tcp", option, host, peer.port)
    assert result.code in (2, 5)
    assert "sockcli: error:" in result.err


@pytest.mark.parametrize(
    ("pieces", "sent"),
    [
        ([b"one\ntwo\n"], b"one\r\ntwo\r\n"),
        ([b"one\r\ntwo\n"], b"one\r\ntwo\r\n"),
        ([b"one\r", b"\ntwo"], b"one\r\ntwo"),
        ([b"\n\n"], b"\r\n\r\n"),
        ([b"a\r", b"b\r\r", b"\n"], b"a\rb\r\r\n"),
        ([b"no end"], b"no end"),
    ],
)
def test_crlf(sockcli: Sockcli, tcp_peer: Listen, pieces: list[bytes], sent: bytes) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--crlf", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"never\ntouched\r\n")
    process.read_until(b"touched\r\n")
    for piece in pieces:
        process.send(piece)
        until(process.has_read_all, "stdin to be read")
    process.end_input()
    assert read_all(connection) == sent
    connection.close()
    assert process.finish().out == b"never\ntouched\r\n"


def test_lines_are_sent_as_they_are_without_crlf(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    process.finish_input(b"one\ntwo\r\n\n")
    assert read_all(peer.accept()) == b"one\ntwo\r\n\n"


def test_line_delay_is_a_pause_between_lines(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--line-delay", "0.3", "127.0.0.1", peer.port)
    process.finish_input(b"first\nsecond\nthird")
    connection = peer.accept()
    times = []
    for line in (b"first\n", b"second\n", b"third"):
        assert read_exactly(connection, len(line)) == line
        times.append(time.monotonic())
    assert read_all(connection) == b""
    # The first line waits for nobody, so only what lies between them counts.
    assert times[1] - times[0] >= 0.25
    assert times[2] - times[1] >= 0.25
    connection.close()
    assert process.finish().code == 0


def test_the_peers_bytes_do_not_wait_for_the_line_delay(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--line-delay", "30", "127.0.0.1", peer.port)
    process.send(b"one\ntwo\n")
    connection = peer.accept()
    assert read_exactly(connection, 4) == b"one\n"
    connection.sendall(b"answer")
    assert process.read(6) == b"answer"


@pytest.mark.parametrize("option", ["-s", "--source"])
@pytest.mark.parametrize(
    ("host", "source"),
    [("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "127.0.0.3:{}"), ("127.0.0.1", ":{}"), ("::1", "[::1]:{}")],
)
def test_source(sockcli: Sockcli, tcp_peer: Listen, option: str, host: str, source: str) -> None:
    peer = tcp_peer(host)
    chosen = nobody()
    process = sockcli.start("tcp", option, source.format(chosen), host, peer.port, stdin=subprocess.DEVNULL)
    connection = peer.accept()
    name = connection.getpeername()
    connection.close()
    assert process.finish().code == 0
    if "{}" in source:
        assert name[1] == chosen
    address = source.format(chosen).rpartition(":")[0] if "{}" in source else source
    if address:
        assert name[0] == address.strip("[]")


def test_a_source_that_is_not_ours_is_a_local_fault(sockcli: Sockcli, tcp_peer: Listen) -> None:
    assert sockcli.run("tcp", "-s", "192.0.2.1", "127.0.0.1", tcp_peer().port).code == 1


def test_retries_are_made_and_counted(sockcli: Sockcli) -> None:
    result = sockcli.run("tcp", "--retry", "3", "--retry-delay", "0.2", "127.0.0.1", nobody())
    assert result.code == 6
    assert result.seconds >= 0.6


def test_without_retry_there_is_one_try(sockcli: Sockcli) -> None:
    assert sockcli.run("tcp", "--retry", "0", "--retry-delay", "20", "127.0.0.1", nobody()).code == 6


def test_a_retry_that_succeeds_is_a_success(sockcli: Sockcli, tcp_peer: Listen) -> None:
    port = nobody()
    failed_before = _failed_connections()
    process = sockcli.start("tcp", "--retry", "1000", "--retry-delay", "0.02", "127.0.0.1", port)
    until(lambda: _failed_connections() > failed_before, "a try to fail")
    connection = tcp_peer(port=port).accept()
    process.finish_input(b"at last")
    assert read_all(connection) == b"at last"
    connection.close()
    assert process.finish().code == 0


def _failed_connections() -> int:
    """The kernel's count of connections that were refused."""
    with open("/proc/net/snmp") as table:
        names, values = (line.split() for line in table if line.startswith("Tcp:"))
    return int(values[names.index("AttemptFails")])


def test_the_deadline_counts_through_the_retries(sockcli: Sockcli) -> None:
    result = sockcli.run("tcp", "--retry", "9", "--retry-delay", "20", "--deadline", "0.4", "127.0.0.1", nobody())
    assert result.code == 7


@pytest.mark.parametrize("option", ["-z", "--probe"])
def test_a_probe_connects_says_so_and_leaves(sockcli: Sockcli, tcp_peer: Listen, option: str) -> None:
    peer = tcp_peer()
    result = sockcli.run("tcp", option, "127.0.0.1", peer.port, data=b"not for the peer")
    assert (result.code, result.out) == (0, b"")
    assert f"127.0.0.1:{peer.port}" in result.err
    assert read_all(peer.accept()) == b""


def test_a_probe_that_fails(sockcli: Sockcli) -> None:
    result = sockcli.run("tcp", "-z", "127.0.0.1", nobody())
    assert (result.code, result.out) == (6, b"")


@pytest.mark.parametrize("option", ["-x", "--hex-dump"])
def test_the_hex_dump_shows_direction_time_offset_hex_and_text(
    sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path, option: str
) -> None:
    dump = tmp_path / "dump"
    _talk(sockcli, tcp_peer, option, str(dump))
    text = dump.read_text()
    sent = next(line for line in text.splitlines() if "6b 6e 6f 63 6b" in line)
    received = next(line for line in text.splitlines() if "77 68 6f 20 69 73" in line)
    assert "knock" in sent
    assert "who is" in received
    assert "0000" in sent
    assert sent[0] != received[0]  # the direction
    # The bytes are the wire's: -C made the newline two.
    assert "0d 0a" in sent
    assert "\x1b" not in text
    assert ":" in text  # a time


def test_the_log_has_both_directions_as_they_passed(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
    log = tmp_path / "log"
    _talk(sockcli, tcp_peer, "--log", str(log))
    assert log.read_bytes() == b"knock knock\r\nwho is there?\x1b[2J\n"


@pytest.mark.parametrize(("option", "expected"), [("-x", "6b 6e 6f 63 6b"), ("--log", "knock knock")])
def test_a_dash_is_stderr(sockcli: Sockcli, tcp_peer: Listen, option: str, expected: str) -> None:
    assert expected in _talk(sockcli, tcp_peer, option, "-")


def _talk(sockcli: Sockcli, tcp_peer: Listen, *options: str) -> str:
    """One line each way; stdout stays the peer's. The result is stderr."""
    peer = tcp_peer()
    process = sockcli.start("tcp", "-C", *options, "127.0.0.1", peer.port)
    connection = peer.accept()
    process.send(b"knock knock\n")
    assert read_exactly(connection, 13) == b"knock knock\r\n"
    connection.sendall(b"who is there?\x1b[2J\n")
    connection.close()
    result = process.finish()
    assert (result.code, result.out) == (0, b"who is there?\x1b[2J\n")
    return result.err


@pytest.mark.parametrize("option", ["-x", "--log"])
def test_a_record_that_cannot_be_written_stops_before_connecting(
    sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path, option: str
) -> None:
    peer = tcp_peer()
    result = sockcli.run("tcp", option, str(tmp_path / "no" / "folder"), "127.0.0.1", peer.port)
    assert result.code in (1, 2)
    assert "folder" in result.err
    peer.socket.settimeout(0)
    with pytest.raises(BlockingIOError):
        peer.accept()


@pytest.mark.parametrize("command", ["tcp", "udp"])
def test_the_deadline_counts_while_a_record_waits_for_its_reader(
    sockcli: Sockcli, tmp_path: Path, command: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    result = sockcli.run(command, "--deadline", "0.3", "-x", str(tmp_path / "fifo"), "127.0.0.1", nobody())
    assert (result.code, result.err) == (7, "sockcli: error: the deadline of 0.3 s passed\n")


def test_progress_is_shown_when_asked_for(sockcli: Sockcli, tcp_peer: Listen) -> None:
    said = _talk(sockcli, tcp_peer, "--progress")
    assert "13 B sent" in said
    assert "18 B received" in said


@pytest.mark.parametrize("options", [[], ["--no-progress"]])
def test_no_progress_where_stderr_is_no_terminal(sockcli: Sockcli, tcp_peer: Listen, options: list[str]) -> None:
    assert _talk(sockcli, tcp_peer, *options) == ""


IAC, DONT, DO, WONT, WILL = 255, 254, 253, 252, 251


@pytest.mark.parametrize("options", [[], ["--no-telnet"]])
def test_in_a_pipe_telnet_bytes_pass_as_they_are(sockcli: Sockcli, tcp_peer: Listen, options: list[str]) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", *options, "127.0.0.1", peer.port)
    connection = peer.accept()
    offer = bytes([IAC, DO, 1, IAC, IAC, 65])
    connection.sendall(offer)
    assert process.read(len(offer)) == offer
    process.send(bytes([IAC, 13]))
    assert read_exactly(connection, 2) == bytes([IAC, 13])


def test_telnet_answers_offers_and_doubles_iac(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "--telnet", "127.0.0.1", peer.port)
    connection = peer.accept()
    unknown = 200  # an option nobody has
    connection.sendall(bytes([IAC, WILL, unknown, IAC, DO, unknown, 65, IAC, IAC, 66]))
    assert process.read(3) == bytes([65, IAC, 66])
    process.finish_input(bytes([67, IAC, 68]))
    sent = read_all(connection)
    assert bytes([IAC, DONT, unknown]) in sent
    assert bytes([IAC, WONT, unknown]) in sent
    assert sent.endswith(bytes([67, IAC, IAC, 68]))
    with suppress(OSError):
        connection.close()
    assert process.finish().code == 0


def test_verbose_names_the_manifest_and_the_address(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    result = sockcli.run("-v", "tcp", "-z", "localhost", peer.port)
    assert str(sockcli.manifest) in result.err
    assert f"127.0.0.1:{peer.port}" in result.err


def test_quiet_is_quiet_whatever_else_is_asked_for(sockcli: Sockcli, tcp_peer: Listen) -> None:
    assert sockcli.run("-v", "-q", "tcp", "-z", "127.0.0.1", tcp_peer().port).err == ""


@pytest.mark.parametrize("position", ["before", "after"])
def test_the_common_options_may_follow_the_command(sockcli: Sockcli, tcp_peer: Listen, position: str) -> None:
    peer = tcp_peer()
    common = ["--manifest", str(sockcli.manifest), "-v"]
    arguments = [*common, "tcp", "-z"] if position == "before" else ["tcp", "-z", *common]
    result = sockcli.run(*arguments, "127.0.0.1", peer.port, named=False)
    assert result.code == 0
    assert str(sockcli.manifest) in result.err


def test_nothing_is_sent_that_was_not_in_stdin(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"?")
    assert process.read(1) == b"?"
    assert is_open(connection)
