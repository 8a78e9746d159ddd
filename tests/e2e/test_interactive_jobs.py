"""Leaving a full-screen program in the middle, for a moment or for good: the terminal is given back as it was found."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.stage import Stage
from tests.e2e.terminal import Terminal, is_given_back
from tests.servers import program
from tests.waiting import until

VI: Final = "exec vim.tiny -u NONE -N -c 'set ruler' text\n"
ESCAPE: Final = "\x1d"


class TestFullScreen:
    """vi behind GNU telnetd, and what happens to the terminal when it is left in the middle."""

    @pytest.fixture
    def port(self, stage: Stage) -> int:
        program("vim.tiny")
        return stage.server(VI)

    @pytest.fixture
    def terminal(self, stage: Stage, port: int) -> Terminal:
        terminal = stage.ours(port)
        terminal.wait_for("1,1")
        assert terminal.screen.mode > terminal.modes_before, "it did switch something on"
        assert terminal.attributes() != terminal.attributes_before
        return terminal

    def test_its_end(self, terminal: Terminal) -> None:
        terminal.enter(":q!")
        assert terminal.wait_end() == 0
        is_given_back(terminal)

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
    def test_killed(self, terminal: Terminal, signum: signal.Signals) -> None:
        terminal.process.send_signal(signum)
        assert terminal.wait_end() == -signum
        is_given_back(terminal)

    def test_the_command_prompt_has_a_screen_of_its_own(self, terminal: Terminal) -> None:
        terminal.type("\x0c")
        terminal.until(lambda: "98L" not in terminal.text, "its first message to go")
        before = terminal.look()
        terminal.type(ESCAPE)
        terminal.wait_for("sockcli>")
        assert terminal.screen.mode - {2004 << 5} == terminal.modes_before
        terminal.enter("")
        terminal.until(lambda: terminal.look() == before, "vi's screen again")
        terminal.enter(":q!")
        assert terminal.wait_end() == 0

    def test_the_server_dies(self, terminal: Terminal) -> None:
        program("ps")
        terminal.enter(":!kill -9 $(ps -o ppid= -p $PPID)")  # vi's parent is telnetd
        assert terminal.wait_end() == 0
        is_given_back(terminal)


class TestJobControl:
    """vi behind GNU telnetd, started from a shell on the terminal."""

    @pytest.fixture
    def terminal(self, stage: Stage) -> Terminal:
        program("vim.tiny")
        terminal = stage.terminal("bash", "--norc", "--noprofile", "-i", env={"PS1": "local> "})
        terminal.wait_for("local>")
        terminal.enter("stty -a > before")
        terminal.enter(shlex.join(stage.command(stage.server(VI))))
        terminal.wait_for("1,1")
        terminal.type("\x0c")
        terminal.until(lambda: "98L" not in terminal.text, "its first message to go")
        return terminal

    @staticmethod
    def shell_has_it(terminal: Terminal, directory: Path) -> None:
        terminal.wait_for("local>")
        assert terminal.screen.mode - {2004 << 5} == terminal.modes_before  # the shell has paste marks on itself
        terminal.enter("clear; stty -a > after; echo do''ne")
        terminal.wait_for("done")
        assert (directory / "after").read_text() == (directory / "before").read_text()

    def test_stopped_and_continued(self, stage: Stage, terminal: Terminal) -> None:
        before = terminal.look()
        for _ in range(2):
            terminal.type(ESCAPE)
            terminal.wait_for("sockcli>")
            terminal.type("\x1a")
            terminal.wait_for("Stopped")
            self.shell_has_it(terminal, stage.directory)
            terminal.enter("fg")
            terminal.until(lambda: "sockcli>" in terminal.text or terminal.look() == before, "the session again")
            if "sockcli>" in terminal.text:
                terminal.enter("")
            terminal.until(lambda: terminal.look() == before, "vi's screen again")
        terminal.enter(":q!")
        self.shell_has_it(terminal, stage.directory)

    def test_stopped_by_a_signal(self, stage: Stage, terminal: Terminal) -> None:
        before = terminal.look()
        for _ in range(2):
            pid = child(terminal)
            os.kill(pid, signal.SIGTSTP)
            terminal.wait_for("Stopped")
            self.shell_has_it(terminal, stage.directory)
            terminal.resize(100, 30)
            terminal.resize(80, 24)
            terminal.enter("fg")
            terminal.until(lambda: terminal.look() == before, "vi's screen again")
        os.kill(child(terminal), signal.SIGTERM)
        self.shell_has_it(terminal, stage.directory)

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
    def test_killed(self, stage: Stage, terminal: Terminal, signum: signal.Signals) -> None:
        os.kill(child(terminal), signum)
        terminal.wait_for("local>")
        terminal.enter("echo code $?")
        terminal.wait_for(f"code {128 + signum}")
        self.shell_has_it(terminal, stage.directory)

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
    def test_killed_while_stopped(self, stage: Stage, terminal: Terminal, signum: signal.Signals) -> None:
        os.kill(child(terminal), signal.SIGTSTP)
        terminal.wait_for("Stopped")
        terminal.enter(f"clear; kill -{signum} %1; kill -CONT %1; wait %1; echo code $?")
        terminal.wait_for(f"code {128 + signum}")
        self.shell_has_it(terminal, stage.directory)

    def test_it_does_not_outlive_its_shell(self, terminal: Terminal) -> None:
        """As when a terminal's window is closed: the shell that leads the session is gone, and its terminal with it."""
        pid = child(terminal)
        terminal.process.kill()
        terminal.wait_end()
        until(lambda: not Path(f"/proc/{pid}").exists(), "sockcli to end")


def child(terminal: Terminal) -> int:
    """The process that a shell on the terminal runs."""
    pid = terminal.process.pid
    (number,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(number)
