"""The progress of a transfer, on stderr: bytes, rate, and where stdin is a regular file, how much of it is left.

On a terminal it is one line that is drawn again in its place, with click's progress bar where the size is known.
Elsewhere it is shown only if it was asked for, as a new line every ten seconds. `Progress.moved` is told of bytes as
they move. There is no timer: a transfer that stands still is not drawn again. No transfer waits or fails because of its
progress line: what stderr does not take at once is left out.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any, Final, TextIO, cast

from sockcli.base.deadline import Clock
from sockcli.errors import SockcliError
from sockcli.stdio.descriptors import STDERR, is_interactive
from sockcli.stdio.sink import OutputFilter, Sink
from sockcli.stdio.source import Source

# Seconds. A transfer that takes less shows no progress, unless it was asked for.
PATIENCE: Final = 2.0
# Seconds between two lines: on a terminal, and in a log.
DRAWN: Final = 0.1
LOGGED: Final = 10.0

# The rate shown is an average in which the latest 0.1 s count for this much, so that it follows a change in about 1 s.
_WEIGHT: Final = 0.2

# Columns that the text takes at most. The bar has the rest of the line, if that is enough for one.
_TEXT: Final = 76
_LEAST_BAR: Final = 10
_MOST_BAR: Final = 30

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")


def progress(choice: bool | None, source: Source | None) -> Progress | None:
    """The Progress that `--progress` (True) or `--no-progress` (False) asks for, or None for no progress.

    Where neither was given (None) it is shown if stderr is a terminal, unless stdin and stdout are one as well.
    `source` is None where stdin is not read.
    """
    if choice is None:
        useful = os.isatty(STDERR) and not is_interactive()
        return Progress(source) if useful else None
    return Progress(source, forced=True) if choice else None


def amount(count: float) -> str:
    """A number of bytes for people: `999 B`, `1.2 MB`."""
    if count < 999.5:
        return f"{count:.0f} B"
    count /= 1000
    power = 0
    # What would be shown as 1000.0 is one of the next unit.
    while count >= 999.95 and power + 1 < len(_UNITS):
        count /= 1000
        power += 1
    return f"{count:.1f} {_UNITS[power]}"


class Progress:
    """The progress of one run of a command, which with `--keep-open` serves several peers."""

    def __init__(
        self, source: Source | None, *, forced: bool = False, fd: int = STDERR, clock: Clock = time.monotonic
    ) -> None:
        self._source = source if source is not None and source.regular else None
        self._size = self._source.remaining() if self._source is not None else 0
        self._clock = clock
        self._forced = forced
        self._started = self._measured_at = clock()
        self._line = StatusLine(fd)
        self._pause = DRAWN if self._line.isatty() else LOGGED
        self._next = self._started + (self._pause if forced else PATIENCE)
        self._bar: Any = None
        self._shown = False
        self._sent = self._received = self._measured = 0
        self._rate = 0.0

    def moved(self, sent: int, received: int) -> None:
        """So many bytes more were sent and received."""
        self._sent += sent
        self._received += received
        now = self._clock()
        if now >= self._next:
            self._next = now + self._pause
            self._measure(now)
            self._show()

    def beside(self, inner: OutputFilter) -> OutputFilter:
        """A filter for a stdout that is the same terminal: it takes the line away before something is printed."""
        return _Beside(inner, self._line)

    def close(self) -> None:
        """Take the line away. If it was ever shown, or was asked for, print the totals."""
        self._line.erase()
        if self._forced or self._shown:
            seconds = self._clock() - self._started
            rate = (self._sent + self._received) / seconds if seconds > 0 else 0
            self._line.say(f"{self._counts()} in {seconds:.1f} s ({amount(rate)}/s)")
        self._line.close()

    def _measure(self, now: float) -> None:
        moved = self._sent + self._received
        if now > self._measured_at:
            latest = (moved - self._measured) / (now - self._measured_at)
            self._rate = self._rate + _WEIGHT * (latest - self._rate) if self._shown else latest
        self._measured, self._measured_at = moved, now

    def _counts(self) -> str:
        counts = {"sent": self._sent, "received": self._received}
        return ", ".join(f"{amount(count)} {way}" for way, count in counts.items() if count) or "0 B"

    def _show(self) -> None:
        self._shown = True
        text = f"{self._counts()}, {amount(self._rate)}/s"
        left = self._source.remaining() if self._source is not None else 0
        if self._size:
            text += f", {amount(left)} left"
        if not self._line.isatty():
            self._line.say(text)
        elif self._size:
            self._draw_bar(text, self._size - left)
        else:
            self._line.draw(text)

    def _draw_bar(self, text: str, done: int) -> None:
        if self._bar is None:
            self._bar = self._new_bar()
        self._bar.update(max(0, done - self._bar.pos), text)

    def _new_bar(self) -> Any:
        import click  # the command line has it loaded; a program that uses the library should not load it

        width = min(self._line.columns() - _TEXT, _MOST_BAR)
        return click.progressbar(
            length=self._size,
            bar_template="[%(bar)s]  %(info)s" if width >= _LEAST_BAR else "%(info)s",
            width=max(width, 1),
            item_show_func=lambda text: text,
            update_min_steps=0,  # draw also if none of the file was sent since: bytes may have been received
            file=cast(TextIO, self._line),  # it has the methods of a file that click calls
        )


class StatusLine:
    """The last line of a terminal, which is drawn again in its place. click's progress bar writes to it as to a file.

    What stderr does not take at once is left out.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._sink: Sink | None = Sink(fd, "stderr")
        self._terminal = os.isatty(fd)
        self._drawn = False
        self.suspended = False  # the cursor is not at the start of a line

    def isatty(self) -> bool:
        return self._terminal

    def columns(self) -> int:
        try:
            return os.get_terminal_size(self._fd).columns or 80  # 0: a terminal that nobody told its size
        except OSError:
            return 80

    def write(self, text: str) -> None:
        """click writes: cursor to the start of the line, cursor hidden, the text, and blanks over the rest."""
        # The cursor is not hidden: after Ctrl-Z or kill -9 nobody would show it again.
        self.draw(text.replace("\x1b[?25l", "").replace("\x1b[?25h", "").strip())

    def flush(self) -> None:
        """For click. There is no buffer."""

    def draw(self, text: str) -> None:
        if not self.suspended:
            # Cut to the width: only the last row of a line that wraps would be drawn over.
            self._put(f"\r{text[: self.columns() - 1]}\x1b[K")
            self._drawn = True

    def erase(self) -> None:
        if self._drawn:
            self._put("\r\x1b[K")
            self._drawn = False

    def say(self, text: str) -> None:
        """Print a line that stays."""
        start = "\n" if self.suspended else ""
        self._put(f"{start}sockcli: {text}\n")
        self.suspended = False

    def close(self) -> None:
        if self._sink is not None:
            with suppress(SockcliError):
                self._sink.close()
            self._sink = None

    def _put(self, text: str) -> None:
        sink = self._sink
        if sink is None:
            return
        try:
            sink.flush()
            if not sink.pending:
                sink.write_raw(text.encode("utf-8", "replace"))
        except SockcliError:
            self._sink = None  # stderr is closed, or cannot be written to: show nothing from now on


class _Beside:
    """A filter around stdout's: it takes the progress line away before something is printed."""

    def __init__(self, inner: OutputFilter, line: StatusLine) -> None:
        self._inner = inner
        self._line = line

    def feed(self, data: bytes) -> bytes:
        return self._note(self._inner.feed(data))

    def finish(self) -> bytes:
        return self._note(self._inner.finish())

    def _note(self, printed: bytes) -> bytes:
        if printed:
            self._line.erase()
            self._line.suspended = not printed.endswith(b"\n")
        return printed
