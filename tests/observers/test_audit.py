"""As the observer of a policy, an audit has every decision and every end: also of a program that uses the library."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sockcli import Denied, Engine, LocalFailure, Manifest, Operation, Unreachable
from sockcli.base.endpoint import Address, Host
from sockcli.observers.audit import Audit, AuditSubject
from sockcli.observers.audit_forms import FORMS, FormName
from sockcli.observers.audit_log import AuditLog, FileLog, MakeLine
from sockcli.observers.audit_report import AuditReport
from sockcli.policy import Policy, Request
from tests.e2e.peers import Peer, nobody

MANIFEST = """{"permissions": [{"socket": ["tcp-connect:localhost", "tcp-connect:127.0.0.1", "udp-send-to:[::1]"]}],
               "deny": ["tcp-connect:127.0.0.1:81"]}"""


class LogInMemory:
    """Keeps the lines; `full` is whether it takes no more."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.full = False

    def write(self, make_line: MakeLine, *, is_denial: bool) -> None:  # noqa: ARG002
        if self.full:
            raise LocalFailure("no space left on device")
        self.lines.append(make_line(None))

    def close(self) -> None:
        """Nothing is open."""

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def audited(log: AuditLog, form: FormName = "sockcli") -> Policy:
    policy = Manifest.parse(MANIFEST).policy
    subject = AuditSubject("/m.json", "abc", program="tests")
    policy.observe(Audit([log], subject, form=form, clock=lambda: 1764000000.1234))
    return policy


def brief(entries: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [(each["event"], each.get("step"), each["endpoint"], each["allowed"], each.get("exit")) for each in entries]


@pytest.fixture
def tcp_peer() -> Iterator[Peer]:
    with ExitStack() as stack:
        yield Peer(socket.SOCK_STREAM, "127.0.0.1", stack)


def test_a_connection_of_a_program(tcp_peer: Peer) -> None:
    log, peer = LogInMemory(), tcp_peer
    with Engine(audited(log)).connect("localhost", peer.port) as connection:
        accepted = peer.accept()
        connection.send_all(b"four")
        assert accepted.recv(4) == b"four"
        accepted.sendall(b"seven..")
        accepted.close()
        assert b"".join(connection) == b"seven.."
    connection.close()
    endpoint = f"localhost:{peer.port}"
    assert brief(log.entries()) == [
        ("decision", "request", endpoint, True, None),
        ("decision", "addresses", endpoint, True, None),
        ("end", None, endpoint, True, 0),
    ]
    first, second, end = log.entries()
    assert first == {
        "time": 1764000000.123,
        "event": "decision",
        "step": "request",
        "operation": "tcp-connect",
        "endpoint": endpoint,
        "addresses": [],
        "allowed": True,
        "rule": "tcp-connect:localhost:*",
        "source": "permissions[0].socket[0]",
        "by_ceiling": False,
        "manifest": "/m.json",
        "sha256": "abc",
        "uid": first["uid"],
        "pid": first["pid"],
        "program": "tests",
        "previous": None,
    }
    assert f"127.0.0.1:{peer.port}" in second["addresses"]
    assert (end["addresses"], end["sent"], end["received"]) == ([f"127.0.0.1:{peer.port}"], 4, 7)


def test_what_is_denied_and_what_fails() -> None:
    log = LogInMemory()
    engine = Engine(audited(log))
    with pytest.raises(Denied):
        engine.connect("other.test", 80)
    with pytest.raises(Denied):
        engine.connect("127.0.0.1", 81)
    port = nobody()
    with pytest.raises(Unreachable):
        engine.connect("127.0.0.1", port)
    assert brief(log.entries()) == [
        ("decision", "request", "other.test:80", False, None),
        ("decision", "request", "127.0.0.1:81", False, None),
        ("decision", "request", f"127.0.0.1:{port}", True, None),
        ("decision", "addresses", f"127.0.0.1:{port}", True, None),
        ("end", None, f"127.0.0.1:{port}", True, 6),
    ]
    assert log.entries()[1]["source"] == "deny[0]"


def test_addresses_that_may_not_be_used_are_told_with_the_reason() -> None:
    log = LogInMemory()
    policy = audited(log)
    grant = policy.authorize(Request(Operation.TCP_CONNECT, Host.parse("localhost"), 81))
    with pytest.raises(Denied):
        grant.admit([Address(Host.parse("127.0.0.1"), 81)])
    entry = log.entries()[1]
    assert (entry["allowed"], entry["addresses"], entry["dropped_count"]) == (False, [], 1)
    assert entry["dropped"][0]["address"] == "127.0.0.1:81"
    assert "deny[0]" in entry["dropped"][0]["reason"]


def test_what_cannot_be_told_does_not_happen(tcp_peer: Peer) -> None:
    log = LogInMemory()
    engine = Engine(audited(log))
    log.full = True
    with pytest.raises(LocalFailure, match="no space left"):
        engine.connect("localhost", tcp_peer.port)
    with pytest.raises(LocalFailure, match="no space left"):
        engine.connect("other.test", 80)
    assert log.lines == []
    tcp_peer.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        tcp_peer.socket.accept()


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read_back_the_same(tmp_path: Path, form: FormName) -> None:
    path = tmp_path / "audit"
    log = FileLog(str(path))
    engine = Engine(audited(log, form))
    for host, port in (("127.0.0.1", 9), ("127.0.0.1", 81), ("a.test", 1)):
        with pytest.raises((Denied, Unreachable)):
            engine.connect(host, port)
    log.close()
    report = AuditReport()
    report.add(path.read_bytes().splitlines(keepends=True))
    assert report.broken is None
    assert report.totals == (1, 2, 0, 0)
    assert report.ends == 1
    assert report.rules == {"tcp-connect:127.0.0.1:*": 1, "tcp-connect:127.0.0.1:81": 1}
    assert [str(each.rule) for each in report.unused(engine.policy)] == [
        "tcp-connect:localhost:*",
        "udp-send-to:[::1]:*",
    ]


def test_the_forms_of_others_have_their_names_for_it() -> None:
    entries = {}
    forms: tuple[FormName, ...] = ("ocsf", "ecs")
    for form in forms:
        log = LogInMemory()
        with pytest.raises(Denied):
            Engine(audited(log, form)).connect("127.0.0.1", 81)
        (entries[form],) = log.entries()
    ocsf, ecs = entries["ocsf"], entries["ecs"]
    assert (ocsf["class_uid"], ocsf["type_uid"], ocsf["action_id"], ocsf["time"]) == (4001, 400105, 2, 1764000000123)
    assert ocsf["dst_endpoint"] == {"hostname": "127.0.0.1", "port": 81}
    assert ocsf["firewall_rule"] == {"name": "tcp-connect:127.0.0.1:81", "uid": "deny[0]"}
    assert ecs["@timestamp"] == "2025-11-24T16:00:00.123Z"
    assert ecs["event"]["type"] == ["connection", "denied"]
    assert ecs["destination"] == {"domain": "127.0.0.1", "port": 81}
    assert ocsf["unmapped"] == ecs["sockcli"] | {"pid": ocsf["unmapped"]["pid"]}
