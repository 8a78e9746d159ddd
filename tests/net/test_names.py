"""Names as a resolver's settings and a hostile name server would have them: in a network of the tests' own.

One program inside asks for all names of a table, and each test looks at what it said of one. Only `resolve` and
`admit` are run: what may be connected to is exactly what they give.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import pytest

from sockcli.base.endpoint import Host
from tests.net.name_server import FAULTS
from tests.netns import Namespace, namespace
from tests.waiting import PATIENCE

# Reads [[request, rules, denied], ...] and says for each what is admitted, or the error.
PROBE: Final = """
import json, sys
from sockcli.engine import Engine
from sockcli.errors import SockcliError
from sockcli.net.resolve import resolve
from tests.net.support import policy, request

def ask(wanted, rules, denied):
    grant = policy(*rules, deny=denied).authorize(request(wanted))
    return [str(each.host) for each in grant.admit(resolve(grant))]

said = []
for case in json.load(sys.stdin):
    try:
        said.append(ask(*case))
    except SockcliError as exc:
        said.append(type(exc).__name__)
print(json.dumps(said))
"""

Table = dict[str, list[list[str]]]


class Said(NamedTuple):
    """What came of each question, and the names that the server was asked for."""

    answers: list[list[str] | str]
    asked: list[str]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    with namespace(tmp_path_factory.mktemp("names")) as made:
        yield made


@contextmanager
def settings(net: Namespace, resolv: str = "", hosts: str = "") -> Iterator[None]:
    """More lines for /etc/resolv.conf and /etc/hosts. They are mounted, so that they are written in place."""
    before = {name: (net.directory / name).read_text() for name in ("resolv.conf", "hosts")}
    (net.directory / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n" + resolv)
    (net.directory / "hosts").write_text(before["hosts"] + hosts)
    try:
        yield
    finally:
        for name, text in before.items():
            (net.directory / name).write_text(text)


def ask(net: Namespace, table: Table, questions: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> Said:
    """Put the questions, one after the other, to a server that has this table."""
    file = net.directory / "table.json"
    file.write_text(json.dumps(table))
    server = subprocess.Popen(
        net.command(sys.executable, "-m", "tests.net.name_server", str(file)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    try:
        done = subprocess.run(
            net.command(sys.executable, "-c", PROBE),
            input=json.dumps(questions),
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE,
        )
    finally:
        log, _ = server.communicate("\n", timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return Said(json.loads(done.stdout), [line.split()[1] for line in log.splitlines()])


def connect(host: str, *rules: str, deny: Sequence[str] = ()) -> tuple[str, Sequence[str], Sequence[str]]:
    return f"tcp-connect:{host}:80", rules or (f"tcp-connect:{host}:80",), deny


SEARCH: Final = "search evil.test\noptions ndots:5\n"
EVIL: Final[Table] = {
    f"{name}.evil.test": [["@ A 8.8.8.8"]] for name in ("db.example.test", "example.test", "a.b.c.d.test")
}


class TestSearchLists:
    """`search evil.test` and `ndots:5` make no other name of one that has a dot."""

    def test_a_name_with_a_dot_is_asked_for_as_it_stands(self, net: Namespace) -> None:
        names = ["db.example.test", "example.test", "a.b.c.d.test", "Example.Test."]
        with settings(net, SEARCH):
            said = ask(net, EVIL, [connect(name) for name in names])
        assert said.answers == ["Unresolved"] * 4
        assert set(said.asked) == {"db.example.test", "example.test", "a.b.c.d.test"}

    def test_it_is_found_whatever_ndots_says(self, net: Namespace) -> None:
        table = {**EVIL, "db.example.test": [["@ A 9.9.9.9"]]}
        for resolv in (SEARCH, "search evil.test\noptions ndots:1\n", "domain evil.test\n"):
            with settings(net, resolv):
                said = ask(net, table, [connect("db.example.test")])
            assert said.answers == [["9.9.9.9"]]
            assert set(said.asked) == {"db.example.test"}

    def test_a_single_label_is_looked_up_as_the_system_does(self, net: Namespace) -> None:
        with settings(net, SEARCH):
            said = ask(net, {"db.evil.test": [["@ A 9.9.9.9"]]}, [connect("db")])
        assert said.answers == [["9.9.9.9"]]
        assert said.asked[0] == "db.evil.test"

    def test_the_hosts_file_comes_first(self, net: Namespace) -> None:
        hosts = "# 8.8.8.8 db.example.test\n9.9.9.9 other DB.example.test # db2.example.test\n"
        hosts += "2606:4700::1 db.example.test\n1.2.3 short.example.test\n9.9.9.9 notdb.example.test\n"
        table: Table = {name: [["@ A 9.9.9.10"]] for name in ("db2.example.test", "short.example.test")}
        names = ["db.example.test", "db2.example.test", "short.example.test"]
        with settings(net, SEARCH, hosts):
            said = ask(net, table, [connect(name) for name in names])
        assert said.answers == [["9.9.9.9", "2606:4700::1"], ["9.9.9.10"], ["9.9.9.10"]]
        assert "db.example.test" not in said.asked

    def test_the_hosts_file_that_leads_inside_is_checked_too(self, net: Namespace) -> None:
        with settings(net, hosts="127.0.0.1 db.example.test\n"):
            assert ask(net, {}, [connect("db.example.test")]).answers == ["Denied"]

    def test_names_under_localhost_are_never_asked_of_a_server(self, net: Namespace) -> None:
        table: Table = {name: [["@ A 8.8.8.8"]] for name in ("app.localhost", "a.b.localhost", "localhost.evil.test")}
        with settings(net, SEARCH, "8.8.8.8 app.localhost\n"):
            questions = [connect("app.localhost"), connect("a.b.localhost"), connect("localhost")]
            said = ask(net, table, questions)
        assert said.answers == [["::1", "127.0.0.1"]] * 3
        assert said.asked == []


EXACT, SUFFIX, ANY = "tcp-connect:{}:80", "tcp-connect:*.test:80", "tcp-connect"
GOOD, GOOD6 = "8.8.8.8", "2606:4700::1111"
METADATA: Final = (
    *("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"),
    *("fd00:c1::a9fe:a9fe", "fd00:42::42", "fe80::a9fe:a9fe", "64:ff9b::a9fe:a9fe"),
)
# No name leads there by a rule that names it.
NEVER: Final = (
    *METADATA,
    *("127.0.0.1", "127.1.2.3", "::1", "169.254.0.1", "fe80::1", "224.0.0.1", "255.255.255.255", "ff02::1", "0.1.2.3"),
    *("0.0.0.0", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::"),
    *("2001:0:808:808::80ff:fffe", "::ffff:169.254.169.254", "64:ff9b::"),
)
# An exact name may lead there, one under a domain may not.
INSIDE: Final = (
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "192.0.2.1", "240.0.0.1", "fd00::1", "2001:db8::1"),
    *("64:ff9b::8.8.8.8", "2002:808:808::", "::8.8.8.8", "fec0::1"),
)


class Case(NamedTuple):
    """What the server answers to each query, and what is admitted of it, or the error."""

    name: str
    rule: str
    answers: list[list[str]]
    expected: list[str] | str
    deny: tuple[str, ...] = ()


def leads(*addresses: str) -> list[str]:
    return [f"@ {'AAAA' if ':' in each else 'A'} {each}" for each in addresses]


def shown(address: str) -> str:
    return str(Host.parse(address))


HUGE: Final = [f"11.{number >> 8}.{number & 255}.1" for number in range(1500)]
CHAIN: Final = ["@ CNAME c1.test", *(f"c{n}.test CNAME c{n + 1}.test" for n in range(1, 9))]

CASES: Final = [
    *(Case(f"never{n}.test", EXACT, [leads(each)], "Denied") for n, each in enumerate(NEVER)),
    *(Case(f"under{n}.test", SUFFIX, [leads(each)], "Denied") for n, each in enumerate(INSIDE)),
    *(Case(f"inside{n}.test", EXACT, [leads(each)], [shown(each)]) for n, each in enumerate(INSIDE)),
    Case("good.test", SUFFIX, [leads(GOOD, GOOD6)], [GOOD6, GOOD]),
    Case("mixed.test", EXACT, [leads("127.0.0.1", GOOD, "169.254.169.254", "::1")], [GOOD]),
    Case("mixed-inside.test", SUFFIX, [leads("10.0.0.1", GOOD, "fd00::1", GOOD6)], [GOOD6, GOOD]),
    Case("one-family.test", EXACT, [leads("127.0.0.1", GOOD6)], [GOOD6]),
    Case("denied.test", ANY, [leads("10.9.8.7")], "Denied", ("tcp-connect:10.0.0.0/8",)),
    Case("denied-mapped.test", ANY, [leads("::ffff:10.9.8.7")], "Denied", ("tcp-connect:10.0.0.0/8",)),
    Case("denied-nat64.test", ANY, [leads("64:ff9b::10.9.8.7")], "Denied", ("tcp-connect:10.0.0.0/8",)),
    Case("denied-local.test", ANY, [leads("127.0.0.1", "::1", "127.9.9.9")], "Denied", ("tcp-connect:localhost",)),
    Case("denied-mixed.test", ANY, [leads("10.9.8.7", GOOD)], [GOOD], ("tcp-connect:10.0.0.0/8",)),
    Case("denied-link.test", ANY, [leads("fe80::1")], "Denied", ("tcp-connect:[fe80::1%eth0]",)),
    Case("chain.test", EXACT, [[*CHAIN, f"c9.test A {GOOD}"]], [GOOD]),
    Case("chain-in.test", EXACT, [[*CHAIN, "c9.test A 127.0.0.1"]], "Denied"),
    Case("chain-under.test", SUFFIX, [["@ CNAME evil.example", "evil.example A 10.0.0.1"]], "Denied"),
    Case("chain-local.test", EXACT, [["@ CNAME localhost", "localhost A 127.0.0.1"]], "Denied"),
    Case("chain-to-localhost.test", EXACT, [["@ CNAME localhost"]], "Unresolved"),
    Case("chain-loop.test", EXACT, [["@ CNAME l.test", "l.test CNAME @"]], "Unresolved"),
    Case("chain-end.test", EXACT, [["@ CNAME nowhere.test"]], "Unresolved"),
    Case("other-owner.test", EXACT, [[f"good.test A {GOOD}", f"good.test AAAA {GOOD6}"]], "Unresolved"),
    Case("also-other.test", EXACT, [[*leads("9.9.9.9"), f"good.test A {GOOD}"]], ["9.9.9.9"]),
    Case("longer-owner.test", EXACT, [[f"longer-owner.test.evil.test A {GOOD}"]], "Unresolved"),
    # A second lookup is another one: its answers are checked as those of the first were.
    Case("flip.test", EXACT, [leads(GOOD), leads("127.0.0.1")], [GOOD]),
    Case("flip.test", EXACT, [], "Denied"),
    Case("flop.test", EXACT, [leads("127.0.0.1"), leads(GOOD)], "Denied"),
    Case("flop.test", EXACT, [], [GOOD]),
    Case("huge.test", SUFFIX, [leads(*HUGE)], HUGE),
    Case("huge-bad.test", EXACT, [leads(*(f"127.1.{n >> 8}.{n & 255}" for n in range(1500)))], "Denied"),
    Case("one-in-many.test", EXACT, [leads(*(f"127.1.1.{n}" for n in range(200)), GOOD)], [GOOD]),
    Case("same.test", EXACT, [leads(GOOD, f"::ffff:{GOOD}", GOOD)], [GOOD]),
    *(Case(f"{fault.lower()}.test", EXACT, [[fault]], "Unresolved") for fault in FAULTS),
    Case("no-records.test", EXACT, [[]], "Unresolved"),
    Case("servfail-then.test", EXACT, [["SERVFAIL"], leads(GOOD)], "Unresolved"),
]


@pytest.fixture(scope="module")
def hostile(net: Namespace) -> list[list[str] | str]:
    table: Table = {case.name: case.answers for case in reversed(CASES) if case.answers}
    table |= {f"{name}.evil.test": [leads(GOOD)] for name in table}
    questions = [connect(case.name, case.rule.format(case.name), deny=case.deny) for case in CASES]
    with settings(net, SEARCH):
        said = ask(net, table, questions)
    assert not [name for name in said.asked if name.endswith(".evil.test")]
    return said.answers


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{case.name}-{n}" for n, case in enumerate(CASES)])
def test_hostile_answers(hostile: list[list[str] | str], number: int) -> None:
    expected, answer = CASES[number].expected, hostile[number]
    if isinstance(expected, list) and isinstance(answer, list):
        # The system sorts them (RFC 6724), by the ways that this machine has.
        assert sorted(answer) == sorted(expected)
    else:
        assert answer == expected
    assert len(CASES) >= 60
