"""A user at a terminal: sockcli on a real pty, and an emulator that draws what it writes there."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pyte

from tests.terminal.emulator import Screen
from tests.waiting import PATIENCE

SOCKCLI: Final = (sys.executable, "-m", "sockcli")
CTRL_C, CTRL_D, CTRL_Y, CTRL_Z, ESCAPE, ENTER, UP = "\x03", "\x04", "\x19", "\x1a", "\x1d", "\r", "\x1b[A"
# Of what was written, so much is kept to look into.
_KEPT: Final = 4 << 20


class Terminal:
    """One pty. Nothing is read from it but while the test waits for something."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        env: Mapping[str, str],
        columns: int = 80,
        rows: int = 24,
        draw: bool = True,
    ) -> None:
        self.master, self._slave = os.openpty()
        self.screen = Screen()
        self._stream = pyte.ByteStream(self.screen)
        self._draw = draw
        self.written = bytearray()
        self.total = 0
        self._open = True
        self.resize(columns, rows)
        self.found = self.attributes()
        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=directory,
            env=dict(env),
            start_new_session=True,
            preexec_fn=_take_terminal,
        )

    # The user

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def enter(self, text: str) -> None:
        self.type(text + ENTER)

    def type_what_fits(self, data: bytes) -> int:
        """How much of it the terminal's input queue takes before somebody reads it."""
        os.set_blocking(self.master, False)
        try:
            return os.write(self.master, data)
        except BlockingIOError:
            return 0
        finally:
            os.set_blocking(self.master, True)

    def paste(self, text: str) -> None:
        """As a terminal does it that was asked to mark pasted blocks."""
        assert b"\x1b[?2004h" in self.written, "nobody asked for marks"
        self.type(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # The screen

    @property
    def lines(self) -> list[str]:
        """What stands on it, without the empty lines at its end."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def cursor_line(self) -> str:
        """The line with the cursor, up to the cursor."""
        return self.screen.display[self.screen.cursor.y][: self.screen.cursor.x]

    def shows(self, text: str) -> None:
        """Wait until it stands on the screen."""
        self.until(lambda: text in self.text, f"{text!r} on the screen")

    def prompts(self, text: str) -> None:
        """Wait until the line with the cursor is this."""
        self.until(lambda: self.cursor_line.rstrip() == text.rstrip(), f"the cursor behind {text!r}")

    def until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if not self.read(0.05) and self.process.poll() is not None:
                raise AssertionError(f"no {what}: it ended with {self.process.poll()}; there is:\n{self.text}")
            assert time.monotonic() < end, f"no {what}; there is:\n{self.text}"

    def read(self, seconds: float) -> bool:
        """Draw what is there, or comes within that time; whether there was something."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        data = os.read(self.master, 65_536)
        self.total += len(data)
        self.written += data
        del self.written[:-_KEPT]
        if self._draw:
            self._stream.feed(data)
        return True

    def settle(self) -> None:
        """Draw all that is written already."""
        while select.select([self.master], [], [], 0)[0]:
            self.read(0)

    # The machine

    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def foreground(self) -> int:
        """The process group that has the terminal."""
        return os.tcgetpgrp(self.master)

    def finish(self) -> int:
        """Wait for its end, drawing what it writes; the code, negative for a signal."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running; there is:\n{self.text}"
            self.read(0.01)
        self.settle()
        return self.process.returncode

    def is_as_found(self) -> bool:
        return self.attributes() == self.found

    def memory(self) -> int:
        """The most that it ever had, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def hang_up(self) -> None:
        """The window is closed."""
        for fd in (self._slave, self.master):
            os.close(fd)
        self._open = False

    def close(self) -> None:
        for group in self._groups():
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self.process.wait(PATIENCE)
        if self._open:
            self.hang_up()

    def _groups(self) -> set[int]:
        """The program's, and that of what a shell has started."""
        groups = {self.process.pid}
        if self._open:
            with suppress(OSError):
                groups.add(self.foreground())
        return groups - {0}


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU):
        signal.signal(signum, signal.SIG_DFL)


@contextmanager
def closing(terminals: list[Terminal]) -> Iterator[None]:
    try:
        yield
    finally:
        for terminal in terminals:
            terminal.close()
