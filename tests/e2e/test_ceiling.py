"""/etc/sockcli/ceiling.json, which no option, variable or folder gets around.

Each run is in a mount namespace of its own, with another /etc. In it root owns what the test wrote.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.peers import Listen
from tests.e2e.runner import Result, Sockcli
from tests.servers import program

FILE = "/etc/sockcli/ceiling.json"
# What programs need of /etc.
KEPT = ("passwd", "group", "hosts", "resolv.conf", "nsswitch.conf", "ld.so.cache")


class Machine:
    """A machine whose /etc is the test's own."""

    def __init__(self, etc: Path, sockcli: Sockcli) -> None:
        self.etc = etc
        self.file = etc / "sockcli/ceiling.json"
        self.sockcli = sockcli
        self.file.parent.mkdir(parents=True)
        self.file.parent.chmod(0o755)
        for name in KEPT:
            if Path("/etc", name).exists():
                shutil.copy(Path("/etc", name), etc / name)

    def command(self, *argv: str) -> list[str]:
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        mount = f'mount --bind {self.etc} /etc && exec "$@"'
        return [program("unshare"), "--mount", *user, "sh", "-c", mount, "sh", *argv]

    def write(self, **keys: object) -> None:
        self.file.write_text(json.dumps(keys))
        self.file.chmod(0o644)

    def allow(self, *rules: str, **keys: object) -> None:
        self.write(permissions=[{"socket": rules}], **keys)

    def run(self, *arguments: str | int, **options: Any) -> Result:
        result = self.sockcli.run(*arguments, before=self.command(), **options)
        assert "Traceback" not in result.err
        return result


@pytest.fixture
def machine(tmp_path: Path, sockcli: Sockcli) -> Machine:
    made = Machine(tmp_path / "etc", sockcli)
    if subprocess.run(made.command("true"), capture_output=True).returncode:
        pytest.skip("no mount namespace here")
    return made


CHECK = ("check", "tcp-connect", "127.0.0.1", 80)


def test_both_must_allow_it(machine: Machine, tcp_peer: Listen) -> None:
    port = tcp_peer().port
    machine.allow("tcp-connect:127.0.0.1")
    machine.sockcli.allow("tcp-connect")
    assert machine.run("tcp", "-z", "127.0.0.1", port).code == 0
    denied = machine.run("tcp", "-z", "127.0.0.2", port)
    assert denied.code == 3
    assert f"no rule allows it (ceiling: {FILE})" in denied.err
    machine.sockcli.allow()
    denied = machine.run("tcp", "-z", "127.0.0.1", port)
    assert denied.code == 3
    assert f"no rule allows it (manifest: {machine.sockcli.manifest})" in denied.err


def test_its_deny_holds_for_every_operation_and_address(machine: Machine) -> None:
    machine.allow(
        "tcp-connect",
        "tcp-listen",
        "udp-send-to",
        "udp-bind",
        deny=["tcp-connect:127.0.0.1", "tcp-listen", "udp-send-to", "udp-bind"],
    )
    for arguments in (
        ("tcp", "-z", "127.0.0.1", 9),
        ("tcp", "-l", "127.0.0.1", 9999),
        ("udp", "127.0.0.1", 9),
        ("udp", "-l", "127.0.0.1", 9999),
    ):
        result = machine.run(*arguments)
        assert (result.code, "(ceiling: " in result.err) == (3, True), arguments


def test_no_option_variable_or_folder_gets_around_it(machine: Machine, tmp_path: Path) -> None:
    machine.allow("tcp-connect:192.0.2.1")
    everything = tmp_path / "everything.json"
    everything.write_text('{"permissions": [{"socket": ["tcp-connect"]}], "only": false, "deny": []}')
    work, home = machine.sockcli.working_directory, machine.sockcli.home
    for options, environment, folder in (
        (["--manifest", str(everything)], {}, None),
        ([], {"SOCKCLI_MANIFEST": str(everything)}, None),
        ([], {}, work / "manifest.json"),
        ([], {}, home / ".config/sockcli/manifest.json"),
        ([], {"XDG_CONFIG_HOME": str(tmp_path / "config")}, tmp_path / "config/sockcli/manifest.json"),
        (["--manifest", str(everything)], {"SOCKCLI_CEILING": "/dev/null", "CEILING": "", "ETC": str(tmp_path)}, None),
    ):
        if folder:
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(everything, folder)
        result = machine.run(*options, *CHECK, named=False, env=environment)
        assert result.code == 3, (options, environment, result.err)
        assert FILE.encode() in result.out
        if folder:
            folder.unlink()


