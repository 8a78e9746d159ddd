"""What is denied reaches nothing, seen from the kernel: no IP socket, no resolver file, no packet.

Every way of `tests/denied_ways.py` runs under strace, in a network namespace with a name server that would answer.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.denied_ways import ANYTHING, COMMANDS, DENIED, LISTENING, QUIT, Outcome, Place, Way, ways
from tests.netns import Namespace, namespace
from tests.servers import program
from tests.waiting import PATIENCE

# Calls of the kernel that a run makes before it has said no, and that would be too many. AF_UNIX is asyncio's own
# pair; to connect one is to ask a daemon, as nscd or systemd-resolved, or to log.
FORBIDDEN: Final = re.compile(
    r"^(?:socket\((?!AF_UNIX)|connect\(|.*sa_family=AF_(?!UNIX)"
    r'|open\w*\(.*"/etc/(?:resolv\.conf|hosts|host\.conf|nsswitch\.conf|gai\.conf|networks)"'
    r"|open\w*\(.*(?:libnss_|libresolv))",
    re.MULTILINE,
)
WAYS: Final = ways()
DENIAL: Final = " denied: "


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    with namespace(tmp_path_factory.mktemp("namespace"), ["192.0.2.7/32", "2001:db8::7/128", "fe80::7/64"]) as made:
        yield made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("place"))
    made.build()
    return made


def strace(traces: Path) -> list[str]:
    """Each process and each thread has a file of its own in `traces`."""
    traces.mkdir()
    # With --seccomp-bpf the kernel stops a process at these calls only, which is several times as fast.
    options = ["--follow-forks", "--output-separately", "--seccomp-bpf", "-qq"]
    return [program("strace"), *options, "--trace=%network,open,openat,openat2", f"--output={traces}/trace"]


def run_all(net: Namespace, place: Place, traces: Path, chosen: Iterable[Way]) -> list[Outcome]:
    runner = [sys.executable, "-m", "tests.denied_ways", str(place.directory), str(traces)]
    done = subprocess.run(
        net.command(*strace(traces), *runner),
        input=json.dumps(list(chosen)).encode(),
        capture_output=True,
        timeout=12 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [Outcome(*each) for each in json.loads(done.stdout)]


def reached(traces: Path, names: Iterable[str]) -> list[str]:
    """The calls that were too many."""
    texts = [(traces / name).read_text(errors="replace") for name in names]
    return [line for text in texts for line in text.splitlines() if FORBIDDEN.search(line)]


def packets(net: Namespace) -> int:
    """How many the namespace's only device has carried."""
    table = subprocess.run(net.command("cat", "/proc/net/dev"), capture_output=True, check=True).stdout.decode()
    rows = dict(line.split(":") for line in table.splitlines() if ":" in line)
    assert [name.strip() for name in rows if name.strip() == "lo"] == ["lo"]
    return sum(int(columns.split()[1]) + int(columns.split()[9]) for columns in rows.values())


def test_there_are_enough_ways() -> None:
    """What was asked for; there are several times as many."""
    assert sum(map(len, WAYS.values())) >= 200


@pytest.mark.parametrize("group", WAYS)
def test_denied_reaches_nothing(net: Namespace, place: Place, tmp_path: Path, group: str) -> None:
    """Takes longer than most tests: it starts up to 200 processes, each of them traced."""
    chosen, traces = WAYS[group], tmp_path / "traces"
    with net.resolver("--host-record=printer.test,192.0.2.7,2001:db8::7") as resolver:
        before = packets(net)
        outcomes = run_all(net, place, traces, chosen)
        carried = packets(net) - before
        asked = resolver.log.read_text().count("query")
    wrong = []
    for way, outcome in zip(chosen, outcomes, strict=True):
        assert outcome.traces, f"not traced: {way}"
        calls = reached(traces, outcome.traces)
        if calls or outcome.code != way.code or (way.code == QUIT and DENIAL not in outcome.said):
            wrong.append(f"{way}: {outcome.code}, not {way.code}; {calls}; {outcome.said.strip()}")
    assert not wrong, f"{len(wrong)} of {len(chosen)}:\n" + "\n".join(wrong)
    assert (carried, asked) == (0, 0)
    # The process that they were forked from has loaded everything, and reached nothing either.
    assert not reached(traces, os.listdir(traces))


@pytest.mark.parametrize("command", [*COMMANDS, *LISTENING])
def test_a_process_of_its_own_reaches_nothing(net: Namespace, place: Place, tmp_path: Path, command: str) -> None:
    """As a user starts it, so that nothing depends on the fork above."""
    way = Way("no rules", (*command.split(), "printer.test", "99"), DENIED)
    done = start(net, place, tmp_path, way)
    assert done.returncode == DENIED, done.stderr.decode()
    traces = tmp_path / "traces"
    assert not reached(traces, os.listdir(traces))


def start(net: Namespace, place: Place, tmp_path: Path, way: Way) -> subprocess.CompletedProcess[bytes]:
    command = [*strace(tmp_path / "traces"), sys.executable, "-m", "sockcli", *place.command(way)]
    return subprocess.run(
        net.command(*command),
        input=way.stdin.encode(),
        capture_output=True,
        env=place.environment(way),
        cwd=place.working_directory(way),
        timeout=4 * PATIENCE,
    )


ALLOWED: Final = {
    "udp printer.test 99 hello": "an IP socket, a resolver file and a packet",
    "udp 127.0.0.1 99 hello": "an IP socket and a packet",
    "tcp -z 127.0.0.1 99": "an IP socket and a packet",
    "check --resolve tcp-connect printer.test 99": "a resolver file and a packet",
    "tcp -l --deadline 0.1 98": "an IP socket",
}


@pytest.mark.parametrize("line", ALLOWED)
def test_what_is_allowed_is_seen(net: Namespace, place: Place, tmp_path: Path, line: str) -> None:
    """Else the tests above would prove nothing."""
    before = packets(net)
    with net.resolver("--host-record=printer.test,192.0.2.7"):
        start(net, place, tmp_path, Way(ANYTHING, tuple(line.split()), 0))
    calls = "\n".join(reached(tmp_path / "traces", os.listdir(tmp_path / "traces")))
    seen = ALLOWED[line]
    assert ("an IP socket" not in seen) or re.search(r"^socket\(AF_INET", calls, re.MULTILINE)
    assert ("a resolver file" in seen) == ("/etc/resolv.conf" in calls)
    assert ("a packet" not in seen) or packets(net) > before


def test_send_to_that_is_denied_sends_nothing(net: Namespace, place: Place, tmp_path: Path) -> None:
    """It needs a port that is bound, which is allowed; whom it goes to is not."""
    before = packets(net)
    for number, target in enumerate(("127.0.0.1 99", "printer.test 99", "[::1]:99", "localhost:99")):
        directory = tmp_path / str(number)
        directory.mkdir()
        script = f"listen udp 127.0.0.1 0\nsend --to {target} hello\n"
        done = start(net, place, directory, Way("all but udp-send-to", ("repl",), DENIED, script))
        assert done.returncode == DENIED, done.stderr.decode()
        calls = reached(directory / "traces", os.listdir(directory / "traces"))
        kinds = [call.partition("(")[0] for call in calls]
        assert set(kinds) <= {"socket", "bind", "getsockname"}, calls
        assert kinds.count("socket") == 1
    assert packets(net) == before
