"""What a confined process can no longer do, each in a process of its own: it is for good."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sockcli.base.endpoint import Operation
from sockcli.policy import Effect, PlacedRule, Policy, Rule
from sockcli.sandbox import landlock
from sockcli.sandbox.confinement import Confinement, _ports, _sentence

needs_files = pytest.mark.skipif(landlock.abi() < landlock.FILES_ABI, reason="this kernel has no Landlock")
needs_tcp = pytest.mark.skipif(landlock.abi() < landlock.TCP_ABI, reason="this kernel's Landlock knows no TCP")

PRELUDE = """
import json, os, socket, sys
import sockcli.sandbox
from sockcli import Manifest
from sockcli.sandbox.confinement import confine
policy = Manifest.parse(json.dumps({"permissions": [{"socket": json.loads(sys.argv[1])}]})).policy

def fault(what):
    try:
        what()
    except OSError as exc:
        return type(exc).__name__
    return None
"""


def run(program: str, *rules: str, arguments: tuple[str, ...] = ()) -> Any:
    """What the program prints, as JSON."""
    text = PRELUDE + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-c", text, json.dumps(rules), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@needs_files
def test_files_that_are_open_stay_writable_and_no_other_can_be_opened(tmp_path: Path) -> None:
    for name in ("record", "present"):
        (tmp_path / name).write_text("before\n")
    seen = run(
        """
        folder = sys.argv[2]
        record = open(f"{folder}/record", "a")
        confine(policy)
        record.write("after\\n")
        record.close()
        present = f"{folder}/present"
        tried = {
            "write": lambda: open(present, "a"),
            "truncate": lambda: os.truncate(present, 0),
            "make": lambda: open(f"{folder}/new", "w"),
            "folder": lambda: os.mkdir(f"{folder}/new"),
            "link": lambda: os.symlink(present, f"{folder}/new"),
            "rename": lambda: os.rename(present, f"{folder}/new"),
            "remove": lambda: os.unlink(present),
            "read": lambda: open(present).close(),
            "null": lambda: open(os.devnull, "w").close(),
            "run": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
        }
        print(json.dumps({name: fault(what) for name, what in tried.items()}))
        """,
        "tcp-connect:127.0.0.1:4000",
        arguments=(str(tmp_path),),
    )
    assert {name for name, refused in seen.items() if not refused} == {"read", "null"}
    assert (tmp_path / "record").read_text() == "before\nafter\n"
    assert (tmp_path / "present").read_text() == "before\n"


@needs_files
def test_a_file_can_be_kept_writable(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("before")
    seen = run(
        """
        confine(policy, writable=[sys.argv[2]])
        print(json.dumps([fault(lambda: open(sys.argv[2], "w").close()), fault(lambda: os.unlink(sys.argv[2]))]))
        """,
        arguments=(str(kept),),
    )
    assert seen == [None, "PermissionError"]


@needs_tcp
def test_tcp_reaches_the_manifests_ports_and_the_resolvers(listener: socket.socket) -> None:
    allowed = listener.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as other:
        seen = run(
            """
            allowed, other = map(int, sys.argv[2:])
            confine(policy)
            connect = lambda port: fault(lambda: socket.create_connection(("127.0.0.1", port)).close())
            print(json.dumps([connect(allowed), connect(other), connect(53)]))
            """,
            f"tcp-connect:127.0.0.1:{allowed}",
            arguments=(str(allowed), str(other.getsockname()[1])),
        )
    assert seen[:2] == [None, "PermissionError"]
    assert seen[2] != "PermissionError"  # whatever it is that answers there, or does not


@needs_tcp
def test_binding_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        ports = [free.getsockname()[1]]
    with socket.create_server(("127.0.0.1", 0)) as free:
        ports.append(free.getsockname()[1])
    seen = run(
        """
        allowed, other = map(int, sys.argv[2:])
        confine(policy, own_ports=[allowed])
        bind = lambda port: fault(lambda: socket.create_server(("127.0.0.1", port)).close())
        print(json.dumps([bind(allowed), bind(other), bind(0)]))
        """,
        "tcp-connect:127.0.0.1:4000",
        arguments=tuple(map(str, ports)),
    )
    assert seen == [None, "PermissionError", None]


@needs_tcp
def test_a_rule_for_any_port_leaves_every_port(listener: socket.socket) -> None:
    seen = run(
        """
        confine(policy)
        print(json.dumps(fault(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2]))).close())))
        """,
        "tcp-connect:127.0.0.1",
        arguments=(str(listener.getsockname()[1]),),
    )
    assert seen is None


@needs_tcp
def test_it_says_what_holds() -> None:
    seen = run("print(json.dumps(str(confine(policy))))", "tcp-connect:127.0.0.1:80", "tcp-listen:127.0.0.1")
    assert seen == (
        "confined: no new privileges; no program started, no file opened for writing; "
        "TCP connect only to ports 53, 80; TCP bind to any port"
    )


NO_CTYPES = "sys.modules['_ctypes'] = None; sys.modules.pop('sockcli.sandbox.landlock'); del sockcli.sandbox.landlock"


@pytest.mark.parametrize(
    ("broken", "holds"),
    [
        ("landlock.abi = lambda: 0", ["no new privileges"]),
        ("landlock.abi = lambda: 1", ["no new privileges", "no program started, no file opened for writing"]),
        ("landlock._CREATE_RULESET = 100_000", ["no new privileges"]),
        ("landlock._RESTRICT_SELF = 100_000", ["no new privileges"]),
        ("landlock._PR_SET_NO_NEW_PRIVS = 100_000", []),
        (NO_CTYPES, []),
    ],
)
def test_where_the_kernel_cannot_nothing_changes(broken: str, holds: list[str], listener: socket.socket) -> None:
    """As on older kernels, and under a filter of system calls."""
    seen = run(
        f"""
        from sockcli.sandbox import landlock
        {broken}
        held = confine(policy)
        socket.create_connection(("127.0.0.1", int(sys.argv[2]))).close()
        print(json.dumps([held.holds, held.because]))
        """,
        "tcp-connect:127.0.0.1:1",
        arguments=(str(listener.getsockname()[1]),),
    )
    assert seen[0] == holds
    assert bool(seen[1]) is not bool(holds)


def policy_of(*rules: tuple[str, Effect]) -> Policy:
    return Policy(PlacedRule(Rule.parse(text), effect, "here") for text, effect in rules)


def test_ports_are_those_of_the_rules_that_allow() -> None:
    policy = policy_of(
        ("tcp-connect:a.test:80", Effect.ALLOW),
        ("tcp-connect:b.test:443", Effect.ALLOW),
        ("tcp-connect:c.test:25", Effect.DENY),
        ("tcp-listen:127.0.0.1:8080", Effect.ALLOW),
        ("udp-send-to:127.0.0.1", Effect.ALLOW),
    )
    assert _ports(policy, Operation.TCP_CONNECT, (53,)) == frozenset({80, 443, 53})
    assert _ports(policy, Operation.TCP_LISTEN, ()) == frozenset({8080})
    assert _ports(policy_of(("tcp-connect", Effect.ALLOW)), Operation.TCP_CONNECT, (53,)) is None


def test_sentences() -> None:
    assert _sentence("bind", frozenset()) == "no TCP bind"
    many = frozenset(range(1, 11))
    assert _sentence("connect", many) == "TCP connect only to ports 1, 2, 3, 4, 5, 6, 7, 8 and 2 more"
    assert str(Confinement(because="no such thing")) == "not confined: no such thing"
