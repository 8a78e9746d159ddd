"""Every way in has a line in the audit for each decision and for each end, and no way goes on without."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.peers import Background, Listen, connect, nobody, read_all
from tests.e2e.runner import Sockcli

SECRET = "hunter2"


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def lines(audit: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in audit.read_text().splitlines()]


def brief(audit: Path) -> list[str]:
    """Each line in few words; an end with its bytes and its exit."""
    said = []
    for each in lines(audit):
        what = each.get("step", "end") if each["allowed"] else f"denied {each['step']}"
        numbers = f" {each['sent']} {each['received']} {each['exit']}" if each["event"] == "end" else ""
        said.append(f"{what} {each['operation']}{numbers}")
    return said


@pytest.mark.parametrize("place", ["before", "after", "variable"])
def test_a_connection(sockcli: Sockcli, tcp_peer: Listen, audit: Path, place: str) -> None:
    peer = tcp_peer()
    option = ["--audit", str(audit)]
    process = sockcli.start(
        *(option if place == "before" else []),
        "tcp",
        *(option if place == "after" else []),
        "127.0.0.1",
        peer.port,
        env={"SOCKCLI_AUDIT": str(audit)} if place == "variable" else None,
    )
    process.finish_input(SECRET.encode())
    connection = peer.accept()
    assert read_all(connection) == SECRET.encode()
    connection.sendall(b"no")
    connection.close()
    assert process.finish().code == 0
    assert brief(audit) == ["request tcp-connect", "addresses tcp-connect", "end tcp-connect 7 2 0"]
    assert {(each["pid"], each["uid"], each["manifest"]) for each in lines(audit)} == {
        (process.pid, os.getuid(), str(sockcli.manifest))
    }
    assert SECRET not in audit.read_text()
    digest = subprocess.check_output(["sha256sum", str(sockcli.manifest)], text=True).split()[0]
    assert {each["sha256"] for each in lines(audit)} == {digest}


def test_the_first_line_comes_before_the_first_packet(sockcli: Sockcli, tcp_peer: Listen, audit: Path) -> None:
    peer = tcp_peer()
    process = sockcli.start("--audit", str(audit), "tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    assert brief(audit) == ["request tcp-connect", "addresses tcp-connect"]
    connection.close()
    process.finish(b"")


def test_one_that_fails_and_one_that_is_denied(sockcli: Sockcli, audit: Path) -> None:
    sockcli.allow("tcp-connect:127.0.0.1")
    assert sockcli.run("--audit", str(audit), "tcp", "127.0.0.1", nobody()).code == 6
    assert sockcli.run("--audit", str(audit), "udp", "127.0.0.1", 9, SECRET).code == 3
    assert sockcli.run("--audit", str(audit), "check", "--resolve", "tcp-connect:localhost:9").code == 3
    assert brief(audit) == [
        *("request tcp-connect", "addresses tcp-connect", "end tcp-connect 0 0 6"),
        "denied request udp-send-to",
    ]
    assert SECRET not in audit.read_text()


def test_a_record_that_cannot_be_made_is_an_end(sockcli: Sockcli, audit: Path) -> None:
    assert sockcli.run("--audit", str(audit), "tcp", "--log", "no/folder", "127.0.0.1", 9).code == 1
    assert brief(audit) == ["request tcp-connect", "end tcp-connect 0 0 1"]


def test_datagrams(sockcli: Sockcli, udp_peer: Listen, background: Background, audit: Path) -> None:
    peer = udp_peer()

    def answer() -> None:
        data, sender = peer.receive_from()
        peer.socket.sendto(data * 2, sender)

    background(answer)
    assert sockcli.run("--audit", str(audit), "udp", "-n", 1, "127.0.0.1", peer.port, "abc").code == 0
    assert brief(audit) == ["request udp-send-to", "addresses udp-send-to", "end udp-send-to 3 6 0"]


def test_a_port_of_datagrams(sockcli: Sockcli, audit: Path) -> None:
    process = sockcli.start("--audit", str(audit), "udp", "-l", "--count", 1, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("127.0.0.1", process.port("udp")))
    assert process.finish(b"").code == 0
    assert brief(audit) == ["request udp-bind", "addresses udp-bind", "end udp-bind 0 5 0"]


def test_peers_that_are_accepted(sockcli: Sockcli, audit: Path) -> None:
    process = sockcli.start("--audit", str(audit), "tcp", "-l", "-k", "--deadline", "2", 0, stdin=subprocess.DEVNULL)
    for _ in range(2):
        with connect(process.port("tcp")) as peer:
            peer.sendall(b"hello")
            peer.shutdown(socket.SHUT_WR)
            read_all(peer)
    assert process.finish().code == 7
    assert brief(audit) == [
        *("request tcp-listen", "addresses tcp-listen"),
        *("end tcp-listen 0 5 0", "end tcp-listen 0 5 0", "end tcp-listen 0 0 7"),
    ]


def test_check_asks_for_an_answer_and_uses_nothing(sockcli: Sockcli, audit: Path) -> None:
    assert sockcli.run("--audit", str(audit), "check", "tcp-connect:127.0.0.1:9").code == 0
    assert not audit.exists()
    assert sockcli.run("--audit", str(audit), "check", "--resolve", "tcp-connect:127.0.0.1:9").code == 0
    assert brief(audit) == ["request tcp-connect"]


def test_commands_of_a_script(sockcli: Sockcli, tcp_peer: Listen, udp_peer: Listen, audit: Path) -> None:
    sockcli.allow("tcp-connect:127.0.0.1", "udp-send-to:127.0.0.1", "udp-bind", "tcp-listen")
    tcp, udp = tcp_peer(), udp_peer()
    script = f"""
        tcp 127.0.0.1 {tcp.port}
        send abc
        udp 127.0.0.1 {udp.port}
        send {SECRET}
        close
        listen udp 0
        send --to 127.0.0.1 {udp.port} xy
        listen tcp 0
        check tcp-connect localhost 1
    """
    process = sockcli.start("--audit", str(audit), "repl")
    process.finish_input(script.encode())
    connection = tcp.accept()
    assert connection.recv(3) == b"abc"
    connection.close()
    assert process.finish().code == 3  # the last is denied; it asks only, and is no decision
    assert sorted(brief(audit)) == sorted(
        [
            *("request tcp-connect", "addresses tcp-connect", "end tcp-connect 3 0 0"),
            *("request udp-send-to", "addresses udp-send-to", "end udp-send-to 7 0 0"),
            *("request udp-bind", "addresses udp-bind", "end udp-bind 2 0 0"),
            *("request udp-send-to", "addresses udp-send-to"),
            *("request tcp-listen", "addresses tcp-listen", "end tcp-listen 0 0 0"),
        ]
    )
    assert SECRET not in audit.read_text()
    assert sockcli.run("audit", "--verify", str(audit), named=False).code == 0


def a_folder(audit: Path) -> str:
    audit.mkdir()
    return str(audit)


def a_link(audit: Path) -> str:
    audit.symlink_to(audit.with_name("elsewhere"))
    return str(audit)


@pytest.mark.parametrize("make", [a_folder, a_link, lambda _: "/dev/full", lambda _: "no/folder"])
@pytest.mark.parametrize("way", ["option", "variable"])
def test_without_its_audit_nothing_is_done(
    sockcli: Sockcli, tcp_peer: Listen, audit: Path, make: Callable[[Path], str], way: str
) -> None:
    peer, to = tcp_peer(), make(audit)
    option = ["--audit", to] if way == "option" else []
    result = sockcli.run(*option, "tcp", "127.0.0.1", peer.port, env={} if option else {"SOCKCLI_AUDIT": to})
    assert result.code in (1, 2)
    assert "sockcli: error:" in result.err
    peer.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.socket.accept()


def test_an_audit_is_neither_a_manifest_nor_a_record(sockcli: Sockcli, audit: Path) -> None:
    before = sockcli.manifest.read_text()
    result = sockcli.run("--audit", str(sockcli.manifest), "tcp", "127.0.0.1", 9)
    assert (result.code, sockcli.manifest.read_text()) == (2, before)
    assert "is a manifest of this run or the next" in result.err
    result = sockcli.run("--audit", str(audit), "tcp", "--log", str(audit), "127.0.0.1", 9)
    assert result.code == 2
    assert "is the audit of this run, which no run may write" in result.err


def test_an_audit_is_a_file_too(sockcli: Sockcli, audit: Path) -> None:
    result = sockcli.run("--no-files", "--audit", str(audit), "tcp", "127.0.0.1", 9)
    assert result.code == 2
    assert "--audit: --no-files is given" in result.err
    assert not audit.exists()


def test_the_account_of_an_audit(sockcli: Sockcli, audit: Path) -> None:
    sockcli.allow("tcp-connect:127.0.0.1", "udp-send-to:127.0.0.1")
    port = nobody()
    for target in (f"127.0.0.1:{port}", "a.test:1", "a.test:1"):
        sockcli.run("--audit", str(audit), "tcp", target)
    result = sockcli.run("audit", "--json", "--verify", "--unused", str(sockcli.manifest), str(audit), named=False)
    assert (result.code, result.err) == (
        0,
        f"sockcli: {audit}: 5 lines, and none was changed or taken out before the last\n",
    )
    (value,) = result.events()
    assert (value["allowed"], value["denied"], value["ends"], value["verified"]) == (1, 2, 1, True)
    assert value["unused"] == [
        {"rule": "udp-send-to:127.0.0.1:*", "effect": "allow", "source": "permissions[0].socket[1]"}
    ]
    assert {each["endpoint"]: each["denied"] for each in value["endpoints"]} == {f"127.0.0.1:{port}": 0, "a.test:1": 2}
    shown = sockcli.run("audit", str(audit), named=False).out.decode()
    assert shown.startswith("3 asked, 1 allowed, 2 denied; 0 bytes sent, 0 received\n")


def test_a_changed_audit_is_found(sockcli: Sockcli, audit: Path) -> None:
    for _ in range(2):
        sockcli.run("--audit", str(audit), "tcp", "127.0.0.1", nobody())
    audit.write_text(audit.read_text().replace('"exit": 6', '"exit": 0', 1))
    result = sockcli.run("audit", "--verify", str(audit), named=False)
    assert result.code == 10
    assert "line 4: the line before it was changed, or lines were taken out" in result.err
    assert sockcli.run("audit", str(audit), named=False).code == 0
    assert sockcli.run("audit", "absent", named=False).code == 1


def test_jq_reads_it(sockcli: Sockcli, audit: Path) -> None:
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("there is no jq")
    for form in ("sockcli", "ocsf", "ecs"):
        sockcli.run("--audit", str(audit), "--audit-format", form, "tcp", "127.0.0.1", nobody())
    every = [jq, "-r", "(.sockcli // .unmapped // .) | .event", str(audit)]
    assert subprocess.check_output(every, text=True).split() == ["decision", "decision", "end"] * 3
    assert sockcli.run("audit", "--verify", str(audit), named=False).code == 0