def test_only_is_the_manifest_and_every_other_is_refused(machine: Machine, tmp_path: Path) -> None:
    machine.allow("tcp-connect:127.0.0.1", only=True)
    other = tmp_path / "other.json"
    other.write_text('{"permissions": [{"socket": ["tcp-connect"]}]}')
    work, home = machine.sockcli.working_directory, machine.sockcli.home
    assert machine.run(*CHECK, named=False).code == 0
    assert machine.run("check", "tcp-connect", "127.0.0.2", 80, named=False).code == 3
    assert f"(ceiling: {FILE})" in machine.run("tcp", "-z", "127.0.0.2", 80, named=False).err
    refused = machine.run("--manifest", str(other), *CHECK, named=False)
    assert refused.code == 4
    assert f'{other}: is not read: {FILE} says "only"' in refused.err
    assert machine.run(*CHECK, named=False, env={"SOCKCLI_MANIFEST": str(other)}).code == 4
    for place in (work / "manifest.json", home / ".config/sockcli/manifest.json"):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(other, place)
        assert machine.run(*CHECK, named=False).code == 4
        place.unlink()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ('{"deny": ["tcp-connect:x:0"]}', "port must be"),
        ('{"only": "yes"}', "must be true or false"),
        ('{"audit": {"required": true}}', 'must have "to"'),
    ],
)
def test_one_that_is_invalid_stops_everything(machine: Machine, text: str, words: str) -> None:
    machine.file.write_text(text)
    machine.file.chmod(0o644)
    result = machine.run(*CHECK)
    assert result.code == 4
    assert FILE in result.err
    assert words in result.err


