"""The user's terminal: its size, and its line discipline (who edits, who echoes, which keys are signals).

`LineDiscipline` changes it and puts it back: at the end, on an exception, and while the process is stopped, when the
shell has the terminal. It sets the terminal's attributes only. O_NONBLOCK is never set: the shell shares the open file
that has this flag.
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
# The terminal is gone, or our process group has lost it: there is nothing to put back.
_GONE: Final = frozenset({errno.EIO, errno.ENOTTY, errno.EBADF, errno.ENXIO, errno.ENODEV})
_LARGEST: Final = 65_535  # what TIOCGWINSZ and telnet's NAWS can hold


def window_size(fd: int, environ: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """Columns and rows of the terminal at `fd`; where it does not know, those in COLUMNS and LINES, or else None."""
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
    """How many bytes can be read from the terminal at `fd` now. While it edits lines, only whole lines count."""
    count = bytearray(4)  # an int
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


def is_foreground(fd: int) -> bool:
    """Whether our process group may use the terminal at `fd` now; the others are jobs in the background."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True  # not our controlling terminal: there is no job control on it


def wait_for_foreground(fd: int) -> None:
    """Wait until we are the foreground job on the terminal at `fd`.

    The kernel does the waiting: a job in the background that uses its terminal is stopped (SIGTTOU), until the shell
    continues it. Raises LocalFailure where there is no shell that would do so.
    """
    while not is_foreground(fd):
        try:
            # This use of the terminal changes nothing. Any other would be done once we go on, with values from before
            # the stop.
            termios.tcflow(fd, termios.TCOON)
        except termios.error as exc:
            if exc.args[0] != errno.EINTR:
                raise LocalFailure(f"the terminal is another job's: {exc.args[1]}") from exc
        else:
            return  # SIGTTOU is ignored: whoever started us wants us to use the terminal all the same


class LineDiscipline:
    """A context in which the terminal at `fd` may be set to another mode. At its end the terminal is as it was found.

    Modes: `line` as it was found; `quiet` the same without echo; `cbreak` each key at once, Ctrl-C and Ctrl-Z are still
    signals; `raw` each key at once, and none is a signal.

    While we are stopped or in the background the terminal is the shell's and is not changed; the mode that was asked
    for is set when we are in the foreground again. `on_suspend` is called before a stop, to undo other changes of the
    screen. `on_resume` is called in the foreground again. It may be called without `on_suspend` before it (SIGSTOP
    cannot be caught), and more than once.
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
        # Only the main thread may set handlers. A signal that our parent had ignored stays ignored.
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
        # In the background tcsetattr would stop us, and a stopped process does not end when it is told to (SIGTERM).
        while is_foreground(self._fd):
            try:
                if not self._taken:
                    self._found = termios.tcgetattr(self._fd)
                # TCSANOW: the other ways wait until all output is shown, which after Ctrl-S may be never.
                termios.tcsetattr(self._fd, termios.TCSANOW, _attributes(self._found, mode))
                self._taken = mode != "line"
            except termios.error as exc:
                if exc.args[0] == errno.EINTR:
                    continue  # we were put into the background just now, and stopped for the attempt
                if exc.args[0] not in _GONE:
                    raise LocalFailure(f"the terminal's mode cannot be set: {exc.args[1]}") from exc
            return

    def _stopping(self, signum: int, _frame: FrameType | None) -> None:
        if self.on_suspend is not None:
            self.on_suspend()
        self._apply("line")
        # Not earlier: a SIGCONT while the lines above run clears it, and then nobody would set the mode again that they
        # have just put back.
        self._suspended = True
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)
        # The process was stopped in the line above, and goes on here. In an orphaned process group SIGTSTP does
        # nothing, and no SIGCONT comes, so that the mode is set again below.
        signal.signal(signum, self._stopping)
        if self._suspended:
            self._take_again()

    def _continued(self, _signum: int, _frame: FrameType | None) -> None:
        self._take_again()

    def _quitting(self, signum: int, _frame: FrameType | None) -> None:
        """Ctrl-\\ ends a program that hangs. The user's terminal is put back first, then the signal takes effect."""
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
