"""For programs and for readers of screens: nothing is drawn (`--plain`), and ours goes elsewhere (`--messages`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sockcli.errors import ExitCode
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import CTRL_D, ESCAPE, SOCKCLI


@pytest.mark.parametrize("command", [("--plain", "tcp"), ("repl", "--plain")])
def test_plain_draws_nothing(start: Start, peer: Peer, command: tuple[str, ...]) -> None:
    terminal = start(*command, "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"name: ")
    terminal.prompts("name: ")
    terminal.enter("joe")
    receive(connection, b"joe\n")
    connection.sendall(b"\x1b[32mhello\x1b[0m joe\r\nsockcli> ")
    terminal.prompts("| sockcli> ")
    terminal.enter(f"{ESCAPE}status")
    terminal.shows("allowed by")
    connection.close()
    terminal.shows("connection closed by 127.0.0.1")
    if "repl" in command:
        terminal.prompts("sockcli> ")
        terminal.type(CTRL_D)
    assert terminal.finish() == ExitCode.OK
    assert b"\x1b" not in terminal.written
    assert terminal.is_as_found()


def test_messages_of_the_repl_go_elsewhere(start: Start, peer: Peer, tmp_path: Path) -> None:
    words = "$0 -m sockcli repl --messages 3 127.0.0.1 $1 3>messages"
    terminal = start(program=("sh", "-c", f"exec {words}", sys.executable, peer.port))
    connection = peer.accept()
    connection.sendall(b"sockcli: a peer's\r\n> ")
    terminal.prompts(">")
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter("nosuch")
    terminal.prompts(">")
    connection.close()
    terminal.prompts("sockcli> ")
    terminal.type(CTRL_D)
    assert terminal.finish() == ExitCode.OK
    said = (tmp_path / "messages").read_text()
    assert f"sockcli: session 1: tcp 127.0.0.1:{peer.port}, connected with" in said
    assert 'sockcli: error: no such command: "nosuch"\nhint: ' in said
    assert "connection closed by" in said
    assert "a peer's" not in said
    assert "error" not in terminal.text


def run(*words: str, environ: dict[str, str], data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    line = 'exec "$@" 3>messages 4</dev/null'
    return subprocess.run(
        ["sh", "-c", line, "sh", *SOCKCLI, *words],
        input=data,
        capture_output=True,
        cwd=environ["HOME"],
        env=environ,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("tcp", "--messages", "3", "10.0.0.1", "80"), ExitCode.DENIED, "sockcli: error: tcp-connect to 10.0.0.1:80"),
        (("--messages", "3", "udp", "10.0.0.1", "80"), ExitCode.DENIED, "sockcli: error: udp-send-to to 10.0.0.1:80"),
        (("tcp", "--messages", "3", "--nosuch"), ExitCode.USAGE, "sockcli: error: "),
        (("repl", "--messages", "3"), ExitCode.USAGE, 'no such command: "nosuch"'),
        (("check", "-v", "--messages", "3", "tcp-connect:127.0.0.1:1"), ExitCode.OK, "sockcli: manifest "),
    ],
)
def test_messages_of_a_program_go_elsewhere(
    environ: dict[str, str], tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = run(*words, environ=environ, data=b"nosuch\n")
    assert (done.returncode, done.stderr) == (code, b"")
    assert message in (tmp_path / "messages").read_text()


@pytest.mark.parametrize(
    ("fd", "why"),
    [
        ("1", "stdout is for what the peer sends"),
        ("4", "it is not open for writing"),
        ("77", "it is not open for writing"),
        ("x", "is not a valid integer"),
    ],
)
def test_a_descriptor_that_cannot_be_used(environ: dict[str, str], fd: str, why: str) -> None:
    done = run("tcp", "--messages", fd, "127.0.0.1", "1", environ=environ)
    assert done.returncode == ExitCode.USAGE
    assert why in done.stderr.decode()
