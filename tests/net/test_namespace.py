"""What the loopback cannot show: no route, no answer, name servers that are absent, silent or redirected.

Each test runs programs inside a network of its own (`tests/netns.py`) and reads what came of it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.netns import Namespace, namespace
from tests.servers import program
from tests.waiting import PATIENCE

# Opens what its first argument asks for, as the command line would, and says what came of it in one line.
PROBE: Final = """
import sys
from sockcli.engine import Engine
from sockcli.base.connect_options import DialOptions
from sockcli.errors import Interrupted, SockcliError
from sockcli.base.interrupts import SignalInterrupt, die_of
from tests.net.support import policy, request

wanted, rule, seconds, retry = sys.argv[1:]
options = DialOptions(connect_timeout=float(seconds), retry=int(retry), retry_delay=0)
try:
    transport = Engine(policy(rule), interrupt=SignalInterrupt()).open(request(wanted), options)
    print("to", transport.peer)
except Interrupted as exc:
    die_of(exc.signum)
except SockcliError as exc:
    print(f"{type(exc).__name__} {exc.exit_code:d}: {exc} | {exc.hint}")
"""

SERVER: Final = """
import socket, sys
host, port = sys.argv[1:]
server = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
print("ready", flush=True)
sys.stdin.read()
"""

# Takes queries and never answers; says so when the first one has come.
SILENT_NAME_SERVER: Final = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
server.recv(1000)
print("asked", flush=True)
server.recv(1000)
"""

ECHO: Final = """
import socket, sys
from sockcli.base.deadline import Deadline
from sockcli.engine import Engine
from sockcli.net.transport import NotReady
from sockcli.base.poller import READABLE, wait
from tests.net.support import policy, request, take

host, interface = sys.argv[1:]
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.bind((host, 0, 0, socket.if_nametoindex(interface)))
wanted = request(f"udp-send-to:[{host}%{interface}]:{server.getsockname()[1]}")
transport = Engine(policy("udp-send-to")).open(wanted)
transport.send(memoryview(b"hello"))
data, sender = server.recvfrom(100)
server.sendto(data.upper(), sender)
print(take(transport), transport.peer, transport.foreign)
"""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """192.0.2.7 is here; 198.51.100.0/24 has no way out; what is sent to 203.0.113.0/24 disappears."""
    addresses = ["192.0.2.7/32", "2001:db8::7/128", "fe80::7/64"]
    with namespace(tmp_path_factory.mktemp("namespace"), addresses) as made:
        ip = program("ip")
        run(made, ip, "route", "add", "unreachable", "198.51.100.0/24")
        # Devices that take packets and drop them; kernels have the one or the other.
        if not any(succeeds(made, ip, "link", "add", "hole", "type", kind) for kind in ("dummy", "ifb")):
            pytest.skip("this kernel has no device that swallows packets")
        run(made, ip, "link", "set", "hole", "up")
        run(made, ip, "route", "add", "203.0.113.0/24", "dev", "hole")
        yield made


def succeeds(net: Namespace, *command: str) -> bool:
    return subprocess.run(net.command(*command), capture_output=True).returncode == 0


def run(net: Namespace, *command: str) -> None:
    done = subprocess.run(net.command(*command), capture_output=True)
    assert done.returncode == 0, done.stderr


