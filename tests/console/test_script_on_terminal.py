"""A script whose output is a terminal: the peers are kept from driving it, as anywhere."""

from __future__ import annotations

from pathlib import Path

from sockcli.errors import ExitCode
from tests.console.conftest import Peer, Start
from tests.console.terminal import SOCKCLI, Terminal


def script(start: Start, tmp_path: Path, *lines: str) -> Terminal:
    commands = tmp_path / "commands"
    commands.write_text("".join(f"{line}\n" for line in lines))
    return start(program=("sh", "-c", f"exec {' '.join(SOCKCLI)} repl < '{commands}'"))


def test_nothing_of_a_peers_drives_it(start: Start, peer: Peer, tmp_path: Path) -> None:
    terminal = script(start, tmp_path, f"tcp 127.0.0.1 {peer.port}")
    connection = peer.accept()
    connection.sendall(b"\x1b]0;title\x07a\x1b[2J\x1b[cb\r\n\x1b[31mred and on")
    connection.close()
    assert terminal.finish() == ExitCode.OK
    assert "a^[[2J^[[cb\nred and on" in terminal.text
    assert terminal.screen.acted == []
    assert b"red and on\x1b[0m" in terminal.written
    assert "sockcli: " in terminal.text  # what was left out is said


def test_its_colours_end_with_it(start: Start, peer: Peer, tmp_path: Path) -> None:
    terminal = script(start, tmp_path, f"tcp 127.0.0.1 {peer.port}", "wait 0.5")
    peer.accept().sendall(b"\x1b[31mred")
    terminal.shows("red")
    assert terminal.finish() == ExitCode.TIMEOUT
    assert b"red\x1b[0m" in terminal.written


def test_lines_typed_where_only_the_output_is_elsewhere(start: Start, peer: Peer, tmp_path: Path) -> None:
    """stdin is a terminal and stdout is not: commands are read all the same, and printed bytes are the peer's."""
    out = tmp_path / "out"
    terminal = start(program=("sh", "-c", f"exec {' '.join(SOCKCLI)} repl > '{out}'"))
    terminal.type(f"tcp 127.0.0.1 {peer.port}\n")
    connection = peer.accept()
    connection.sendall(b"\x1b[2Jhi")
    connection.close()
    terminal.type("wait\nstatus\nquit\n")
    terminal.shows("allowed by")
    assert terminal.finish() == ExitCode.OK
    assert out.read_bytes() == b"\x1b[2Jhi"
    assert terminal.is_as_found()
