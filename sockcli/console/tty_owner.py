"""The terminal, taken for as long as the REPL runs, and given back whatever happens.

It is raw all the time, so that nothing typed is echoed between two modes (unless it can only print: then it edits lines
itself). At the end, on a signal and while stopped, the modes that the peer set are undone, the marks around pasted
blocks are off, and the attributes are as they were found.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sockcli.base.interrupts import SIGNALS, die_of
from sockcli.console.prompt_toolkit_io import PASTE_OFF, PASTE_ON, TerminalInput
from sockcli.console.tty_claim import ClaimedTty
from sockcli.console.tty_output import TtyOutput
from sockcli.errors import UsageError
from sockcli.stdio.descriptors import STDIN, STDOUT
from sockcli.stdio.line_discipline import is_foreground

# SIGQUIT as well, which is the terminal's own way to end a program.
ENDING: Final = (*SIGNALS, signal.SIGQUIT)

# Seconds until it is noticed that the shell brought us to the foreground again without SIGCONT, as some do after `bg`.
_LOOK_AGAIN: Final = 0.3


class TtyOwner:
    """The user's terminal."""

    def __init__(self, claimed: ClaimedTty) -> None:
        self.dumb = claimed.dumb
        self.discipline = claimed.discipline
        self.display = TtyOutput(STDOUT)
        self.keyboard = TerminalInput()
        self.stopped = False  # the terminal is the shell's
        self.on_signal: Callable[[int], None] = lambda _signum: None
        self.on_background: Callable[[], None] = lambda: None
        self.on_resume: Callable[[], None] = lambda: None
        self.on_resize: Callable[[], None] = lambda: None
        self.modes_off: Callable[[], bytes] = lambda: b""  # undoes what a peer set on the terminal
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signum: int | None = None
        self._resuming = False  # we were continued, and are about to draw all again

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Draw on it, and read its keys. On the running loop."""
        self._loop = loop = asyncio.get_running_loop()
        installed = [signum for signum in ENDING if signal.getsignal(signum) is not signal.SIG_IGN]
        self.discipline.on_suspend, self.discipline.on_resume = self._suspended, self._continued
        for signum in installed:
            loop.add_signal_handler(signum, self._signalled, signum)
        loop.add_signal_handler(signal.SIGWINCH, lambda: self.on_resize())
        self.take_mode()
        try:
            yield
        finally:
            self.display.write(self.modes_off() + self._paste(PASTE_OFF))
            self.display.finish()
            self.discipline.on_suspend = self.discipline.on_resume = None
            self.discipline.restore()
            for signum in (*installed, signal.SIGWINCH):
                loop.remove_signal_handler(signum)
        self.display.close()

    def take_mode(self) -> None:
        """Set the mode for keys that are read one by one, unless the terminal edits lines itself."""
        if not self.dumb:
            self.discipline.set("raw")
        self.display.write(self._paste(PASTE_ON))

    def check_job_control(self) -> None:
        """Raises UsageError where there is none: nobody would ever continue us."""
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
            raise UsageError("there is no shell to go back to: job control is off")

    def stop(self) -> None:
        """Have the shell take over, as Ctrl-Z does."""
        os.kill(0, signal.SIGTSTP)  # the whole group, as the terminal would

    def quit(self) -> None:
        """End as by Ctrl-\\ on a terminal that edits lines itself."""
        os.kill(0, signal.SIGQUIT)  # the whole group, as the terminal would

    def _paste(self, mode: bytes) -> bytes:
        return b"" if self.dumb else mode

    def _signalled(self, signum: int) -> None:
        if self._signum is not None and signum != signal.SIGINT:
            self.discipline.restore()
            die_of(signum)
        self._signum = signum
        self.on_signal(signum)

    def _suspended(self) -> None:
        # Within a signal's handler: the queue of the display may be in the middle of something.
        self.stopped = True
        with suppress(OSError):
            os.write(STDOUT, self.modes_off() + self._paste(PASTE_OFF))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._look_again)

    def _continued(self) -> None:
        if self._loop is not None and not self._resuming:
            self._resuming = True
            self._loop.call_soon_threadsafe(self._resume)

    def _look_again(self) -> None:
        """Goes on in the background, until it is the foreground again."""
        if not self.stopped or self._resuming or self._loop is None:
            return
        if is_foreground(STDIN):
            self.discipline.set(self.discipline.mode)
            self._resume()
        else:
            self.on_background()
            self._loop.call_later(_LOOK_AGAIN, self._look_again)

    def _resume(self) -> None:
        self.stopped = self._resuming = False
        self.display.write(self._paste(PASTE_ON))
        self.on_resume()
