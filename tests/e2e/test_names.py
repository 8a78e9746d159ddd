"""Names that lead where they should not, in a network of the test's own with its own resolver."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.runner import Process, Sockcli
from tests.netns import Namespace, namespace
from tests.servers import Server, program, stop
from tests.waiting import until, wait_for_port

PRIVATE, GLOBAL, GLOBAL6, LINK_LOCAL = "10.20.30.40", "93.184.216.34", "2606:4700::5", "169.254.169.254"

RECORDS = {
    "inside.test": "127.0.0.1",
    "inside6.test": "::1",
    "metadata.test": LINK_LOCAL,
    "private.test": PRIVATE,
    "global.test": GLOBAL,
    "global6.test": GLOBAL6,
    "zero.test": "0.0.0.0",
    "mixed.test": f"127.0.0.1,{GLOBAL6}",
    "dead.test": f"{PRIVATE},2606:4700::dead",
    "hijacked.evil.test": "127.0.0.1",
}


class Network:
    """The namespace, its resolver, and one TCP server in it that answers on every address with its port."""

    def __init__(self, inside: Namespace, resolver: Server, port: int, sockcli: Sockcli) -> None:
        self.inside = inside
        self.resolver = resolver
        self.port = port
        self.sockcli = sockcli

    def queries(self, name: str) -> list[str]:
        """The kinds of record that were asked for."""
        lines = self.resolver.log.read_text().splitlines()
        return [line.partition("query[")[2].partition("]")[0] for line in lines if f"] {name} from" in line]

    def connect(self, name: str, *options: str) -> int:
        """The exit code of a probe of `name`."""
        result = self.sockcli.run("tcp", "-z", *options, name, self.port, before=self.inside.command())
        assert "Traceback" not in result.err
        return result.code


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    addresses = [f"{PRIVATE}/32", f"{GLOBAL}/32", f"{LINK_LOCAL}/32", f"{GLOBAL6}/128"]
    with namespace(tmp_path_factory.mktemp("netns"), addresses) as entered:
        yield entered


@pytest.fixture(scope="module")
def resolver(inside: Namespace) -> Iterator[Server]:
    records = [f"--host-record={name},{addresses}" for name, addresses in RECORDS.items()]
    with inside.resolver(*records) as server:
        yield server


@pytest.fixture(scope="module")
def answering(inside: Namespace) -> Iterator[int]:
    """A port on which every address of the network answers."""
    command = inside.command(program("socat"), "TCP6-LISTEN:7000,ipv6only=0,fork,reuseaddr", "EXEC:true")
    server = subprocess.Popen(command)
    wait_for_port("tcp", server.pid)
    yield 7000
    stop(server)


@pytest.fixture
def network(inside: Namespace, resolver: Server, answering: int, sockcli: Sockcli) -> Network:
    return Network(inside, resolver, answering, sockcli)


def test_the_network_is_as_the_tests_want_it(network: Network) -> None:
    """Every name leads to a server that answers, so that only the policy can be what stops it."""
    network.sockcli.allow("tcp-connect")
    for name in RECORDS:
        if name not in ("zero.test", "dead.test"):
            assert network.connect(name) == 0, name


@pytest.mark.parametrize(
    ("name", "exact", "domain", "any_host"),
    [
        ("global.test", 0, 0, 0),
        ("global6.test", 0, 0, 0),
        ("private.test", 0, 3, 0),
        ("inside.test", 3, 3, 0),
        ("inside6.test", 3, 3, 0),
        ("metadata.test", 3, 3, 0),
        ("mixed.test", 0, 0, 0),
    ],
)
def test_where_a_name_may_lead(network: Network, name: str, exact: int, domain: int, any_host: int) -> None:
    port = network.port
    for rule, code in ((name, exact), ("*.test", domain), ("*", any_host), ("", any_host)):
        network.sockcli.allow(f"tcp-connect:{rule}:{port}")
        assert network.connect(name) == code, rule


@pytest.mark.parametrize(
    ("name", "address"), [("inside.test", "127.0.0.1"), ("inside6.test", "[::1]"), ("metadata.test", LINK_LOCAL)]
)
def test_an_address_rule_besides_lets_it(network: Network, name: str, address: str) -> None:
    port = network.port
    network.sockcli.allow(f"tcp-connect:{name}:{port}", f"tcp-connect:{address}:{port}")
    assert network.connect(name) == 0
    # But not one for another operation or port.
    network.sockcli.allow(f"tcp-connect:{name}:{port}", f"tcp-connect:{address}:{port + 1}", f"udp-send-to:{address}")
    assert network.connect(name) == 3


def test_the_denial_says_which_rule_is_missing(network: Network) -> None:
    network.sockcli.allow("tcp-connect:*.test")
    result = network.sockcli.run("tcp", "private.test", network.port, before=network.inside.command())
    assert result.code == 3
    assert f"tcp-connect:{PRIVATE}:{network.port}" in result.err


@pytest.mark.parametrize(
    "deny", ["tcp-connect:169.254.0.0/16", "tcp-connect:169.254.169.254", "tcp-connect:metadata.test"]
)
def test_a_deny_rule_wins_over_where_a_name_leads(network: Network, deny: str) -> None:
    network.sockcli.allow("tcp-connect", "tcp-connect:169.254.169.254", deny=[deny])
    assert network.connect("metadata.test") == 3


def test_a_denied_address_among_others_is_dropped(network: Network) -> None:
    network.sockcli.allow("tcp-connect", deny=[f"tcp-connect:[{GLOBAL6}]"])
    result = network.sockcli.run("-v", "tcp", "-z", "mixed.test", network.port, before=network.inside.command())
    assert result.code == 0
    assert f"127.0.0.1:{network.port}" in result.err


@pytest.mark.parametrize("rules", [[], ["tcp-connect:other.test"], ["tcp-connect:{}.test:1"]])
def test_a_name_that_no_rule_covers_is_not_even_asked_for(network: Network, rules: list[str]) -> None:
    network.sockcli.allow(*(rule.format("private") for rule in rules), "resolve-host")
    asked = network.queries("private.test")
    assert network.connect("private.test") == 3
    assert network.queries("private.test") == asked


def test_nor_is_one_that_is_denied(network: Network) -> None:
    network.sockcli.allow("tcp-connect", deny=["tcp-connect:private.test"])
    asked = network.queries("private.test")
    assert network.connect("private.test") == 3
    assert network.queries("private.test") == asked


def test_localhost_is_not_looked_up(network: Network) -> None:
    network.sockcli.allow("tcp-connect:localhost")
    assert network.connect("localhost") == 0
    assert network.queries("localhost") == []


def test_names_are_resolved_once(network: Network) -> None:
    network.sockcli.allow("tcp-connect")
    before = network.queries("dead.test")
    result = network.sockcli.run(
        "tcp", "--retry", "2", "--retry-delay", "0.01", "dead.test", 9, before=network.inside.command()
    )
    assert result.code == 6
    assert sorted(network.queries("dead.test")[len(before) :]) == ["A", "AAAA"]


def test_all_attempts_are_reported_when_all_fail(network: Network) -> None:
    network.sockcli.allow("tcp-connect")
    result = network.sockcli.run("tcp", "dead.test", 9, before=network.inside.command())
    assert result.code == 6
    assert PRIVATE in result.err
    assert "2606:4700::dead" in result.err


def test_a_dead_address_does_not_keep_from_the_living_one(network: Network) -> None:
    network.sockcli.allow("tcp-connect")
    assert network.connect("dead.test") == 0


@pytest.mark.parametrize(
    ("option", "name", "code"),
    [("-4", "mixed.test", 0), ("-6", "mixed.test", 0), ("-4", "global6.test", 5), ("-6", "private.test", 5)],
)
def test_a_name_in_one_family(network: Network, option: str, name: str, code: int) -> None:
    network.sockcli.allow("tcp-connect")
    assert network.connect(name, option) == code


def test_a_name_that_does_not_exist(network: Network) -> None:
    network.sockcli.allow("tcp-connect")
    result = network.sockcli.run("tcp", "nowhere.test", network.port, before=network.inside.command())
    assert result.code == 5
    assert "nowhere.test" in result.err


def test_the_unspecified_address_is_no_answer(network: Network) -> None:
    network.sockcli.allow("tcp-connect")
    assert network.connect("zero.test") in (3, 6)


@pytest.mark.parametrize(
    ("variable", "value"), [("LOCALDOMAIN", "evil.test"), ("RES_OPTIONS", "ndots:15"), ("HOSTALIASES", "aliases")]
)
def test_the_environment_does_not_send_a_name_elsewhere(network: Network, variable: str, value: str) -> None:
    """With any of these, glibc asks for, or takes the answer of, a name that nobody allowed."""
    sockcli = network.sockcli
    (sockcli.working_directory / "aliases").write_text("hijacked inside.test\n")
    sockcli.allow("tcp-connect:hijacked", "tcp-connect:127.0.0.1")
    environment = {"LOCALDOMAIN": "evil.test", variable: value} if variable == "RES_OPTIONS" else {variable: value}
    before = len(network.queries("hijacked.evil.test")) + len(network.queries("inside.test"))
    result = sockcli.run("tcp", "-z", "hijacked", network.port, before=network.inside.command(), env=environment)
    assert result.code == 5
    assert len(network.queries("hijacked.evil.test")) + len(network.queries("inside.test")) == before


def test_udp_by_name(network: Network, tmp_path: Path) -> None:
    received = tmp_path / "received"
    server = subprocess.Popen(
        network.inside.command(program("socat"), "-u", f"UDP4-RECV:7001,bind={PRIVATE}", f"OPEN:{received},creat")
    )
    try:
        wait_for_port("udp", server.pid)
        network.sockcli.allow("udp-send-to:*.test")
        command = ["udp", "private.test", "7001", "secret"]
        assert network.sockcli.run(*command, before=network.inside.command()).code == 3
        network.sockcli.allow("udp-send-to:private.test")
        assert network.sockcli.run(*command, before=network.inside.command()).code == 0
        until(lambda: received.exists() and received.read_bytes(), "the datagram")
        assert received.read_bytes() == b"secret"
    finally:
        stop(server)


def test_check_asks_only_with_resolve(network: Network) -> None:
    network.sockcli.allow("tcp-connect:*.test")
    inside = network.inside.command()
    asked = len(network.queries("private.test"))
    assert network.sockcli.run("check", "tcp-connect:private.test:80", before=inside).code == 0
    assert len(network.queries("private.test")) == asked
    assert network.sockcli.run("check", "--resolve", "tcp-connect:private.test:80", before=inside).code == 3
    assert network.sockcli.run("check", "--resolve", "tcp-connect:global.test:80", before=inside).code == 0
    assert len(network.queries("private.test")) > asked


class TestSilentResolver:
    """A server that takes the question and never answers."""

    @pytest.fixture(scope="class")
    @classmethod
    def silent(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Namespace, Path]]:
        directory = tmp_path_factory.mktemp("silent")
        questions = directory / "questions"
        with namespace(directory) as inside:
            command = inside.command(program("socat"), "-u", "UDP4-RECV:53,bind=127.0.0.1", f"OPEN:{questions},creat")
            server = subprocess.Popen(command)
            wait_for_port("udp", server.pid)
            yield inside, questions
            stop(server)

    @contextmanager
    def asking(self, sockcli: Sockcli, silent: tuple[Namespace, Path], *words: str) -> Iterator[Process]:
        """A run that has asked its question and waits."""
        inside, questions = silent
        before = questions.stat().st_size if questions.exists() else 0
        process = sockcli.start(*words, before=inside.command())
        until(lambda: questions.exists() and questions.stat().st_size > before, "the question")
        yield process

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    @pytest.mark.parametrize("words", [["tcp", "slow.test", "80"], ["udp", "slow.test", "80", "x"]])
    def test_a_signal_ends_the_wait(
        self, sockcli: Sockcli, silent: tuple[Namespace, Path], words: list[str], signum: signal.Signals
    ) -> None:
        with self.asking(sockcli, silent, *words) as process:
            process.kill(signum)
            result = process.finish()
            assert (result.code, result.err) == (-signum, "")

    @pytest.mark.parametrize(
        "words",
        [
            ["tcp", "--deadline", "0.5", "slow.test", "80"],
            ["tcp", "--connect-timeout", "0.5", "slow.test", "80"],
            ["udp", "--deadline", "0.5", "slow.test", "80", "x"],
            ["check", "--resolve", "--deadline", "0.5", "tcp-connect:slow.test:80"],
        ],
    )
    def test_a_limit_ends_the_wait(self, sockcli: Sockcli, silent: tuple[Namespace, Path], words: list[str]) -> None:
        with self.asking(sockcli, silent, *words) as process:
            result = process.finish()
            assert result.code == 7
            assert result.seconds >= 0.5
            assert "slow.test" in result.err


def test_nothing_on_this_machine_answers_from_inside(inside: Namespace) -> None:
    """The network is really another one."""
    with socket.create_server(("127.0.0.1", 0)) as outside:
        done = subprocess.run(
            inside.command(program("socat"), "-u", "OPEN:/dev/null", f"TCP:127.0.0.1:{outside.getsockname()[1]}"),
            capture_output=True,
            timeout=15,
        )
    assert done.returncode != 0
