"""What click makes of a command line as typed values, and that the policy is asked about each of them once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click
import pytest

from sockcli.base.connect_options import CONNECT_TIMEOUT, DialOptions, ListenOptions, LocalAddress
from sockcli.base.endpoint import Host, Operation
from sockcli.cli import request
from sockcli.cli.command_line import READERS, parse_at_prompt, parse_in_script
from sockcli.cli.main import cli
from sockcli.cli.options.tcp import ListenValues, TcpValues
from sockcli.cli.options.udp import UdpValues
from sockcli.errors import UsageError
from sockcli.policy import Decision, Policy, Request
from sockcli.sessions.targets import ListenTarget, TcpTarget, UdpTarget
from tests.console.conftest import Peer, peer  # noqa: F401 - a fixture
from tests.console.shell import TestShell, policy_of


def values_of(line: str) -> Any:
    """What click makes of the words."""
    name, *words = line.split()
    return READERS["tcp" if name == "tcp" else "udp"].make_context(name, words).params


def note(_text: str) -> None:
    pass


@pytest.mark.parametrize(("name", "values"), [("tcp", TcpValues), ("udp", UdpValues)])
def test_the_type_of_clicks_values_has_each_option_and_no_other(name: str, values: type) -> None:
    reader = READERS["tcp" if name == "tcp" else "udp"]
    assert values.__required_keys__ == {param.name for param in reader.params if param.expose_value}  # type: ignore[attr-defined]


def test_listen_has_one_more() -> None:
    exposed = {param.name for param in READERS["listen"].params if param.expose_value}
    assert ListenValues.__required_keys__ == exposed


# Runs in a pipe


def test_a_connection_in_a_pipe() -> None:
    run = request.tcp_run(values_of("tcp -4 -s :99 --retry 2 --deadline 5 --linger 1 -C --no-shutdown a.test 80"), note)
    assert str(run.request) == "tcp-connect:a.test:80"
    assert isinstance(run.opening, DialOptions)
    assert run.opening == DialOptions(4, LocalAddress(None, 99), CONNECT_TIMEOUT, run.deadline, 2, 1.0, note)
    assert run.deadline.seconds == 5
    assert run.relay.deadline is run.deadline
    assert (run.relay.crlf, run.relay.shutdown, run.relay.linger) == (True, False, 1)
    assert (run.keep_open, run.probe, run.telnet, run.progress) == (False, False, None, None)


def test_a_listener_in_a_pipe() -> None:
    run = request.tcp_run(values_of("tcp -l -k -6 8080"), note)
    assert str(run.request) == "tcp-listen:127.0.0.1:8080"
    assert isinstance(run.opening, ListenOptions)
    assert (run.opening.family, run.keep_open) == (6, True)


def test_telnet_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "vt100")
    run = request.tcp_run(values_of("tcp --telnet --env A=1 --com a.test 23"), note)
    assert run.telnet is not None
    assert (run.telnet.terminal_type, run.telnet.env, run.telnet.com) == ("vt100", {"A": "1"}, "")


def test_datagrams_in_a_pipe() -> None:
    run = request.udp_run(values_of("udp --hex -n 1 -w 2 --retries 3 a.test 53 00ff 61"), note)
    assert isinstance(run, request.UdpSend)
    assert str(run.request) == "udp-send-to:a.test:53"
    assert run.datagrams == [b"\x00\xff", b"a"]
    assert (run.sending.replies, run.sending.wait, run.sending.retries) == (1, 2, 3)
    run = request.udp_run(values_of("udp a.test 53"), note)
    assert isinstance(run, request.UdpSend)
    assert run.datagrams is None


def test_receiving_in_a_pipe() -> None:
    run = request.udp_run(values_of("udp -l --count 3 --deadline 9 514"), note)
    assert isinstance(run, request.UdpReceive)
    assert str(run.request) == "udp-bind:127.0.0.1:514"
    assert (run.receiving.most, run.receiving.deadline.seconds, run.listen.deadline.seconds) == (3, 9, 9)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tcp -4 -6 a 1", "-4 and -6 exclude each other"),
        ("tcp -x - --log - a 1", "would both write to stderr"),
        ("tcp --progress -x - a 1", "--progress and a record would both write to stderr"),
        ("tcp --escape ^A a 1", "--escape is for a session"),
        ("tcp a 0", "port 0 is no port to connect to"),
        ("udp -x - --log - a 1", "would both write to stderr"),
        ("udp --empty a 1 x", "--empty is the datagram"),
    ],
)
def test_what_is_wrong_is_found_before_the_manifest_is_read(line: str, message: str) -> None:
    values = values_of(line)
    with pytest.raises(UsageError, match=message):
        request.tcp_run(values, note) if line.startswith("tcp") else request.udp_run(values, note)


# Sessions


def test_a_session() -> None:
    target = parse_at_prompt(["tcp", "--retry", "1", "--idle-timeout", "3", "-x", "file", "a.test", "80"])
    assert isinstance(target, TcpTarget)
    assert (target.request, target.dial.retry, target.limits.idle_timeout) == (_connect("a.test", 80), 1, 3)
    assert (target.telnet, target.hex_dump, target.log) == ("auto", "file", None)
    datagrams = parse_at_prompt(["udp", "--chomp", "a.test", "53"])
    assert isinstance(datagrams, UdpTarget)
    assert datagrams.chomp


@pytest.mark.parametrize(
    ("options", "at_prompt", "in_script"),
    [("", "auto", "off"), ("--telnet", "on", "piped"), ("--no-telnet", "off", "off")],
)
def test_a_script_speaks_telnet_only_if_it_is_asked_for(options: str, at_prompt: str, in_script: str) -> None:
    for parse, expected in ((parse_at_prompt, at_prompt), (parse_in_script, in_script)):
        target = parse(f"tcp {options} a 1".split())
        assert isinstance(target, TcpTarget)
        assert target.telnet == expected
        listener = parse(f"listen {options} 1".split())
        assert isinstance(listener, ListenTarget)
        assert listener.peer is not None
        assert listener.peer.telnet == expected


def test_a_listener() -> None:
    for words, expected in (
        ("listen 80", "tcp-listen:127.0.0.1:80"),
        ("listen tcp ::1 80", "tcp-listen:[::1]:80"),
        ("listen udp 53", "udp-bind:127.0.0.1:53"),
    ):
        target = parse_at_prompt(words.split())
        assert isinstance(target, ListenTarget)
        assert str(target.request) == expected


def _connect(host: str, port: int) -> Request:
    return Request(Operation.TCP_CONNECT, Host.parse(host), port)


# Authorized once


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that a policy was asked about."""
    requests: list[str] = []
    decide = Policy.decide

    def spy(self: Policy, request: Request) -> Decision:
        requests.append(str(request))
        return decide(self, request)

    monkeypatch.setattr(Policy, "decide", spy)
    return requests


