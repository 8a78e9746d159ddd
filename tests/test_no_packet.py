"""No Grant, no packet: what is denied reaches neither a name server nor a peer, by any way in.

Three times, each time from further outside: with a Net that counts, with Python's socket module replaced, and by
the audit events of a whole `sockcli` process.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import pytest

from sockcli.base.connect_options import DialOptions, ListenOptions, LocalAddress
from sockcli.base.endpoint import Address
from sockcli.engine import Engine
from sockcli.errors import Denied, SockcliError
from sockcli.net.system import Net, SockAddr
from sockcli.policy import Decision, Dropped, Grant, Policy, Request
from tests.net.support import policy, request


class SpyingNet(Net):
    """Counts what would reach the network, and lets none of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def getaddrinfo(self, name: str, family: int, kind: int) -> list[tuple[int, SockAddr]]:  # noqa: ARG002
        self.calls.append(f"getaddrinfo {name}")
        raise socket.gaierror(socket.EAI_NONAME, "")

    def socket(self, family: int, kind: int) -> socket.socket:
        self.calls.append(f"socket {family} {kind}")
        raise OSError("no sockets here")


TARGETS: Final = ("127.0.0.1:99", "[::1]:99", "localhost:99", "printer.test:99", "192.0.2.1:99")
OWN_PORT: Final = DialOptions(source=LocalAddress(None, 5000))
Entry = Callable[[Engine, str], object]

# Every way in, for a target.
ENTRIES: Final[dict[str, Entry]] = {
    "open tcp": lambda engine, target: engine.open(request(f"tcp-connect:{target}")),
    "open tcp, tried again": lambda engine, target: engine.open(
        request(f"tcp-connect:{target}"), DialOptions(retry=3, retry_delay=0)
    ),
    "open tcp from a port": lambda engine, target: engine.open(request(f"tcp-connect:{target}"), OWN_PORT),
    "open udp": lambda engine, target: engine.open(request(f"udp-send-to:{target}")),
    "open udp from a port": lambda engine, target: engine.open(request(f"udp-send-to:{target}"), OWN_PORT),
    "listen": lambda engine, target: engine.listen(request(f"tcp-listen:{target}"), ListenOptions()),
    "bind": lambda engine, target: engine.bind(request(f"udp-bind:{target}"), ListenOptions()),
    "resolve": lambda engine, target: engine.resolve(request(f"tcp-connect:{target}")),
    "resolve udp": lambda engine, target: engine.resolve(request(f"udp-send-to:{target}")),
}

