"""The user's terminal: how large it is, and taking its line discipline and giving it back.

Whoever takes it has it given back: at the end, on an exception, and while the process is stopped. Only attributes
are set, which belong to the terminal; never O_NONBLOCK, which the shell would share.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final, Literal, Self

from sockcli.errors import LocalFailure

LineMode = Literal["line", "quiet", "cbreak", "raw"]

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6

# What cfmakeraw(3) turns off. Without OPOST the peer's LF stays one, which full-screen programs rely on.
_RAW_OFF: Final = {
    _IFLAG: (
        termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP
        | termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON
    ),
    _OFLAG: termios.OPOST,
    _CFLAG: termios.CSIZE | termios.PARENB,
    _LFLAG: termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN,
}  # fmt: skip
_OFF: Final[dict[LineMode, dict[int, int]]] = {
    "line": {},
    "quiet": {_LFLAG: termios.ECHO},
    "cbreak": {_LFLAG: termios.ECHO | termios.ICANON},
    "raw": _RAW_OFF,
}
# The terminal is closed, or we are in a process group that nobody controls: there is nothing to give back.
_GONE: Final = frozenset({errno.EIO, errno.ENOTTY, errno.EBADF, errno.ENXIO, errno.ENODEV})
_LARGEST: Final = 65_535  # what TIOCGWINSZ and telnet's NAWS can hold


def window_size(fd: int, environ: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """Columns and rows of the terminal at `fd`, else those of COLUMNS and LINES; None where neither tells both."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        size = os.terminal_size((0, 0))
    if size.columns > 0 and size.lines > 0:
        return size.columns, size.lines
    columns, rows = (_cells(environ.get(name, "")) for name in ("COLUMNS", "LINES"))
    return (columns, rows) if columns and rows else None


def _cells(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    return number if number <= _LARGEST else 0


def pending_input(fd: int) -> int:
    """How many bytes there are to read from the terminal at `fd`; while it edits lines, of those that are whole."""
    count = bytearray(4)  # an int
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def is_foreground(fd: int) -> bool:
    """Whether the terminal at `fd` is ours to use now."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True  # not our controlling terminal: there is no job control on it


def wait_for_foreground(fd: int) -> None:
    """Be stopped, as for any use of the terminal at `fd` by a job in the background, until it is ours.

    Raises LocalFailure where there is no shell that would ever continue us.
    """
    while not is_foreground(fd):
        try:
            # The one use that changes nothing. All others would be done over when we go on, with what was true before.
            termios.tcflow(fd, termios.TCOON)
        except termios.error as exc:
            if exc.args[0] != errno.EINTR:
                raise LocalFailure(f"the terminal is another job's: {exc.args[1]}") from exc
        else:
            return  # SIGTTOU is ignored: whoever started us wants us to go on


class LineDiscipline:
    """A context in which the terminal at `fd` may be set to another mode; the mode it was found in comes back.

    `line` is as found, `quiet` without echo, `cbreak` a key at a time with Ctrl-C and Ctrl-Z still signals, `raw`
    a key at a time and every key the peer's.

    While we are stopped or in the background the terminal is the shell's, and nothing is set: what was asked for
    is set on the way back. `on_suspend` is called before a stop, to undo what else was changed; `on_resume` in the
    foreground again, perhaps without `on_suspend` before (SIGSTOP), perhaps more than once.
    """

    def __init__(
        self,
        fd: int,
        *,
        on_suspend: Callable[[], None] | None = None,
        on_resume: Callable[[], None] | None = None,
    ) -> None:
        self._fd = fd
        self.on_suspend = on_suspend
        self.on_resume = on_resume
        self._found: list[Any] = []
        self._taken = False
        self._mode: LineMode = "line"
        self._suspended = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        try:
            self._found = termios.tcgetattr(self._fd)
        except termios.error as exc:
            raise LocalFailure(f"the terminal's mode cannot be read: {exc.args[1]}") from exc
        # Only the main thread may, and then only where the parent did not say "ignore".
        if threading.current_thread() is threading.main_thread():
            handlers = {
                signal.SIGTSTP: self._stopping,
                signal.SIGCONT: self._continued,
                signal.SIGQUIT: self._quitting,
            }
            for signum, handler in handlers.items():
                if signal.getsignal(signum) is signal.SIG_DFL:
                    self._handlers[signum] = signal.signal(signum, handler)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.restore()
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)
        self._handlers.clear()

    @property
    def mode(self) -> LineMode:
        """The mode asked for last."""
        return self._mode

    def set(self, mode: LineMode) -> None:
        """Put the terminal into `mode`."""
        self._mode = mode
        self._apply(mode)

    def restore(self) -> None:
        """Put the terminal back as it was found; again is harmless."""
        self.set("line")

    def _apply(self, mode: LineMode) -> None:
        if mode == "line" and not self._taken:
            return
        # From the background it would stop us, and a job that is killed while stopped would not end.
        while is_foreground(self._fd):
            try:
                if not self._taken:
                    self._found = termios.tcgetattr(self._fd)
                # TCSANOW: the others wait for output to drain, for ever after a Ctrl-S.
                termios.tcsetattr(self._fd, termios.TCSANOW, _attributes(self._found, mode))
                self._taken = mode != "line"
            except termios.error as exc:
                if exc.args[0] == errno.EINTR:
                    continue  # put into the background just now, and stopped for it
                if exc.args[0] not in _GONE:
                    raise LocalFailure(f"the terminal's mode cannot be set: {exc.args[1]}") from exc
            return

    def _stopping(self, signum: int, _frame: FrameType | None) -> None:
        if self.on_suspend is not None:
            self.on_suspend()
        self._apply("line")
        # Not before: whoever had us go on meanwhile would not know that the terminal was to be given back.
        self._suspended = True
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)
        # Here the process is stopped, and goes on. Not in an orphaned process group: there the signal does nothing.
        signal.signal(signum, self._stopping)
        if self._suspended:
            self._take_again()

    def _continued(self, _signum: int, _frame: FrameType | None) -> None:
        self._take_again()

    def _quitting(self, signum: int, _frame: FrameType | None) -> None:
        """Who waits for nothing else when a program hangs shall not be left with the terminal as it had it."""
        self._apply("line")
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)

    def _take_again(self) -> None:
        self._suspended = False
        self._apply(self._mode)
        if self.on_resume is not None and is_foreground(self._fd):
            self.on_resume()


def _attributes(found: list[Any], mode: LineMode) -> list[Any]:
    attributes = [*found[:_CC], list(found[_CC])]
    for field, flags in _OFF[mode].items():
        attributes[field] &= ~flags
    if mode == "raw":
        attributes[_CFLAG] |= termios.CS8
    if mode in ("raw", "cbreak"):
        attributes[_CC][termios.VMIN] = 1
        attributes[_CC][termios.VTIME] = 0
    return attributes
