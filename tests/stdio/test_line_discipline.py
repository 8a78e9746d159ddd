"""Taking the user's terminal and giving it back, on real ptys, under a real shell with job control."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import signal
import struct
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pexpect  # type: ignore[import-untyped]
import pytest

import sockcli
from sockcli.errors import LocalFailure
from sockcli.stdio.line_discipline import LineDiscipline, LineMode, pending_input, wait_for_foreground, window_size
from tests.waiting import until

MODES: Final[tuple[LineMode, ...]] = ("line", "quiet", "cbreak", "raw")


class Pty(NamedTuple):
    master: int
    slave: int

    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def local_flags(self) -> int:
        flags: int = self.attributes()[3]
        return flags

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@pytest.fixture
def pty() -> Iterator[Pty]:
    pair = Pty(*os.openpty())
    yield pair
    for fd in pair:
        with contextlib.suppress(OSError):
            os.close(fd)


# What it is, and how large


def test_the_size_is_the_terminals(pty: Pty) -> None:
    pty.resize(132, 43)
    assert window_size(pty.slave, {"COLUMNS": "80", "LINES": "24"}) == (132, 43)


@pytest.mark.parametrize(
    ("environ", "size"),
    [
        ({}, None),
        ({"COLUMNS": "80", "LINES": "24"}, (80, 24)),
        ({"COLUMNS": "80"}, None),
        ({"COLUMNS": "0", "LINES": "24"}, None),
        ({"COLUMNS": "-80", "LINES": "24"}, None),
        ({"COLUMNS": "８０", "LINES": "24"}, None),
        ({"COLUMNS": "65536", "LINES": "24"}, None),
        ({"COLUMNS": "65535", "LINES": "1"}, (65535, 1)),
        ({"COLUMNS": "9" * 5000, "LINES": "24"}, None),
    ],
)
def test_the_size_is_else_the_environments(pty: Pty, environ: dict[str, str], size: tuple[int, int] | None) -> None:
    pty.resize(0, 0)
    assert window_size(pty.slave, environ) == size
    read, write = os.pipe()
    assert window_size(read, environ) == size
    os.close(read)
    os.close(write)


# Its modes


def test_quiet_has_no_echo(pty: Pty) -> None:
    with LineDiscipline(pty.slave) as line:
        line.set("quiet")
        os.write(pty.master, b"secret\nx")
        assert os.read(pty.slave, 100) == b"secret\n"
        os.write(pty.slave, b"prompt")
        assert os.read(pty.master, 100) == b"prompt"


def test_cbreak_has_a_key_at_a_time_and_signals(pty: Pty) -> None:
    with LineDiscipline(pty.slave) as line:
        line.set("cbreak")
        assert line.mode == "cbreak"
        assert pty.local_flags() & termios.ISIG
        os.write(pty.master, b"x")
        assert os.read(pty.slave, 100) == b"x"
        os.write(pty.slave, b"a\n")
        assert os.read(pty.master, 100) == b"a\r\n"


def test_raw_has_every_key_and_every_byte(pty: Pty) -> None:
    everything = bytes(range(256))
    with LineDiscipline(pty.slave) as line:
        line.set("raw")
        os.write(pty.master, everything)
        assert os.read(pty.slave, 1000) == everything
        os.write(pty.slave, everything)
        assert os.read(pty.master, 1000) == everything


@pytest.mark.parametrize("mode", MODES)
def test_what_was_found_comes_back(pty: Pty, mode: LineMode) -> None:
    found = pty.attributes()
    with LineDiscipline(pty.slave) as line:
        for other in MODES:
            line.set(other)
        line.set(mode)
    assert pty.attributes() == found


def test_line_is_how_it_was_found(pty: Pty) -> None:
    odd = pty.attributes()
    odd[3] &= ~termios.ECHO
    odd[0] ^= termios.IXANY
    termios.tcsetattr(pty.slave, termios.TCSANOW, odd)
    found = pty.attributes()
    with LineDiscipline(pty.slave) as line:
        line.set("raw")
        line.set("line")
        assert pty.attributes() == found


def test_an_exception_gives_it_back(pty: Pty) -> None:
    found = pty.attributes()
    with contextlib.suppress(KeyError), LineDiscipline(pty.slave) as line:
        line.set("raw")
        raise KeyError
    assert pty.attributes() == found


def test_restoring_again_changes_nothing(pty: Pty) -> None:
    with LineDiscipline(pty.slave) as line:
        line.set("raw")
        line.restore()
        found = pty.attributes()
        # Somebody else's setting, made after we gave it back, is not ours to undo.
        others = pty.attributes()
        others[3] &= ~termios.ECHO
        termios.tcsetattr(pty.slave, termios.TCSANOW, others)
        line.restore()
        assert pty.attributes() != found


def test_the_descriptor_is_left_blocking(pty: Pty) -> None:
    with LineDiscipline(pty.slave) as line:
        line.set("raw")
        assert os.get_blocking(pty.slave)
    assert os.get_blocking(pty.slave)


@pytest.mark.parametrize("mode", ["cbreak", "raw"])
def test_one_key_is_enough_whatever_was_set_before(pty: Pty, mode: LineMode) -> None:
    patient = pty.attributes()
    patient[6][termios.VMIN], patient[6][termios.VTIME] = b"\x05", b"\x00"
    termios.tcsetattr(pty.slave, termios.TCSANOW, patient)
    with LineDiscipline(pty.slave) as line:
        line.set(mode)
        os.write(pty.master, b"x")
        assert os.read(pty.slave, 100) == b"x"


def test_what_was_typed_ahead_is_kept(pty: Pty) -> None:
    os.write(pty.master, b"typed\n")
    with LineDiscipline(pty.slave) as line:
        line.set("raw")
    assert os.read(pty.slave, 100) == b"typed\n"


def test_no_terminal_is_an_error() -> None:
    read, write = os.pipe()
    with pytest.raises(LocalFailure, match="mode cannot be read"), LineDiscipline(read):
        pass
    os.close(read)
    os.close(write)


def test_a_terminal_that_went_away_is_no_error(pty: Pty) -> None:
    with LineDiscipline(pty.slave) as line:
        line.set("raw")
        os.close(pty.master)


def test_what_there_is_to_read(pty: Pty) -> None:
    os.write(pty.master, b"whole\nhalf")
    until(lambda: pending_input(pty.slave), "the line")  # the kernel hands it over in its own time
    assert pending_input(pty.slave) == len("whole\n")
    with LineDiscipline(pty.slave) as line:
        line.set("cbreak")
        until(lambda: pending_input(pty.slave) == len("whole\nhalf"), "the rest")


def test_a_terminal_that_controls_nobody_is_not_waited_for(pty: Pty) -> None:
    wait_for_foreground(pty.slave)


# Signals


def test_handlers_are_put_back(pty: Pty) -> None:
    with LineDiscipline(pty.slave):
        assert signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGCONT) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGCONT) is signal.SIG_DFL


def test_an_inherited_ignore_stays(pty: Pty) -> None:
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        with LineDiscipline(pty.slave):
            assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def test_another_thread_may_use_it(pty: Pty) -> None:
    found = pty.attributes()
    seen = []

    def use() -> None:
        with LineDiscipline(pty.slave) as line:
            line.set("raw")
            seen.append(pty.attributes())

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen != [found]
    assert pty.attributes() == found


def test_continuing_takes_the_terminal_again(pty: Pty) -> None:
    resumed = []
    with LineDiscipline(pty.slave, on_resume=lambda: resumed.append(1)) as line:
        line.set("raw")
        raw = pty.attributes()
        cooked = pty.attributes()
        cooked[3] |= termios.ECHO
        termios.tcsetattr(pty.slave, termios.TCSANOW, cooked)  # as a shell does while we are stopped
        signal.raise_signal(signal.SIGCONT)
        assert pty.attributes() == raw
        assert resumed == [1]


# Under a shell

# The child tests the same sockcli as this file does.
ENVIRONMENT: Final = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(sockcli.__file__).parent.parent)}
CHILD: Final = """
import os, signal, sys, termios
from sockcli.stdio.line_discipline import LineDiscipline
def say(text):
    os.write(1, text.encode())
