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