def test_a_run_asks_once(asked: list[str], peer: Peer, tmp_path: Path) -> None:  # noqa: F811
    manifest = tmp_path / "rules.json"
    manifest.write_text(json.dumps({"permissions": [{"socket": ["tcp-connect:127.0.0.1"]}]}))
    words = ["--manifest", str(manifest), "-q", "tcp", "-z", "127.0.0.1", peer.port]
    assert cli.main(words, prog_name="sockcli", standalone_mode=False) is None
    assert asked == [f"tcp-connect:127.0.0.1:{peer.port}"]


def test_a_session_asks_once(asked: list[str], peer: Peer) -> None:  # noqa: F811
    async def main() -> None:
        shell = TestShell(policy_of("tcp-connect:127.0.0.1"))
        await shell.run(f"tcp 127.0.0.1 {peer.port}")
        shell.manager.close_all()

    asyncio.run(main())
    assert asked == [f"tcp-connect:127.0.0.1:{peer.port}"]


def test_clicks_commands_take_what_the_readers_take() -> None:
    """`sockcli tcp` and the REPL's `tcp` have the same options, because both are made by the same decorator."""
    for name in ("tcp", "udp"):
        reader = READERS["tcp" if name == "tcp" else "udp"]
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert [param.to_info_dict() for param in command.params] == [param.to_info_dict() for param in reader.params]