EVERYTHING: Final = ("tcp-connect", "udp-send-to", "tcp-listen", "udp-bind")
DENYING: Final = {
    "no rules": policy(),
    "rules for something else": policy(*(f"{operation}:other.test:99" for operation in EVERYTHING)),
    "rules for another port": policy(*(f"{operation}:*:98" for operation in EVERYTHING)),
    "rules for names under it": policy(*(f"{operation}:*.example.com" for operation in EVERYTHING)),
    "all allowed, and all forbidden": policy(*EVERYTHING, deny=EVERYTHING),
    "all allowed, and the port forbidden": policy(*EVERYTHING, deny=[f"{each}:*:99" for each in EVERYTHING]),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("rules", DENYING.values(), ids=DENYING)
def test_denied_is_before_the_first_packet(rules: Policy, entry: Entry, target: str) -> None:
    net = SpyingNet()
    with pytest.raises(Denied):
        entry(Engine(rules, net=net), target)
    assert not net.calls


@pytest.mark.parametrize("target", TARGETS)
def test_port_of_ones_own_on_udp_is_denied_before_the_first_packet(target: str) -> None:
    """Leave to send there is leave to look the name up, but the local port is asked for before that."""
    net = SpyingNet()
    with pytest.raises(Denied):
        Engine(policy("udp-send-to", "udp-bind:192.0.2.9:5000"), net=net).open(
            request(f"udp-send-to:{target}"), OWN_PORT
        )
    assert not net.calls


def test_spy_sees_what_is_allowed() -> None:
    """Else the two tests above would prove nothing."""
    for entry in ENTRIES.values():
        net = SpyingNet()
        with pytest.raises(Exception, match=r"printer\.test"):
            entry(Engine(policy(*EVERYTHING), net=net), "printer.test:99")
        assert net.calls == ["getaddrinfo printer.test."]


class Audit:
    """Keeps what it was told of, as `decided` or `admitted` and the endpoint."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def decided(self, request: Request, decision: Decision) -> None:
        self.told.append(f"decided {request.endpoint} {decision.allowed}")

    def admitted(self, grant: Grant, admitted: Sequence[Address], dropped: Sequence[Dropped]) -> None:
        self.told.append(f"admitted {grant.request.endpoint} {len(admitted)} {len(dropped)}")


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
@pytest.mark.parametrize("allowed", [True, False])
def test_every_way_in_is_told_to_the_observer_before_it_reaches_the_network(entry: Entry, allowed: bool) -> None:
    rules, audit = policy(*EVERYTHING) if allowed else policy(), Audit()
    rules.observe(audit)
    told: list[list[str]] = []

    class Watched(SpyingNet):
        def socket(self, family: int, kind: int) -> socket.socket:
            told.append(list(audit.told))
            return super().socket(family, kind)

    with contextlib.suppress(SockcliError):
        entry(Engine(rules, net=Watched()), "127.0.0.1:99")
    assert f"decided 127.0.0.1:99 {allowed}" in audit.told
    assert all("admitted 127.0.0.1:99 1 0" in before for before in told)


def test_denied_reaches_nothing_in_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Net the engine was given, there is no way around it."""

    def caught(*arguments: object, **options: object) -> None:
        raise AssertionError(f"reached the network: {arguments} {options}")

    for name in ("socket", "getaddrinfo", "create_connection", "create_server", "gethostbyname", "socketpair"):
        monkeypatch.setattr(socket, name, caught)
    monkeypatch.setattr(ssl, "SSLContext", caught)
    for rules in DENYING.values():
        for entry in ENTRIES.values():
            for target in TARGETS:
                with pytest.raises(Denied):
                    entry(Engine(rules), target)
    with pytest.raises(AssertionError, match="reached the network"):
        Engine(policy("tcp-listen")).listen(request("tcp-listen:127.0.0.1:0"))


# CPython itself reports every socket, lookup, bind, connect and send to an audit hook: no way around that one.
AUDITED: Final = """
import os, sys
def hook(event, arguments):
    if event.startswith("socket."):
        os.write(2, f"AUDIT {event}".encode())
        os._exit(99)
sys.addaudithook(hook)
from sockcli.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def audited(arguments: Iterable[str], manifest: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", AUDITED, "--manifest", str(manifest), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        env={**os.environ, "NO_COLOR": "1"},
    )


COMMAND_LINES: Final = (
    "tcp localhost 99",
    "tcp -z printer.test:99",
    "tcp localhost http",
    "tcp --retry 2 --retry-delay 0 127.0.0.1 99",
    "tcp -l 99",
    "tcp -l -k localhost 99",
    "udp printer.test 99 hello",
    "udp -s :5000 127.0.0.1 99 hello",
    "udp -l 99",
    "udp -l domain",
    "check tcp-connect localhost 99",
    "check --resolve tcp-connect printer.test 99",
)


@pytest.mark.parametrize("line", COMMAND_LINES)
@pytest.mark.parametrize("rules", ["[]", '["tcp-connect:*:98", "tcp-listen:*:98", "udp-bind:*:98"]'])
def test_denied_command_line_touches_no_socket(line: str, rules: str, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(f'{{"permissions": [{{"socket": {rules}}}]}}')
    done = audited(line.split(), manifest)
    assert b"AUDIT" not in done.stderr
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_manifest_that_is_no_good_touches_no_socket(line: str, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    for text in ('{"permissions": [{"socket": ["tcp-connect:*:99999"]}]}', "", None):
        if text is None:
            manifest.unlink()
        else:
            manifest.write_text(text)
        done = audited(line.split(), manifest)
        assert b"AUDIT" not in done.stderr
        assert done.returncode == 4, done.stderr


def test_audit_sees_what_is_allowed(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"permissions": [{"socket": ["tcp-connect"]}]}')
    done = audited(["tcp", "-z", "127.0.0.1", "99"], manifest)
    assert done.stderr == b"AUDIT socket.__new__"
    assert done.returncode == 99
