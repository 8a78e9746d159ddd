"""A terminal of the test's own: a process on a pty, an emulator that shows what it writes, and keys to type.

It answers what a terminal answers, so that whatever makes one answer is seen: in `answered`.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyte

from tests.terminal.emulator import COLUMNS, ROWS, Screen
from tests.waiting import PATIENCE

ENVIRONMENT: Final = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
# How often to look at what no byte tells of: that a process ended, say.
_TURN: Final = 0.02


class Look(NamedTuple):
    """All that can be seen of a screen: characters with their colours, and the cursor."""

    cells: list[list[Any]]
    cursor: tuple[int, int, bool]


class _Emulator(Screen):
    def __init__(self, answer: Callable[[bytes], None]) -> None:
        super().__init__()
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data.encode())


class Terminal:
    """What `command` runs in; it leads a session of its own, as a shell or a program in a window does."""

    def __init__(self, command: Sequence[str], *, directory: Path, env: Mapping[str, str] | None = None) -> None:
        self.written = bytearray()  # all that came out
        self.answered: list[bytes] = []
        self.screen = _Emulator(self._answer)
        self._stream = pyte.ByteStream(self.screen)
        self._master, self._slave = os.openpty()
        self.name = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        self.resize(COLUMNS, ROWS)
        self.modes_before = set(self.screen.mode)
        self.attributes_before = self.attributes()
        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=directory,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(directory), **ENVIRONMENT, **(env or {})},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )

    # What is shown

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def titles(self) -> list[str]:
        return self.screen.acted

    def look(self) -> Look:
        screen = self.screen
        cells = [[screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)]
        return Look(cells, (screen.cursor.x, screen.cursor.y, screen.cursor.hidden))

    def attributes(self) -> list[Any]:
        """What `stty -a` shows."""
        return termios.tcgetattr(self._slave)

    # Waiting

    def until(self, condition: Callable[[], Any], what: str | Callable[[], str]) -> None:
        """Show what comes until `condition` holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if not self.read(_TURN) and time.monotonic() > end:
                awaited = what if isinstance(what, str) else what()
                raise AssertionError(f"waited for {awaited}; the screen:\n{self.text}")

    def wait_for(self, text: str) -> None:
        self.until(lambda: text in self.text, repr(text))

    def wait_written(self, data: bytes) -> None:
        """For bytes that do not show."""
        self.until(lambda: data in self.written, repr(data))

    def wait_end(self) -> int:
        """Until the process has ended, and all that it wrote is shown; its exit code."""
        self.until(lambda: self.process.poll() is not None, "the end")
        while self.read():
            pass
        return self.process.returncode

    def read(self, seconds: float = 0) -> bool:
        """Show what comes next; False if nothing does."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            return False  # the other side is closed
        self.written += data
        self._stream.feed(data)
        return True

    # What the user does

    def type(self, keys: str | bytes) -> None:
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            _, ready, _ = select.select([], [self._master], [], PATIENCE)
            assert ready, "nobody reads the keys"
            data = data[os.write(self._master, data) :]

    def enter(self, line: str) -> None:
        self.type(line + "\r")

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=PATIENCE)
        os.close(self._master)
        os.close(self._slave)

    def _answer(self, data: bytes) -> None:
        self.answered.append(data)
        os.write(self._master, data)


def is_given_back(terminal: Terminal) -> None:
    """The terminal is as it was found: its attributes, and what programs switch on in it."""
    assert terminal.attributes() == terminal.attributes_before
    assert terminal.screen.mode == terminal.modes_before
    assert not terminal.screen.cursor.hidden
    assert terminal.screen.cursor.attrs == terminal.screen.default_char


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(signum, signal.SIG_DFL)