@contextmanager
def started(net: Namespace, source: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program inside, that has said "ready"."""
    process = subprocess.Popen(
        net.command(sys.executable, "-c", source, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def probe(
    net: Namespace,
    wanted: str,
    rule: str = "",
    *,
    seconds: float = PATIENCE,
    retry: int = 0,
    environ: Mapping[str, str] | None = None,
) -> str:
    variables = [f"{name}={value}" for name, value in (environ or {}).items()]
    arguments = (wanted, rule or wanted, str(seconds), str(retry))
    command = net.command("env", *variables, sys.executable, "-c", PROBE, *arguments)
    done = subprocess.run(command, capture_output=True, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


class TestRoutes:
    @pytest.mark.parametrize(
        ("wanted", "words"),
        [
            ("tcp-connect:8.8.8.8:9", "Unreachable 6: tcp-connect 8.8.8.8:9: network is unreachable"),
            ("udp-send-to:8.8.8.8:9", "Unreachable 6: udp-send-to 8.8.8.8:9: network is unreachable"),
            ("tcp-connect:[2001:db8::8]:9", "network is unreachable"),
            ("tcp-connect:198.51.100.1:9", "Unreachable 6: tcp-connect 198.51.100.1:9: no route to host"),
            ("udp-send-to:198.51.100.1:9", "Unreachable 6: udp-send-to 198.51.100.1:9: no route to host"),
        ],
    )
    def test_no_way_there(self, net: Namespace, wanted: str, words: str) -> None:
        assert words in probe(net, wanted)

    def test_no_answer(self, net: Namespace) -> None:
        assert probe(net, "tcp-connect:203.0.113.1:9", seconds=0.1) == (
            "TimedOut 7: tcp-connect 203.0.113.1:9: not connected within 0.1 s: no answer | None"
        )

    def test_no_answer_to_either_try(self, net: Namespace) -> None:
        assert "no answer (2 tries)" in probe(net, "tcp-connect:203.0.113.1:9", seconds=0.1, retry=1)


class TestLinkLocal:
    def test_needs_its_interface(self, net: Namespace) -> None:
        with started(net, SERVER, "::", "4001"):
            assert probe(net, "tcp-connect:[fe80::7%lo]:4001") == "to [fe80::7%lo]:4001"
            said = probe(net, "tcp-connect:[fe80::7]:4001")
            assert "Unreachable 6: tcp-connect [fe80::7]:4001: invalid argument" in said
            assert "needs its interface" in said

    def test_reply_is_known_as_the_peers(self, net: Namespace) -> None:
        done = subprocess.run(
            net.command(sys.executable, "-c", ECHO, "fe80::7", "lo"), capture_output=True, timeout=PATIENCE
        )
        assert done.stdout.startswith(b"b'HELLO' [fe80::7%lo]:"), done.stderr
        assert done.stdout.endswith(b" 0\n")


class TestBroadcast:
    """An ordinary address to look at: which one goes to every machine depends on the networks of this one."""

    @pytest.fixture
    def lan(self, net: Namespace) -> None:
        run(net, program("ip"), "address", "replace", "10.9.0.1/24", "broadcast", "10.9.0.255", "dev", "hole")

    @pytest.mark.usefixtures("lan")
    def test_an_exact_name_does_not_lead_there(self, net: Namespace) -> None:
        with net.resolver("--host-record=printer.test,10.9.0.255", "--host-record=good.test,10.9.0.255,192.0.2.7"):
            said = probe(net, "udp-send-to:printer.test:9")
            assert said.startswith("Denied 3:")
            assert "10.9.0.255 (broadcast)" in said
            assert probe(net, "udp-send-to:good.test:9") == "to 192.0.2.7:9"
            assert probe(net, "udp-send-to:printer.test:9", "udp-send-to:*:9") == "to 10.9.0.255:9"

    @pytest.mark.usefixtures("lan")
    def test_a_rule_for_the_address_does(self, net: Namespace) -> None:
        assert probe(net, "udp-send-to:10.9.0.255:9") == "to 10.9.0.255:9"
        assert probe(net, "udp-send-to:10.9.0.255:9", "udp-send-to:10.9.0.0/24").startswith("Denied 3:")


class TestNames:
    def test_dead_addresses_are_passed_over_with_one_lookup(self, net: Namespace) -> None:
        records = [f"--host-record=printer.test,{text}" for text in ("203.0.113.1", "198.51.100.1", "192.0.2.7")]
        with net.resolver(*records) as resolver, started(net, SERVER, "192.0.2.7", "4002"):
            assert probe(net, "tcp-connect:printer.test:4002") == "to 192.0.2.7:4002"
            said = probe(net, "tcp-connect:printer.test:4003", seconds=1, retry=2)
            assert "192.0.2.7:4003 connection refused" in said
            assert "198.51.100.1:4003 no route to host" in said
            assert "203.0.113.1:4003 no answer" in said
            assert said.startswith("TimedOut 7:")
            assert "(3 tries)" in said
            # One query for each family and each run: further tries ask nobody.
            assert resolver.log.read_text().count("query[A] printer.test") == 2

    def test_only_the_family_asked_for_is_looked_up(self, net: Namespace) -> None:
        with net.resolver("--host-record=printer.test,192.0.2.7,2001:db8::7") as resolver:
            with started(net, SERVER, "2001:db8::7", "4004"):
                assert probe(net, "tcp-connect:printer.test:4004") == "to [2001:db8::7]:4004"
            assert "query[AAAA]" in resolver.log.read_text()

    def test_denied_name_is_not_asked_for(self, net: Namespace) -> None:
        with net.resolver("--host-record=printer.test,192.0.2.7") as resolver:
            said = probe(net, "tcp-connect:printer.test:9", "tcp-connect:other.test:9")
            assert said.startswith("Denied 3:")
            assert "query" not in resolver.log.read_text()

    def test_name_that_leads_inside(self, net: Namespace) -> None:
        with net.resolver("--host-record=rebind.test,127.0.0.1"), started(net, SERVER, "127.0.0.1", "4005"):
            assert probe(net, "tcp-connect:rebind.test:4005").startswith("Denied 3:")

    def test_unknown_name(self, net: Namespace) -> None:
        with net.resolver():
            assert probe(net, "tcp-connect:nosuch.test:9").startswith("Unresolved 5: nosuch.test: no such host name")

    def test_name_without_addresses(self, net: Namespace) -> None:
        with net.resolver("--txt-record=text.test,words"):
            assert probe(net, "tcp-connect:text.test:9").startswith("Unresolved 5: text.test: the name has no address")

    def test_no_name_server(self, net: Namespace) -> None:
        said = probe(net, "tcp-connect:printer.test:9")
        assert said.startswith("Unresolved 5: printer.test: temporary failure: no name server answered")
        assert "/etc/resolv.conf" in said

    def test_silent_name_server(self, net: Namespace) -> None:
        with started(net, SILENT_NAME_SERVER):
            assert probe(net, "tcp-connect:printer.test:9", seconds=0.2).startswith(
                "TimedOut 7: printer.test: the name lookup took longer than 0.2 s"
            )

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
    def test_silent_name_server_and_a_signal(self, net: Namespace, signum: int) -> None:
        """getaddrinfo itself goes on for 30 s."""
        with started(net, SILENT_NAME_SERVER) as server:
            command = net.command(
                sys.executable, "-c", PROBE, "tcp-connect:printer.test:9", "tcp-connect", str(4 * PATIENCE), "0"
            )
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            assert server.stdout is not None
            assert server.stdout.readline() == b"asked\n"
            process.send_signal(signum)
            assert process.wait(PATIENCE) == -signum

    def test_environment_does_not_send_a_name_elsewhere(self, net: Namespace, tmp_path: Path) -> None:
        aliases = tmp_path / "aliases"
        aliases.write_text("printer evil.test\n")
        with net.resolver("--host-record=evil.test,192.0.2.7", "--host-record=printer.evil.test,192.0.2.7"):
            for name, value in (("HOSTALIASES", str(aliases)), ("LOCALDOMAIN", "evil.test")):
                said = probe(net, "tcp-connect:printer:9", "tcp-connect", environ={name: value})
                assert said.startswith("Unresolved 5: printer:"), (name, said)


def test_machine_without_ipv6(tmp_path: Path) -> None:
    with namespace(tmp_path / "namespace") as net:
        if not succeeds(net, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6"):
            pytest.skip("IPv6 cannot be turned off here")
        with started(net, SERVER, "127.0.0.1", "4006"):
            assert probe(net, "tcp-connect:localhost:4006") == "to 127.0.0.1:4006"
        said = probe(net, "tcp-connect:localhost:4006")
        assert "127.0.0.1:4006 connection refused" in said
        assert said.startswith("Unreachable 6:")
