"""`sockcli udp`: what is one datagram, what is waited for, and what is no reply."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.peers import Listen, Peer, nobody
from tests.e2e.runner import Sockcli

LIMIT = {"127.0.0.1": 65_507, "::1": 65_527}


def received(peer: Peer, count: int) -> list[bytes]:
    """`count` datagrams, after which there must be none."""
    datagrams = [peer.receive() for _ in range(count)]
    assert peer.nothing_more()
    return datagrams


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["hello"], [b"hello"]),
        (["one", "two", "three"], [b"one", b"two", b"three"]),
        (["with blank", "Grüße"], [b"with blank", "Grüße".encode()]),
        (["--escapes", r"a\nb\r\t\0\x7f\\", "plain"], [b"a\nb\r\t\0\x7f\\", b"plain"]),
        ([r"a\n"], [rb"a\n"]),
        (["--hex", "00ff10", "de ad", "BEEF"], [b"\x00\xff\x10", b"\xde\xad", b"\xbe\xef"]),
        (["--empty"], [b""]),
        ([os.fsdecode(b"\xff\xfe\x80")], [b"\xff\xfe\x80"]),
        (["--", "-n"], [b"-n"]),
    ],
)
def test_each_message_is_one_datagram(
    sockcli: Sockcli, udp_peer: Listen, arguments: list[str], expected: list[bytes]
) -> None:
    peer = udp_peer()
    dashes = arguments[:1] == ["--"]
    target = ["127.0.0.1", str(peer.port)]
    words = ["--", *target, *arguments[1:]] if dashes else [*target, *arguments]
    result = sockcli.run("udp", *words, data=b"stdin is not read\n")
    assert (result.code, result.out, result.err) == (0, b"", "")
    assert received(peer, len(expected)) == expected


@pytest.mark.parametrize("target", ["127.0.0.1:{}", "localhost:{}"])
def test_a_target_in_one_word_is_followed_by_messages(sockcli: Sockcli, udp_peer: Listen, target: str) -> None:
    peer = udp_peer()
    assert sockcli.run("udp", "-4", target.format(peer.port), "1", "2").code == 0
    assert received(peer, 2) == [b"1", b"2"]


@pytest.mark.parametrize("target", [["::1", "{}"], ["[::1]:{}"], ["-6", "localhost", "{}"]])
def test_ipv6(sockcli: Sockcli, udp_peer: Listen, target: list[str]) -> None:
    peer = udp_peer("::1")
    assert sockcli.run("udp", *(word.format(peer.port) for word in target), "six").code == 0
    assert received(peer, 1) == [b"six"]


@pytest.mark.parametrize(
    ("options", "data", "expected"),
    [
        ([], b"one\ntwo\n", [b"one\n", b"two\n"]),
        ([], b"one\nno newline", [b"one\n", b"no newline"]),
        ([], b"one\r\n\ntwo\n", [b"one\r\n", b"\n", b"two\n"]),
        ([], b"", []),
        (["--chomp"], b"one\ntwo", [b"one", b"two"]),
        (["--framing", "line", "--chomp"], b"one\n\ntwo\n", [b"one", b"", b"two"]),
        (["--framing", "all"], b"one\ntwo\n", [b"one\ntwo\n"]),
        (["--framing", "4"], b"123456789", [b"1234", b"5678", b"9"]),
        (["--framing=1"], b"a\n", [b"a", b"\n"]),
        (["--hex"], b"00 ff\n0a0d\n", [b"\x00\xff", b"\n\r"]),
        (["--escapes", "--chomp"], b"a\\x00b\n", [b"a\x00b"]),
    ],
)
def test_stdin_is_cut_into_datagrams(
    sockcli: Sockcli, udp_peer: Listen, options: list[str], data: bytes, expected: list[bytes]
) -> None:
    peer = udp_peer()
    result = sockcli.run("udp", *options, "127.0.0.1", peer.port, data=data)
    assert (result.code, result.err) == (0, "")
    assert received(peer, len(expected)) == expected


def test_a_line_that_comes_in_pieces_is_one_datagram(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "127.0.0.1", peer.port)
    process.send(b"first\nsec")
    assert peer.receive() == b"first\n"  # so "sec" was read as well
    process.send(b"ond\n")
    assert peer.receive() == b"second\n"


@pytest.mark.parametrize("options", [["--framing", "0"], ["--framing", "x"], ["--framing", "-1"]])
def test_a_wrong_framing_is_a_usage_error(sockcli: Sockcli, options: list[str]) -> None:
    assert sockcli.run("udp", *options, "127.0.0.1", 9).code == 2


def test_verbose_names_the_rule(sockcli: Sockcli, udp_peer: Listen) -> None:
    sockcli.allow("udp-send-to:*:53", "udp-send-to:127.0.0.1")
    assert (
        "allowed by udp-send-to:127.0.0.1:* (permissions[0].socket[1])"
        in sockcli.run("udp", "-v", "127.0.0.1", udp_peer().port, "x").err
    )


def test_empty_takes_no_message(sockcli: Sockcli, udp_peer: Listen) -> None:
    """Whoever gives one means it to be sent."""
    peer = udp_peer()
    result = sockcli.run("udp", "--empty", "127.0.0.1", peer.port, "hello")
    assert result.code == 2
    assert "--empty" in result.err
    assert peer.nothing_more()


@pytest.mark.parametrize("messages", [["00", "0"], ["00", "xy"]])
def test_wrong_hex_is_a_usage_error_and_nothing_is_sent(
    sockcli: Sockcli, udp_peer: Listen, messages: list[str]
) -> None:
    peer = udp_peer()
    result = sockcli.run("udp", "--hex", "127.0.0.1", peer.port, *messages)
    assert result.code == 2
    assert received(peer, 0) == []


def test_a_wrong_escape_is_a_usage_error_and_nothing_is_sent(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    assert sockcli.run("udp", "--escapes", "127.0.0.1", peer.port, "good", r"bad \q").code == 2
    assert received(peer, 0) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_largest_datagram_passes_whole_both_ways(
    sockcli: Sockcli, udp_peer: Listen, tmp_path: Path, host: str
) -> None:
    data = bytes(range(256)) * 256
    data = data[: LIMIT[host]]
    (tmp_path / "input").write_bytes(data)
    peer = udp_peer(host)
    with (tmp_path / "input").open("rb") as stdin:
        process = sockcli.start("udp", "--framing", "all", "-n", "1", host, peer.port, stdin=stdin)
    sent, address = peer.receive_from()
    assert sent == data
    peer.socket.sendto(data[::-1], address)
    result = process.finish()
    assert (result.code, result.out) == (0, data[::-1])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("source", ["argument", "line", "all", "frame"])
def test_a_datagram_over_the_limit_is_an_error_and_nothing_of_it_is_sent(
    sockcli: Sockcli, udp_peer: Listen, tmp_path: Path, host: str, source: str
) -> None:
    text = "x" * (LIMIT[host] + 1)
    (tmp_path / "input").write_text(text)
    peer = udp_peer(host)
    options = {"argument": [], "line": [], "all": ["--framing", "all"], "frame": ["--framing", "70000"]}[source]
    words = [host, str(peer.port), *([text] if source == "argument" else [])]
    with (tmp_path / "input").open("rb") as stdin:
        result = sockcli.run("udp", *options, *words, stdin=stdin)
    assert result.code == 1
    assert str(LIMIT[host]) in result.err.replace(",", "")
    assert received(peer, 0) == []


def test_what_came_before_one_over_the_limit_is_sent(sockcli: Sockcli, udp_peer: Listen, tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"short\n" + b"x" * 70_000 + b"\n")
    peer = udp_peer()
    with (tmp_path / "input").open("rb") as stdin:
        result = sockcli.run("udp", "127.0.0.1", peer.port, stdin=stdin)
    assert result.code == 1
    assert received(peer, 1) == [b"short\n"]


def test_by_default_nobody_waits_for_a_reply(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    assert sockcli.run("udp", "127.0.0.1", peer.port, "fire and forget").code == 0
    assert peer.receive() == b"fire and forget"


def test_replies_are_printed_as_they_come_while_stdin_stays_open(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "127.0.0.1", peer.port)
    for number in range(3):
        process.send(b"ping %d\n" % number)
        data, address = peer.receive_from()
        assert data == b"ping %d\n" % number
        peer.socket.sendto(b"pong %d" % number, address)
        assert process.read(6) == b"pong %d" % number
    process.end_input()
    assert process.finish().code == 0


@pytest.mark.parametrize("option", ["-w", "--wait"])
def test_wait_prints_all_replies_of_that_time(sockcli: Sockcli, udp_peer: Listen, option: str) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", option, "0.5", "127.0.0.1", peer.port, "hello")
    _, address = peer.receive_from()
    for reply in (b"one ", b"", b"two"):
        peer.socket.sendto(reply, address)
    result = process.finish()
    assert (result.code, result.out) == (0, b"one two")
    assert result.seconds >= 0.5


@pytest.mark.parametrize("options", [["-w", "0.3"], ["-n", "1", "-w", "0.3"], ["--replies", "2", "--wait", "0.3"]])
def test_no_reply_is_a_timeout(sockcli: Sockcli, udp_peer: Listen, options: list[str]) -> None:
    peer = udp_peer()
    result = sockcli.run("udp", *options, "127.0.0.1", peer.port, "hello")
    assert (result.code, result.out) == (7, b"")
    assert result.seconds >= 0.3
    assert "sockcli: error:" in result.err


def test_fewer_replies_than_wanted_are_printed_and_a_timeout(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "-n", "2", "-w", "0.4", "127.0.0.1", peer.port, "hello")
    _, address = peer.receive_from()
    peer.socket.sendto(b"only one", address)
    result = process.finish()
    assert (result.code, result.out) == (7, b"only one")


def test_with_replies_it_leaves_as_soon_as_they_are_there(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "-n", "2", "-w", "30", "127.0.0.1", peer.port, "hello")
    _, address = peer.receive_from()
    for reply in (b"a", b"b", b"c"):
        peer.socket.sendto(reply, address)
    result = process.finish()
    assert (result.code, result.out) == (0, b"ab")


def test_the_wait_for_replies_is_five_seconds_if_not_given(sockcli: Sockcli, udp_peer: Listen) -> None:
    result = sockcli.run("udp", "-n", "1", "127.0.0.1", udp_peer().port, "hello")
    assert result.code == 7
    assert result.seconds >= 5


def test_a_reply_of_no_bytes_is_a_reply(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "-n", "1", "-w", "10", "127.0.0.1", peer.port, "hello")
    _, address = peer.receive_from()
    peer.socket.sendto(b"", address)
    result = process.finish()
    assert (result.code, result.out) == (0, b"")


def test_retries_send_again_and_split_the_wait(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "-n", "1", "--retries", "2", "-w", "0.9", "127.0.0.1", peer.port, "again")
    for _ in range(3):
        assert peer.receive() == b"again"
    result = process.finish()
    assert result.code == 7
    assert received(peer, 0) == []
    assert result.seconds >= 0.9


def test_a_reply_ends_the_retries(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "-n", "1", "--retries", "4", "-w", "1", "127.0.0.1", peer.port, "again")
    peer.receive()
    _, address = peer.receive_from()
    peer.socket.sendto(b"heard", address)
    result = process.finish()
    assert (result.code, result.out) == (0, b"heard")
    assert received(peer, 0) == []


def test_retries_need_replies(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    assert sockcli.run("udp", "--retries", "2", "127.0.0.1", peer.port, "x").code == 2
    assert received(peer, 0) == []


def test_only_the_peers_replies_are_printed(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer, stranger = udp_peer(), udp_peer()
    process = sockcli.start("udp", "-n", "1", "-w", "10", "127.0.0.1", peer.port, "who is it?")
    _, address = peer.receive_from()
    stranger.socket.sendto(b"me!", address)
    peer.socket.sendto(b"it is I", address)
    assert process.finish().out == b"it is I"


def test_a_strangers_datagram_is_no_reply(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer, stranger = udp_peer(), udp_peer()
    process = sockcli.start("udp", "-n", "1", "-w", "0.4", "127.0.0.1", peer.port, "who is it?")
    _, address = peer.receive_from()
    stranger.socket.sendto(b"me!", address)
    result = process.finish()
    assert (result.code, result.out) == (7, b"")


@pytest.mark.parametrize("options", [["-w", "60"], ["-n", "1"], ["-n", "1", "--retries", "1"]])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_port_unreachable_is_an_error(sockcli: Sockcli, host: str, options: list[str]) -> None:
    result = sockcli.run("udp", *options, host, nobody(), "anybody?")
    assert (result.code, result.out) == (6, b"")
    assert "sockcli: error:" in result.err


def test_port_unreachable_is_an_error_without_a_wait_as_well(sockcli: Sockcli) -> None:
    """The second send is told what became of the first."""
    assert sockcli.run("udp", "127.0.0.1", nobody(), "one", "two").code == 6


def test_port_unreachable_ends_a_run_with_open_stdin(sockcli: Sockcli) -> None:
    process = sockcli.start("udp", "127.0.0.1", nobody())
    process.send(b"anybody?\n")
    assert process.finish().code == 6


@pytest.mark.parametrize("source", [":{}", "127.0.0.1:{}", "127.0.0.2"])
def test_source(sockcli: Sockcli, udp_peer: Listen, source: str) -> None:
    peer = udp_peer()
    chosen = nobody()
    assert sockcli.run("udp", "-s", source.format(chosen), "127.0.0.1", peer.port, "from").code == 0
    _, address = peer.receive_from()
    if "{}" in source:
        assert address == ("127.0.0.1", chosen)
    else:
        assert address[0] == source


def test_the_deadline(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    process = sockcli.start("udp", "--deadline", "0.5", "127.0.0.1", peer.port)
    process.send(b"hello\n")
    _, address = peer.receive_from()
    peer.socket.sendto(b"got it", address)
    result = process.finish()
    assert (result.code, result.out) == (7, b"got it")
    assert result.seconds >= 0.5


def test_the_records_show_each_datagram(sockcli: Sockcli, udp_peer: Listen, tmp_path: Path) -> None:
    peer = udp_peer()
    dump, log = tmp_path / "dump", tmp_path / "log"
    process = sockcli.start("udp", "-n", "1", "-x", str(dump), "--log", str(log), "127.0.0.1", peer.port, "knock")
    _, address = peer.receive_from()
    peer.socket.sendto(b"who?", address)
    assert process.finish().out == b"who?"
    assert "6b 6e 6f 63 6b" in dump.read_text()
    assert "77 68 6f 3f" in dump.read_text()
    assert log.read_bytes() == b"knockwho?"


def test_a_family_that_contradicts_the_address(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    assert sockcli.run("udp", "-6", "127.0.0.1", peer.port, "x").code in (2, 5)
    assert received(peer, 0) == []


def test_input_may_be_dev_null(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    assert sockcli.run("udp", "127.0.0.1", peer.port, stdin=subprocess.DEVNULL).code == 0
    assert received(peer, 0) == []


@pytest.mark.parametrize("options", [[], ["--chomp"], ["--hex"], ["--framing", "all"]])
def test_input_without_an_end_is_not_read_for_ever(sockcli: Sockcli, udp_peer: Listen, options: list[str]) -> None:
    peer = udp_peer()
    with open("/dev/zero", "rb") as endless:
        result = sockcli.run("udp", *options, "127.0.0.1", peer.port, stdin=endless)
    assert result.code in (1, 2)
    assert received(peer, 0) == []
