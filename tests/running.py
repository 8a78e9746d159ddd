"""A driver of the command line under test: its stdin and stdout are pipes, and it runs on a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sockcli.base.deadline import Deadline
from sockcli.base.poller import READABLE, wait
from sockcli.errors import Interrupted, SockcliError
from sockcli.stdio.sink import Sink
from sockcli.stdio.source import Source
from tests.waiting import PATIENCE

SIGNUM: Final = 2


class Stop:
    """An interrupt that the test triggers."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._stopped = False

    def fileno(self) -> int:
        return self._read

    def check(self) -> None:
        if self._stopped:
            raise Interrupted(SIGNUM)

    def stop(self) -> None:
        self._stopped = True
        os.write(self._write, b"!")

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class Ends:
    """stdin, stdout and interrupt of a run."""

    def __init__(self) -> None:
        stdin, self._stdin = os.pipe()
        self._stdout, stdout = os.pipe()
        self.interrupt = Stop()
        self.source = Source(stdin)
        self.sink = Sink(stdout)
        self._open = [stdin, self._stdin, self._stdout, stdout]
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self, run: Callable[[], object]) -> None:
        def body() -> None:
            try:
                run()
            except BaseException as exc:  # noqa: BLE001  # the test judges it
                self._failure = exc

        self._thread = threading.Thread(target=body, daemon=True)
        self._thread.start()

    def type(self, data: bytes) -> None:
        os.write(self._stdin, data)

    def end_input(self) -> None:
        self._close(self._stdin)

    def close_output(self) -> None:
        """stdout's reader goes away."""
        self._close(self._stdout)

    def read(self, size: int) -> bytes:
        """So many bytes of output, waited for."""
        data = b""
        while len(data) < size:
            assert wait([(self._stdout, READABLE)], Deadline(PATIENCE)), f"only {data!r} came"
            data += os.read(self._stdout, size - len(data))
        return data

    def still_runs_after(self, seconds: float) -> bool:
        assert self._thread is not None
        self._thread.join(seconds)
        return self._thread.is_alive()

    def finish(self) -> BaseException | None:
        """Wait for the end; the error that it ended with."""
        assert self._thread is not None
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "it does not end"
        return self._failure

    def finish_well(self) -> bytes:
        """Wait for the end, which is to be no error; what is left of the output."""
        failure = self.finish()
        if failure is not None:
            raise failure
        return self.rest()

    def rest(self) -> bytes:
        """What was written and not read yet, once the run is over."""
        data = b""
        while wait([(self._stdout, READABLE)], Deadline(0)):
            data += os.read(self._stdout, 65_536)
        return data

    def close(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            self.interrupt.stop()
            self._thread.join(PATIENCE)
        with suppress(SockcliError):
            self.sink.close()
        for fd in list(self._open):
            self._close(fd)
        self.interrupt.close()

    def _close(self, fd: int) -> None:
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)
