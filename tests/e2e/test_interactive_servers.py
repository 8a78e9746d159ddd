"""Sessions on a terminal with real servers: shells and logins over telnet, a chat and a database a line at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests import servers, telnet_servers
from tests.e2e.stage import Stage
from tests.e2e.terminal import Terminal, is_given_back
from tests.servers import Server

REMOTE: Final = "PS1='remote> ' exec bash --norc --noprofile -i\n"
# A program that says so when it is interrupted, and goes on.
WAITS: Final = """sh -c 'trap "echo interrupted\\!" INT; echo waits; while ! read line; do :; done; echo got $line'"""
NOTES_SIZES: Final = """sh -c 'trap "echo now \\$(stty size)" WINCH; echo waits; while :; do read line; done'"""
ESCAPE: Final = "\x1d"


def history(stage: Stage) -> str:
    path = stage.directory / ".local/state/sockcli/history"
    return path.read_text() if path.exists() else ""


class TestShell:
    """A shell behind GNU telnetd."""

    @pytest.fixture
    def terminal(self, stage: Stage) -> Terminal:
        terminal = stage.ours(stage.server(REMOTE))
        terminal.wait_for("remote>")
        return terminal

    def test_it_is_there_and_ends(self, terminal: Terminal) -> None:
        terminal.enter("echo $((6 * 7)) $TERM")
        terminal.wait_for("\n42 xterm-256color\nremote>")
        terminal.enter("exit")
        assert terminal.wait_end() == 0
        is_given_back(terminal)

    def test_it_is_told_the_size_and_every_change_of_it(self, terminal: Terminal) -> None:
        terminal.enter("stty size")
        terminal.wait_for("\n24 80\n")
        terminal.enter(NOTES_SIZES)
        terminal.wait_for("\nwaits\n")
        for columns, rows in (100, 30), (255, 255), (40, 10):
            terminal.resize(columns, rows)
            terminal.wait_for(f"now {rows} {columns}\n")

    def test_keys_are_the_shells(self, terminal: Terminal) -> None:
        terminal.type("echo one twX\x7fo\x01: \x05;echo \x19\r")  # erase, to the start, to the end, yank
        terminal.wait_for("remote> : echo one two;echo")
        terminal.type("ech\t")
        terminal.wait_for("remote> echo")
        terminal.type("ü世\x1b[D\x7f.\r")
        terminal.wait_for("\n.世\n")

    def test_the_interrupt_key_is_the_programs(self, terminal: Terminal) -> None:
        terminal.enter(WAITS)
        terminal.wait_for("\nwaits\n")
        terminal.type("\x03")
        terminal.wait_for("interrupted!")
        terminal.enter("more")
        terminal.wait_for("got more")

    def test_the_suspend_key_is_the_programs(self, terminal: Terminal) -> None:
        terminal.enter(WAITS)
        terminal.wait_for("\nwaits\n")
        terminal.type("\x1a")
        terminal.wait_for("Stopped")
        terminal.enter("kill -9 %1; fg; exit")
        assert terminal.wait_end() == 0

    def test_the_command_prompt_and_back(self, terminal: Terminal) -> None:
        terminal.type(ESCAPE)
        terminal.wait_for("sockcli>")
        terminal.enter("status")
        terminal.wait_for("telnet      character mode, echo by the peer")
        terminal.enter("echo ba''ck")
        terminal.wait_for("\nback\nremote>")
        terminal.type(ESCAPE)
        terminal.until(lambda: terminal.text.count("sockcli>") == 2, "the second prompt")
        terminal.enter("close")
        assert terminal.wait_end() == 0
        is_given_back(terminal)

    def test_the_interrupt_command_is_telnets(self, terminal: Terminal) -> None:
        terminal.enter(WAITS)
        terminal.wait_for("\nwaits\n")
        terminal.type(ESCAPE)
        terminal.wait_for("sockcli>")
        terminal.enter("interrupt")
        terminal.wait_for("interrupted!")

    def test_a_pasted_block_is_keys_and_no_command(self, terminal: Terminal) -> None:
        terminal.type("\x1b[200~: one\n: \x1dquit\n\x1b[201~\r")
        terminal.enter("echo do''ne")
        terminal.wait_for("\ndone\n")
        assert "sockcli>" not in terminal.text
        assert terminal.process.poll() is None


class TestPasswords:
    @pytest.fixture
    def terminal(self, stage: Stage, tmp_path: Path) -> Iterator[Terminal]:
        with telnet_servers.twisted(tmp_path / "twisted") as server:
            yield stage.ours(server.port)

    def test_a_password_is_neither_shown_nor_remembered(self, stage: Stage, terminal: Terminal) -> None:
        terminal.wait_for("User:")
        terminal.enter("joe")
        terminal.wait_for("Password:")
        terminal.enter("hunter2")
        terminal.wait_for("joe has a password of 7 bytes")
        terminal.enter("a line")
        terminal.wait_for("got <a line>")
        terminal.enter("bye")
        assert terminal.wait_end() == 0
        assert "joe" in history(stage)
        assert "a line" in history(stage)
        assert "hunter2" not in history(stage)
        assert b"hunter" not in terminal.written
        is_given_back(terminal)

    def test_a_password_typed_a_key_at_a_time_and_corrected(self, terminal: Terminal) -> None:
        terminal.wait_for("User:")
        terminal.enter("joe")
        terminal.wait_for("Password:")
        for key in "hunx\x7fter3\x7f2\r":
            terminal.type(key)
        terminal.wait_for("joe has a password of 7 bytes")
        assert b"ter" not in terminal.written.partition(b"Password:")[2].partition(b"joe has")[0]


class TestAsksTheTerminal:
    """prompt_toolkit's telnet server asks where the cursor is, and turns paste marks on."""

    def test_the_terminal_answers_nothing(self, stage: Stage, tmp_path: Path) -> None:
        with (
            telnet_servers.prompt_toolkit(tmp_path / "server") as server,
            telnet_servers.tap(tmp_path / "tap", server.port) as tap,
        ):
            terminal = stage.ours(tap.port)
            terminal.wait_for("name:")
            assert terminal.screen.mode - {2004 << 5} == terminal.modes_before
            terminal.enter("joe")
            terminal.wait_for("hello <joe>")
            terminal.enter("bye")
            assert terminal.wait_end() == 0
            assert b"\x1b[6n" in tap.from_server
            assert terminal.answered == []
            assert b"\x1b" not in tap.from_client
            is_given_back(terminal)


