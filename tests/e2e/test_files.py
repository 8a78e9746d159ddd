"""No run rewrites the policy that governs it, and with `--no-files` no option or command names a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockcli.sandbox import landlock
from tests.e2e.peers import Listen
from tests.e2e.runner import Sockcli

REFUSED = "is a manifest of this run or the next, which no run may write"


@pytest.fixture
def places(sockcli: Sockcli) -> list[Path]:
    """Where a manifest is looked for: the one in force, and those that would be if it were not named."""
    named = sockcli.directory / "named.json"
    named.write_text("{}")
    return [
        sockcli.manifest,
        named,
        sockcli.working_directory / "manifest.json",
        sockcli.home / ".config" / "sockcli" / "manifest.json",
    ]


@pytest.mark.parametrize("options", [["tcp", "--log"], ["tcp", "-x"], ["udp", "--log"], ["tcp", "-l", "--log"]])
def test_no_record_is_written_over_a_manifest(sockcli: Sockcli, places: list[Path], options: list[str]) -> None:
    before = sockcli.manifest.read_text()
    places[-1].parent.mkdir(parents=True)
    for place in places:
        port = "0" if "-l" in options else "9"
        result = sockcli.run(*options, str(place), "127.0.0.1", port, env={"SOCKCLI_MANIFEST": str(places[1])})
        assert (result.code, result.out) == (2, b"")
        assert REFUSED in result.err
    assert sockcli.manifest.read_text() == before
    assert [place.exists() for place in places] == [True, True, False, False]


@pytest.mark.parametrize("command", ["tcp --log {place} 127.0.0.1 {port}", "listen udp -x {place} 0", "log {place}"])
def test_no_command_records_over_a_manifest(
    sockcli: Sockcli, tcp_peer: Listen, places: list[Path], command: str
) -> None:
    before = sockcli.manifest.read_text()
    for place in (places[0], places[2]):
        port = tcp_peer().port
        line = command.format(place=place, port=port)
        script = f"tcp 127.0.0.1 {port}\n{line}\n"
        result = sockcli.run("repl", data=script.encode(), env={"SOCKCLI_MANIFEST": str(places[1])})
        assert (result.code, REFUSED in result.err) == (2, True), result.err
    assert sockcli.manifest.read_text() == before
    assert not places[2].exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-files", "tcp", "--log", "x", "127.0.0.1", "9"],
        ["tcp", "-x", "/dev/null", "--no-files", "127.0.0.1", "9"],
        ["udp", "--no-files", "--log", "x", "127.0.0.1", "9", "x"],
        ["udp", "--no-files", "-l", "-x", "x", "0"],
    ],
)
def test_no_option_names_a_file(sockcli: Sockcli, arguments: list[str]) -> None:
    result = sockcli.run(*arguments)
    assert result.code == 2
    assert "--no-files is given, so no file may be named" in result.err
    assert list(sockcli.working_directory.iterdir()) == []


@pytest.mark.parametrize("command", ["log x", "sendfile x", "tcp --log x 127.0.0.1 {port}", "listen udp -x x 0"])
def test_no_command_names_a_file(sockcli: Sockcli, tcp_peer: Listen, command: str) -> None:
    port = tcp_peer().port
    script = f"tcp 127.0.0.1 {port}\n{command.format(port=port)}\n"
    result = sockcli.run("--no-files", "repl", data=script.encode())
    assert result.code == 2
    assert "--no-files is given, so no file may be named" in result.err
    assert list(sockcli.working_directory.iterdir()) == []


def test_stderr_is_no_file(sockcli: Sockcli, udp_peer: Listen) -> None:
    result = sockcli.run("udp", "--no-files", "--log", "-", "127.0.0.1", udp_peer().port, "knock")
    assert (result.code, result.err) == (0, "knock")


@pytest.mark.skipif(landlock.abi() < landlock.FILES_ABI, reason="this kernel has no Landlock")
def test_a_run_says_to_what_the_kernel_holds_it(sockcli: Sockcli, tcp_peer: Listen, tmp_path: Path) -> None:
    port = tcp_peer().port
    sockcli.allow(f"tcp-connect:127.0.0.1:{port}")
    result = sockcli.run("-v", "tcp", "-z", "127.0.0.1", port)
    assert result.code == 0
    before, after = result.err.index("confined: no new privileges"), result.err.index("is connected with")
    assert before < after
    record = tmp_path / "record"
    result = sockcli.run("tcp", "--idle-timeout", "0.1", "--log", str(record), "127.0.0.1", port, data=b"x")
    assert (result.code, record.read_bytes()) == (7, b"x")