signal.signal(signal.SIGTERM, lambda *_: sys.exit("<terminated>"))
def suspend():
    say("<suspend>")
    if "continued" in sys.argv:
        os.kill(os.getpid(), signal.SIGCONT)
with LineDiscipline(0, on_suspend=suspend, on_resume=lambda: say("<resume>")) as line:
    line.set(sys.argv[1])
    say("<ready %d>" % os.getpid())
    while (data := os.read(0, 100)) != b"q":
        flags = termios.tcgetattr(0)[3]
        say(f"<got {data!r} echo={bool(flags & termios.ECHO)} signals={bool(flags & termios.ISIG)}>")
say("<done>")
"""


BASH: Final = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
# This one leaves the terminal as a stopped job left it, so that nothing hides what we forget.
DASH: Final = ["dash", "-i"]


class Shell:
    """An interactive shell that edits no lines, and the program above in it."""

    def __init__(self, command: Sequence[str], script: str) -> None:
        environment = ENVIRONMENT | {"PS1": "SHELL> ", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        self.child = pexpect.spawn(command[0], command[1:], env=environment, encoding="utf-8", timeout=15)
        self.shown = self.child.logfile_read = io.StringIO()
        self.run = f"{sys.executable} {script}"
        self.expect("SHELL> ")

    def expect(self, text: str) -> None:
        self.child.expect_exact(text)

    def command(self, text: str) -> None:
        self.child.sendline(text)
        self.expect("\n")  # its echo

    def start(self, mode: LineMode) -> int:
        self.command(f"{self.run} {mode}")
        self.child.expect(r"<ready (\d+)>")
        return int(self.child.match[1])

    def has_its_terminal(self) -> None:
        """The shell's terminal echoes and makes signals, as it was found."""
        self.expect("SHELL> ")
        self.command("stty -a")
        self.child.expect(r"(-?isig) .*\s(-?echo) ")
        assert self.child.match.groups() == ("isig", "echo")
        self.expect("SHELL> ")

    def foreground(self) -> None:
        self.command("fg")
        self.expect("<resume>")

    def types(self, keys: str, *, signals: bool) -> None:
        self.child.send(keys)
        self.expect(f"<got {keys.encode()!r} echo=False signals={signals}>")

    def quit(self) -> None:
        self.child.send("q")
        self.expect("<done>")
        self.has_its_terminal()


