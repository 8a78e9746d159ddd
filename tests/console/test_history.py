"""What is kept of what is typed at a terminal, on the disk and to be found again in the same run."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sockcli.console.history import LINES, HistoryFile
from tests.console.conftest import Peer, Start, receive
from tests.console.terminal import ESCAPE, UP, Terminal


def kept(home: Path) -> str:
    path = home / ".local/state/sockcli/history"
    return path.read_text() if path.exists() else ""


def give(terminal: Terminal, command: str) -> None:
    """One command, from a session."""
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.enter(command)
    terminal.until(lambda: not terminal.cursor_line.startswith("sockcli>"), "the session again")


@pytest.mark.parametrize(
    "lines",
    [
        ["AUTH hunter2"],
        ["PASS hunter2"],
        ["a1 LOGIN joe hunter2"],
        ["connect joe hunter2"],
        ["AUTH LOGIN", "am9l", "hunter2"],
        ["a1 LOGIN {3}", "joe {7}", "hunter2"],
    ],
)
def test_a_password_in_a_line_is_kept_nowhere(start: Start, peer: Peer, tmp_path: Path, lines: list[str]) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    for line in ["before", *lines, "after all"]:
        terminal.enter(line)
        receive(connection, f"{line}\n".encode())
    terminal.type(UP)
    terminal.prompts("after all")
    terminal.type(UP)
    terminal.prompts("before")
    assert kept(tmp_path) == ">before\n>after all\n"


def test_what_answers_a_prompt_for_a_password_is_kept_nowhere(start: Start, peer: Peer, tmp_path: Path) -> None:
    """The peer speaks no telnet, so what is typed shows."""
    terminal = start("repl", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"login: ")
    terminal.prompts("login:")
    terminal.enter("joe")
    receive(connection, b"joe\n")
    connection.sendall(b"\x1b[1mPassword:\x1b[0m ")
    terminal.prompts("Password:")
    give(terminal, "send --line hunter1")
    receive(connection, b"hunter1\n")
    terminal.prompts("Password:")
    terminal.enter("hunter2")
    receive(connection, b"hunter2\n")
    connection.sendall(b"Password: ")
    terminal.prompts("Password:")
    terminal.type("hunter3")
    terminal.prompts("Password: hunter3")
    connection.close()
    terminal.shows("(session 1 is over; Enter goes on)")
    terminal.enter("")
    terminal.shows("this was not sent")
    assert kept(tmp_path) == ">joe\n"


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("send --line AUTH hunter2", b"AUTH hunter2\n"),
        (r"send USER joe\r\nPASS hunter2\r\n", b"USER joe\r\nPASS hunter2\r\n"),
        (r'send "PASS hunter2\n"', b"PASS hunter2\n"),
        ("send --hex 50415353206a0a", b"PASS j\n"),
        ("AUTH hunter2", b""),
        ("sned AUTH hunter2", b""),
    ],
)
def test_a_password_in_a_command_is_kept_nowhere(
    start: Start, peer: Peer, tmp_path: Path, command: str, sent: bytes
) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    give(terminal, "status")
    give(terminal, command)
    receive(connection, sent)
    terminal.type(ESCAPE)
    terminal.prompts("sockcli> ")
    terminal.type(UP)
    terminal.prompts("sockcli> status")
    assert kept(tmp_path) == ":status\n"


def test_the_lines_behind_a_password_that_send_began(start: Start, peer: Peer, tmp_path: Path) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    give(terminal, "send --line AUTH PLAIN")
    terminal.enter("hunter2")
    receive(connection, b"AUTH PLAIN\nhunter2\n")
    assert kept(tmp_path) == ""


def test_a_blank_before_it_keeps_a_line_out(start: Start, peer: Peer, tmp_path: Path) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    terminal.enter(" my word")
    receive(connection, b" my word\n")
    give(terminal, " send --line mine")
    receive(connection, b"mine\n")
    assert kept(tmp_path) == ""


def test_the_history_is_turned_off_and_on(start: Start, peer: Peer, tmp_path: Path) -> None:
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    give(terminal, " set history off")
    for line in ("unseen", "unheard"):
        terminal.enter(line)
        receive(connection, f"{line}\n".encode())
    give(terminal, "set history")
    terminal.shows("history  off  on|off")
    assert kept(tmp_path) == ""
    give(terminal, "set history maybe")
    terminal.shows('history "maybe": on or off')
    give(terminal, "set history on")
    terminal.enter("seen")
    receive(connection, b"seen\n")
    terminal.type(UP + UP)
    terminal.prompts("seen")
    assert kept(tmp_path) == ">seen\n"


@pytest.mark.parametrize("command", ["tcp", "repl"])
def test_without_a_history_the_file_is_neither_read_nor_written(
    start: Start, peer: Peer, tmp_path: Path, command: str
) -> None:
    path = tmp_path / ".local/state/sockcli/history"
    path.parent.mkdir(parents=True)
    path.write_text(">from before\n")
    terminal = start(command, "--no-history", "127.0.0.1", peer.port)
    connection = peer.accept()
    terminal.enter("typed")
    receive(connection, b"typed\n")
    terminal.type(f"{UP}x")
    terminal.prompts("x")
    terminal.enter("")
    receive(connection, b"x\n")
    give(terminal, "set history on")
    terminal.enter("again")
    receive(connection, b"again\n")
    terminal.type(UP)
    terminal.prompts("again")
    assert kept(tmp_path) == ">from before\n"


def test_passwords_of_an_older_version_are_taken_out(start: Start, peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / ".local/state/sockcli/history"
    path.parent.mkdir(parents=True)
    path.write_text(">AUTH hunter2\n>GET key\n:send PASS x\n:send --line 'AUTH x'\n:tcp a 1\n")
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    terminal.enter("PING")
    receive(connection, b"PING\n")
    assert kept(tmp_path) == ">GET key\n:tcp a 1\n>PING\n"


# The file


def history_file(home: Path) -> Path:
    path = home / ".local/state/sockcli/history"
    path.parent.mkdir(parents=True)
    return path


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_link(path: Path) -> None:
    target = path.with_name("target")
    target.write_text(">from before\n")
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (put_fifo, "it is not a regular file"),
        (Path.mkdir, "it is not a regular file"),
        (put_link, "it is a symbolic link"),
    ],
)
def test_what_is_no_file_is_left_alone(
    start: Start, peer: Peer, tmp_path: Path, put: Callable[[Path], None], why: str
) -> None:
    path = history_file(tmp_path)
    put(path)
    before = path.lstat()
    terminal = start("repl", "127.0.0.1", peer.port, columns=240)
    connection = peer.accept()
    terminal.shows(f'the history file is left alone, {why}: "{path}"')
    for line in ("one", "two"):
        terminal.enter(line)
        receive(connection, f"{line}\n".encode())
    terminal.type(UP + UP)
    terminal.prompts("one")
    assert terminal.text.count("left alone") == 1
    assert path.lstat() == before


def test_a_file_that_others_can_read_is_made_the_users_own(start: Start, peer: Peer, tmp_path: Path) -> None:
    path = history_file(tmp_path)
    path.write_text(">from before\n")
    path.chmod(0o644)
    terminal = start("tcp", "127.0.0.1", peer.port)
    connection = peer.accept()
    connection.sendall(b"> ")
    terminal.prompts(">")
    terminal.until(lambda: stat.S_IMODE(path.stat().st_mode) == 0o600, "a file of its own")
    terminal.type(UP)
    terminal.prompts("> from before")


def test_the_file_stays_small_while_it_is_written(tmp_path: Path) -> None:
    path = history_file(tmp_path)
    history = HistoryFile(path)
    for number in range(1_000):
        history.add(LINES, f"{number} {'x' * 4_000}")
        assert path.stat().st_size < 1 << 20
    assert history.entries(LINES)[-1].startswith("999 ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(path.parent.iterdir())) == 1


def test_of_a_file_of_any_size_only_the_end_is_read(tmp_path: Path) -> None:
    path = history_file(tmp_path)
    with path.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\n>the last\n")
    assert HistoryFile(path).entries(LINES) == ["the last"]
    assert path.read_text() == ">the last\n"