class TestCompressed:
    @pytest.mark.parametrize("options", [[], ["--compress"]], ids=["plain", "compressed"])
    def test_a_shell_behind_telnetlib3(self, stage: Stage, tmp_path: Path, options: list[str]) -> None:
        login = telnet_servers.script(tmp_path, f"#!/bin/sh\n{REMOTE}")
        with (
            telnet_servers.telnetlib3(tmp_path / "server", "--compression", "--pty-exec", str(login)) as server,
            telnet_servers.tap(tmp_path / "tap", server.port) as tap,
        ):
            terminal = stage.ours(tap.port, *options)
            terminal.wait_for("remote>")
            terminal.enter("stty size; echo $((6 * 7))")
            terminal.wait_for("24 80\n42\nremote>")
            terminal.enter("exit")
            assert terminal.wait_end() == 0
            assert (b"24 80" in tap.from_server) == (not options)
            is_given_back(terminal)


class TestLines:
    """Peers that know no telnet get lines, as they are entered."""

    @pytest.fixture
    def chat(self, tmp_path: Path) -> Iterator[Server]:
        yield from servers.ngircd(tmp_path / "ngircd")

    def test_a_chat(self, stage: Stage, chat: Server) -> None:
        terminal = stage.ours(chat.port)
        terminal.wait_for("  line  ")  # in the toolbar
        terminal.enter("NICK joe")
        terminal.enter("USER joe 0 * :Joe of the tests")
        terminal.wait_for("PING :")
        terminal.enter("PONG :" + terminal.text.partition("PING :")[2].split()[0])
        terminal.until(lambda: b":irc.test 001 joe :" in terminal.written, "the welcome")
        terminal.enter("VERSION")
        terminal.wait_for("irc.test 351 joe ngIRCd")
        terminal.enter("QUIT :bye")
        assert terminal.wait_end() == 0
        assert 'ERROR :"bye"' in terminal.text
        is_given_back(terminal)

    def test_a_database(self, stage: Stage, redis_server: Server) -> None:
        terminal = stage.ours(redis_server.port)
        terminal.wait_for("  line  ")  # in the toolbar
        terminal.enter("SET greeting grüße")
        terminal.wait_for("\n+OK\n")
        terminal.enter("GET greeting")
        terminal.wait_for("\n$7\ngrüße\n")
        terminal.type("\x1b[A\x1b[A\x1b[D\x1b[D\x7f\x7fn\r")  # the first line again, edited
        terminal.enter("GET greeting")
        terminal.wait_for("\n$5\ngnße\n")
        terminal.enter("QUIT")
        assert terminal.wait_end() == 0
        assert "GET greeting" in history(stage)
        is_given_back(terminal)