@pytest.fixture(params=[BASH, DASH], ids=["bash", "dash"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    if shutil.which(request.param[0]) is None:
        pytest.skip(f"{request.param[0]} is not installed")
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    shell = Shell(request.param, str(script))
    yield shell
    shell.child.close(force=True)


def test_ctrl_z_gives_the_terminal_to_the_shell(shell: Shell) -> None:
    shell.start("cbreak")
    for _ in range(3):
        shell.types("x", signals=True)
        shell.child.send("\x1a")
        shell.expect("<suspend>")
        shell.expect("Stopped")
        shell.has_its_terminal()
        shell.foreground()
    shell.types("y", signals=True)
    shell.quit()


def test_a_stop_from_elsewhere_does_too_in_raw_mode(shell: Shell) -> None:
    pid = shell.start("raw")
    shell.types("\x1a", signals=False)  # here it is the peer's
    os.kill(pid, signal.SIGTSTP)
    shell.expect("<suspend>")
    shell.expect("Stopped")
    shell.has_its_terminal()
    shell.foreground()
    shell.types("\x03", signals=False)
    shell.quit()


def test_after_a_stop_that_nobody_can_catch(shell: Shell) -> None:
    pid = shell.start("raw")
    os.kill(pid, signal.SIGSTOP)
    shell.expect("Stopped")
    shell.command("stty sane")
    shell.foreground()
    shell.types("x", signals=False)
    shell.quit()


def test_in_the_background_it_leaves_the_terminal_to_the_shell(shell: Shell) -> None:
    pid = shell.start("cbreak")
    shell.child.send("\x1a")
    shell.expect("Stopped")
    shell.expect("SHELL> ")
    shell.command("bg")
    shell.expect("SHELL> ")
    # Stopped for reading, not for reaching for the terminal's mode.
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("T"), "the child to be stopped")
    shell.command("jobs -l")
    shell.expect("Stopped (tty input)")
    shell.has_its_terminal()
    assert "<resume>" not in shell.shown.getvalue()
    shell.foreground()
    shell.types("x", signals=True)
    shell.quit()


def test_started_in_the_background_it_takes_the_terminal_when_it_is_brought_forward(shell: Shell) -> None:
    shell.command(f"{shell.run} raw &")
    shell.child.expect(r"<ready (\d+)>")
    shell.child.send("\n")
    shell.has_its_terminal()
    shell.foreground()
    shell.types("\x1a", signals=False)
    shell.quit()


def test_a_stopped_job_can_be_killed(shell: Shell) -> None:
    pid = shell.start("raw")
    os.kill(pid, signal.SIGTSTP)
    shell.expect("Stopped")
    shell.expect("SHELL> ")
    shell.command("kill -TERM %1; kill -CONT %1")
    shell.expect("<terminated>")
    shell.child.send("\n")
    shell.has_its_terminal()


def test_sigquit_gives_the_terminal_to_the_shell(shell: Shell) -> None:
    pid = shell.start("raw")
    os.kill(pid, signal.SIGQUIT)
    shell.expect("Quit")
    shell.has_its_terminal()


def orphan(tmp_path: Path, *arguments: str) -> pexpect.spawn:
    """No shell: in an orphaned process group the kernel drops SIGTSTP, and no SIGCONT follows."""
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    child = pexpect.spawn(
        sys.executable, [str(script), "raw", *arguments], env=ENVIRONMENT, encoding="utf-8", timeout=15
    )
    child.expect("<ready")
    child.kill(signal.SIGTSTP)
    child.expect("<suspend>")
    child.expect("<resume>")
    return child


def is_still_raw(child: pexpect.spawn) -> None:
    child.send("x")
    child.expect_exact("<got b'x' echo=False signals=False>")
    child.send("q")
    child.expect("<done>")
    child.close()


def test_where_nothing_can_stop_it_a_storm_of_stops_leaves_it_as_it_was(tmp_path: Path) -> None:
    child = orphan(tmp_path)
    for _ in range(20):
        child.kill(signal.SIGTSTP)
        child.kill(signal.SIGCONT)
    is_still_raw(child)


def test_to_go_on_while_it_is_about_to_stop_leaves_it_as_it_was(tmp_path: Path) -> None:
    is_still_raw(orphan(tmp_path, "continued"))