class TestTrust:
    @pytest.mark.parametrize("mode", [0o646, 0o664, 0o666])
    def test_others_can_write_it(self, machine: Machine, mode: int) -> None:
        machine.allow("tcp-connect")
        machine.file.chmod(mode)
        assert "can be written by others than root" in self._refused(machine)

    @pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
    def test_others_can_write_its_directory(self, machine: Machine, mode: int) -> None:
        machine.allow("tcp-connect")
        machine.file.parent.chmod(mode)
        assert "its directory can be written by others than root" in self._refused(machine)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_it_belongs_to_another_user(self, machine: Machine) -> None:
        machine.allow("tcp-connect")
        os.chown(machine.file, 54321, -1)
        assert "belongs to uid 54321 and not to root" in self._refused(machine)

    def test_a_link(self, machine: Machine) -> None:
        (machine.etc / "sockcli/real.json").write_text("{}")
        machine.file.symlink_to("real.json")
        assert FILE in self._refused(machine)

    def test_a_link_that_leads_nowhere(self, machine: Machine) -> None:
        machine.file.symlink_to("missing.json")
        assert FILE in self._refused(machine)

    def test_a_directory_or_a_fifo(self, machine: Machine) -> None:
        os.mkfifo(machine.file)
        assert "is not a regular file" in self._refused(machine)
        machine.file.unlink()
        machine.file.mkdir()
        assert "is not a regular file" in self._refused(machine)

    @staticmethod
    def _refused(machine: Machine) -> str:
        result = machine.run(*CHECK)
        assert result.code == 4
        return result.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_gets_no_further(machine: Machine) -> None:
    machine.allow("tcp-connect:127.0.0.1")
    user = [*machine.command(program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups")]
    if subprocess.run([*user, sys.executable, "-c", "import sockcli"], capture_output=True).returncode:
        pytest.skip("another user cannot run this Python")
    theirs = machine.etc / "theirs.json"
    theirs.write_text('{"permissions": [{"socket": ["tcp-connect"]}]}')
    theirs.chmod(0o644)
    machine.etc.chmod(0o755)
    run = [*user, sys.executable, "-m", "sockcli", "--manifest", "/etc/theirs.json", "check", "tcp-connect"]
    for host, code in (("127.0.0.1", 0), ("127.0.0.2", 3)):
        done = subprocess.run([*run, host, "80"], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
    # Nor may they write it, or put another in its place.
    for attempt in ("echo {} > /etc/sockcli/ceiling.json", "rm -f /etc/sockcli/ceiling.json", "mv /etc/sockcli /etc/x"):
        assert subprocess.run([*user, "sh", "-c", attempt], capture_output=True).returncode != 0
    assert subprocess.run([*run, "127.0.0.2", "80"], capture_output=True).returncode == 3


def test_the_library_is_under_it_too(machine: Machine) -> None:
    machine.allow("tcp-connect:127.0.0.1")
    source = """
from sockcli import Manifest, Denied, ManifestError, Request, Operation, Host
try:
    policy = Manifest.parse('{"permissions": [{"socket": ["tcp-connect"]}]}').policy
    policy.authorize(Request(Operation.TCP_CONNECT, Host.parse("127.0.0.1"), 80))
    policy.authorize(Request(Operation.TCP_CONNECT, Host.parse("127.0.0.2"), 80))
except (Denied, ManifestError) as exc:
    print(exc)
"""

    def said() -> str:
        return subprocess.run(machine.command(sys.executable, "-c", source), capture_output=True, text=True).stdout

    assert "127.0.0.2:80 denied: no rule allows it (ceiling: " in said()
    machine.allow("tcp-connect", only=True)
    assert 'manifest: is not read: /etc/sockcli/ceiling.json says "only"' in said()


def test_the_demo_is_under_it_too(machine: Machine) -> None:
    machine.allow("tcp-connect")
    result = machine.run("demo", named=False)
    assert result.code == 3
    assert "(ceiling: " in result.err


def test_show_check_and_v_tell_of_it(machine: Machine) -> None:
    machine.allow("tcp-connect:127.0.0.1", deny=["udp-bind"], audit={"to": "syslog", "required": True})
    machine.sockcli.allow("tcp-connect")
    shown = json.loads(machine.run("manifest", "show", "--json").out)
    assert shown["ceiling"]["path"] == FILE
    assert shown["ceiling"]["audit"] == {"to": "syslog", "required": True}
    assert [rule["rule"] for rule in shown["ceiling"]["rules"]] == ["tcp-connect:127.0.0.1:*", "udp-bind:*:*"]
    assert b"ceiling deny[0]" in machine.run("manifest", "show").out
    assert f"ceiling {FILE}, 2 rules" in machine.run("-v", *CHECK).err
    denied = json.loads(machine.run("check", "--json", "tcp-connect", "127.0.0.2", 80).out)
    assert (denied["allowed"], denied["by_ceiling"], denied["ceiling"]) == (False, True, FILE)


def test_without_one_it_is_one_look(machine: Machine) -> None:
    """An lstat that finds nothing, and nothing else of that directory."""
    strace = program("strace") if shutil.which("strace") else None
    if strace is None:
        pytest.skip("strace is not installed")
    trace = machine.sockcli.directory / "trace"
    before = [*machine.command(strace, "-f", "-e", "trace=file", "-o", str(trace))]
    machine.sockcli.run(*CHECK, before=before)
    assert trace.read_text().count("/etc/sockcli") == 1


def test_the_ceilings_audit_has_every_line_beside_the_users(machine: Machine, tcp_peer: Listen, tmp_path: Path) -> None:
    port, own, mine = tcp_peer().port, tmp_path / "own", tmp_path / "mine"
    machine.allow("tcp-connect:127.0.0.1", audit={"to": str(own), "required": True})
    for options in ([], ["--audit", str(mine)], ["--no-files", "-q"]):
        assert machine.run(*options, "tcp", "-z", "127.0.0.1", port, env={"SOCKCLI_AUDIT": ""}).code == 0
    assert machine.run("tcp", "-z", "127.0.0.2", port).code == 3
    lines = [json.loads(line) for line in own.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["decision", "decision", "end"] * 3 + ["decision"]
    assert [line["by_ceiling"] for line in lines if line["event"] == "decision"] == [False] * 6 + [True]
    assert len(mine.read_text().splitlines()) == 3


@pytest.mark.parametrize("required", [True, False])
def test_where_the_ceilings_audit_cannot_be_written(machine: Machine, tcp_peer: Listen, required: bool) -> None:
    peer = tcp_peer()
    machine.allow("tcp-connect:127.0.0.1", audit={"to": "/no/folder", "required": required})
    result = machine.run("tcp", "-z", "127.0.0.1", peer.port)
    assert result.code == (1 if required else 0)
    assert 'the audit "/no/folder" cannot be written' in result.err
