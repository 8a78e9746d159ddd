"""What a start costs: which modules each way in may load, and that each way in exists."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sockcli import __version__
from tests.e2e.peers import Listen, read_all
from tests.e2e.runner import Sockcli

# Each costs more than the whole of a run, and nothing here needs it.
HEAVY = ("asyncio", "prompt_toolkit", "ssl", "logging", "importlib.metadata", "dataclasses", "concurrent", "subprocess")
# The rooms of the house that these runs have no business in.
ROOMS = ("sockcli.sessions", "sockcli.commands", "sockcli.console", "sockcli.demo", "sockcli.telnet", "sockcli.net.tls")
DRIVERS = ("sockcli.transfer.relay", "sockcli.datagram.exchange")
TIMED = [sys.executable, "-X", "importtime", "-m", "sockcli"]


def loaded(report: str) -> set[str]:
    """The modules in a report of `-X importtime`."""
    lines = [line for line in report.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines[1:]}


def offenders(modules: set[str], *unwanted: str) -> set[str]:
    return {module for module in modules for name in unwanted if module == name or module.startswith(f"{name}.")}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_no_network(sockcli: Sockcli, option: str) -> None:
    result = sockcli.run(option, program=TIMED)
    assert result.code == 0
    modules = loaded(result.err)
    assert "sockcli.cli.main" in modules
    assert offenders(modules, *HEAVY, *ROOMS, *DRIVERS, "socket", "json", "sockcli.net", "sockcli.policy") == set()


@pytest.mark.parametrize("command", ["tcp", "udp", "check", "manifest", "demo"])
def test_a_commands_help_loads_no_driver(sockcli: Sockcli, command: str) -> None:
    result = sockcli.run(command, "--help", program=TIMED)
    assert result.code == 0
    modules = loaded(result.err)
    allowed = {"demo": {"subprocess", "sockcli.demo"}}.get(command, set())
    assert offenders(modules, *HEAVY, *ROOMS, *DRIVERS) - allowed == set()


def test_a_pipe_run(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    process = sockcli.start("tcp", "127.0.0.1", peer.port, program=TIMED)
    process.finish_input(b"x")
    connection = peer.accept()
    assert read_all(connection) == b"x"
    connection.close()
    result = process.finish()
    assert result.code == 0
    modules = loaded(result.err)
    assert "sockcli.transfer.relay" in modules
    assert offenders(modules, *HEAVY, *ROOMS, "sockcli.datagram.exchange") == set()


def test_a_udp_send(sockcli: Sockcli, udp_peer: Listen) -> None:
    peer = udp_peer()
    result = sockcli.run("udp", "127.0.0.1", peer.port, "x", program=TIMED)
    assert result.code == 0
    assert peer.receive() == b"x"
    modules = loaded(result.err)
    assert "sockcli.datagram.exchange" in modules
    assert offenders(modules, *HEAVY, *ROOMS, "sockcli.transfer.relay") == set()


def test_a_bare_call_without_a_terminal_prints_help(sockcli: Sockcli) -> None:
    result = sockcli.run(named=False)
    assert result.code == 2
    assert "Usage:" in result.err + result.out.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["tcp", "--help"],
        ["udp", "--help"],
        ["check", "--help"],
        ["manifest", "--help"],
        ["manifest", "show", "--help"],
        ["demo", "--help"],
    ],
)
def test_help(sockcli: Sockcli, arguments: list[str]) -> None:
    result = sockcli.run(*arguments, named=False)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(b"Usage:")


OPTIONS = {
    "tcp": "-l --listen -k --keep-open -4 -6 --connect-timeout --idle-timeout --deadline --linger --no-shutdown "
    "--send-only --recv-only -C --crlf --line-delay -s --source --retry --retry-delay -z --probe --telnet --no-telnet "
    "-x --hex-dump --log --progress --no-progress --json --manifest -v -q --help",
    "udp": "--framing --chomp --escapes --hex -w --wait -n --replies --retries --empty -l --listen --count -4 -6 -s "
    "--source --deadline -x --hex-dump --log --json --manifest -v -q --help",
    "check": "--resolve --json --manifest -v -q --help",
}


@pytest.mark.parametrize("command", OPTIONS)
def test_help_lists_each_option(sockcli: Sockcli, command: str) -> None:
    words = sockcli.run(command, "--help", named=False).out.decode().replace(",", " ").replace("/", " ").split()
    assert [option for option in OPTIONS[command].split() if option not in words] == []


def test_no_module_comes_from_the_current_folder(sockcli: Sockcli) -> None:
    """Those that `python -m` itself loads come before us; only `python -P` keeps them out."""
    early = subprocess.check_output([sys.executable, "-c", "import runpy, sys; print(*sys.modules)"], text=True).split()
    for name in {*sys.stdlib_module_names, "click", "prompt_toolkit"} - set(early):
        (sockcli.working_directory / f"{name}.py").write_text("raise SystemExit(99)")
    result = sockcli.run("check", "tcp-connect", "127.0.0.1", 9)
    assert (result.code, result.err) == (0, "")
    assert b"allowed" in result.out


def test_version(sockcli: Sockcli) -> None:
    result = sockcli.run("--version", named=False)
    assert (result.code, result.err) == (0, "")
    assert __version__ in result.out.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["tcp"],
        ["tcp", "host"],
        ["tcp", "--nosuch", "a", "1"],
        ["tcp", "a", "1", "2"],
        ["tcp", "a:1", "2"],
        ["tcp", "--idle-timeout", "x", "a", "1"],
        ["tcp", "--idle-timeout", "-1", "a", "1"],
        ["tcp", "--deadline", "nan", "a", "1"],
        ["tcp", "--retry", "-1", "a", "1"],
        ["tcp", "--retry", "1.5", "a", "1"],
        ["tcp", "-4", "-6", "a", "1"],
        ["tcp", "--send-only", "--recv-only", "a", "1"],
        ["tcp", "::1:80"],
        ["tcp", "-s", "nonsense:x", "a", "1"],
        ["udp"],
        ["udp", "host"],
        ["udp", "-n", "0", "a", "1", "x"],
        ["udp", "-w", "-1", "a", "1", "x"],
        ["manifest", "nosuch"],
    ],
)
def test_a_wrong_command_line(sockcli: Sockcli, arguments: list[str]) -> None:
    result = sockcli.run(*arguments)
    assert (result.code, result.out) == (2, b"")
    assert "sockcli: error:" in result.err
    assert "Traceback" not in result.err


def test_an_error_is_safe_to_show(sockcli: Sockcli) -> None:
    for arguments in (
        ["\x1b[2Jnosuch"],
        ["tcp", "--\x1b[2J", "a", "1"],
        ["tcp", "a", "1", "\u202e"],
        ["udp", "a", "\x07"],
    ):
        result = sockcli.run(*arguments)
        assert result.code == 2
        assert all(character.isprintable() for character in result.err.replace("\n", ""))


@pytest.mark.parametrize("options", [[], ["-q"]])
def test_the_installed_script(sockcli: Sockcli, tcp_peer: Listen, options: list[str]) -> None:
    script = Path(sys.executable).with_name("sockcli")
    if not script.exists():
        pytest.skip("sockcli is not installed beside this Python")
    peer = tcp_peer()
    process = sockcli.start("tcp", *options, "127.0.0.1", peer.port, program=[os.fspath(script)])
    process.finish_input(b"installed")
    connection = peer.accept()
    assert read_all(connection) == b"installed"
    connection.sendall(b"indeed")
    connection.close()
    result = process.finish()
    assert (result.code, result.out, result.err) == (0, b"indeed", "")


def test_the_installed_scripts_exit_code(sockcli: Sockcli) -> None:
    sockcli.allow()
    script = Path(sys.executable).with_name("sockcli")
    assert sockcli.run("tcp", "127.0.0.1", 9, program=[os.fspath(script)]).code == 3


def test_quiet_says_nothing_but_errors(sockcli: Sockcli, tcp_peer: Listen) -> None:
    peer = tcp_peer()
    assert sockcli.run("-q", "tcp", "-z", "127.0.0.1", peer.port).err == ""
    sockcli.allow()
    assert "sockcli: error:" in sockcli.run("-q", "tcp", "-z", "127.0.0.1", peer.port).err


def test_the_demo_runs_without_a_terminal(sockcli: Sockcli) -> None:
    result = sockcli.run("demo", named=False, seconds=50)
    assert result.code == 0, result.err
    assert b"sockcli" in result.out
