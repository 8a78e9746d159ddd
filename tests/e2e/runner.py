"""Runs sockcli as its users do: as a process, with a manifest file, pipes and an environment of its own."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from tests.waiting import PATIENCE, Transport, bound_ports, until

EVERYTHING: Final = ("tcp-connect", "tcp-listen", "udp-bind", "udp-send-to", "udp-multicast-membership")


class HasDescriptor(Protocol):
    """A file or a socket."""

    def fileno(self) -> int: ...


# What may be a process's stdin or stdout: also a bare descriptor, or subprocess.PIPE.
Stream = int | HasDescriptor


class Result(NamedTuple):
    """How a run ended. A negative code is the signal that the process died of."""

    code: int
    out: bytes
    err: str
    seconds: float

    def events(self) -> list[dict[str, Any]]:
        """What --json wrote: one object a line."""
        return [json.loads(line) for line in self.out.decode().splitlines()]


class Process:
    """A running sockcli. Reading and writing block, but never for long."""

    def __init__(self, popen: subprocess.Popen[bytes], errors: Path) -> None:
        self._popen = popen
        self._errors = errors
        self._started = time.monotonic()
        self._out = bytearray()  # all that it ever wrote to stdout
        self._seen = 0  # how much of that the test was given

    @property
    def pid(self) -> int:
        return self._popen.pid

    def send(self, data: bytes) -> None:
        """Into its stdin."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(data)
        self._popen.stdin.flush()

    def end_input(self) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.close()

    def finish_input(self, data: bytes) -> None:
        self.send(data)
        self.end_input()

    def has_read_all(self) -> bool:
        """Whether nothing is left in its stdin, a pipe."""
        assert self._popen.stdin is not None
        left = bytearray(4)
        fcntl.ioctl(self._popen.stdin, termios.FIONREAD, left)
        return not any(left)

    def close_output(self) -> None:
        """Go away, as `head` does when it has what it wants."""
        assert self._popen.stdout is not None
        self._popen.stdout.close()

    def read(self, size: int) -> bytes:
        """The next `size` bytes of its stdout."""
        while len(self._out) < self._seen + size:
            self._read_some()
        return self._give(self._seen + size)

    def read_until(self, end: bytes) -> bytes:
        """The next of its stdout, up to and with `end`."""
        while (found := self._out.find(end, self._seen)) < 0:
            self._read_some()
        return self._give(found + len(end))

    def skip(self, size: int) -> None:
        """Take at least as much of its stdout, and keep none of it."""
        assert self._popen.stdout is not None
        while size > 0:
            size -= len(os.read(self._popen.stdout.fileno(), 1 << 20))

    def _read_some(self) -> None:
        assert self._popen.stdout is not None
        fd = self._popen.stdout.fileno()
        ready, _, _ = select.select([fd], [], [], PATIENCE)
        assert ready, f"no more output after {bytes(self._out[-200:])!r}; stderr: {self.errors()}"
        chunk = os.read(fd, 65_536)
        assert chunk, f"output ended after {bytes(self._out[-200:])!r}; stderr: {self.errors()}"
        self._out += chunk

    def _give(self, end: int) -> bytes:
        given = bytes(self._out[self._seen : end])
        self._seen = end
        return given

    def errors(self) -> str:
        """Its stderr so far."""
        return self._errors.read_text()

    def wait_for_error(self, text: str) -> None:
        until(lambda: text in self.errors(), f"{text!r} on stderr")

    def port(self, protocol: Transport) -> int:
        """The port that it listens on, once it does."""
        until(lambda: bound_ports(protocol, self.pid) or not self.running(), "sockcli to listen")
        assert self.running(), f"it does not listen: {self.errors()}"
        return bound_ports(protocol, self.pid)[0]

    def kill(self, signum: int) -> None:
        self._popen.send_signal(signum)

    def peak_memory(self) -> int:
        """The most memory that it ever had resident, in bytes, while it still runs."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def moves(self) -> bool:
        """Whether it did anything at all within a moment."""

        def switches() -> list[str]:  # a process that waits is not switched to
            status = Path(f"/proc/{self.pid}/status").read_text()
            return [line for line in status.splitlines() if "ctxt_switches" in line]

        before = switches()
        time.sleep(0.1)
        return switches() != before

    def running(self) -> bool:
        return self._popen.poll() is None

    def finish(self, data: bytes | None = None, seconds: float = PATIENCE) -> Result:
        """Leave its input as it is, or write `data` and end it; then wait. The result has all of stdout."""
        if data is not None:
            self.finish_input(data)
        if self._popen.stdout is not None and not self._popen.stdout.closed:
            self._read_rest(self._popen.stdout.fileno(), time.monotonic() + seconds)
        code = self._popen.wait(timeout=seconds)
        return Result(code, bytes(self._out), self.errors(), time.monotonic() - self._started)

    def _read_rest(self, fd: int, end: float) -> None:
        while True:
            ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"still running; stderr: {self.errors()}"
            chunk = os.read(fd, 1 << 20)
            if not chunk:
                return
            self._out += chunk

    def destroy(self) -> None:
        """At the end of a test, however it ended."""
        if self._popen.poll() is None:
            self._popen.kill()
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        self._popen.wait(timeout=PATIENCE)


def _descriptor(stream: Stream) -> int:
    return stream if isinstance(stream, int) else stream.fileno()


class Sockcli:
    """Starts runs in `directory`, all with the manifest that `allow` wrote; without a call of it, all is allowed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.manifest = directory / "rules.json"
        self.home = directory / "home"
        self.working_directory = directory / "work"
        self.home.mkdir()
        self.working_directory.mkdir()
        self._processes: list[Process] = []
        self.allow(*EVERYTHING)

    def allow(self, *rules: str, deny: Sequence[str] = ()) -> None:
        self.manifest.write_text(json.dumps({"permissions": [{"socket": list(rules)}], "deny": list(deny)}))

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "dumb"}

    def start(
        self,
        *arguments: str | int,
        stdin: Stream = subprocess.PIPE,
        stdout: Stream = subprocess.PIPE,
        env: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        program: Sequence[str] = (sys.executable, "-m", "sockcli"),
        ignore: Sequence[signal.Signals] = (),
        named: bool = True,
    ) -> Process:
        """Start `sockcli ARGUMENTS`. `before` is a command to start it with, as `nsenter … --`; `ignore` are signals
        that it inherits as ignored; `named` is whether the manifest is given with --manifest."""
        command = [*before, *program]
        if named:
            command += ["--manifest", str(self.manifest)]
        command += [str(argument) for argument in arguments]
        errors = self.directory / f"stderr{len(self._processes)}"

        def prepare() -> None:  # in the child; pytest's own signal settings are not the user's
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signum, signal.SIG_IGN if signum in ignore else signal.SIG_DFL)

        with errors.open("wb") as stderr:
            popen = subprocess.Popen(
                command,
                stdin=_descriptor(stdin),
                stdout=_descriptor(stdout),
                stderr=stderr,
                bufsize=0,
                cwd=self.working_directory,
                env={**self.environment(), **(env or {})},
                preexec_fn=prepare,
            )
        process = Process(popen, errors)
        self._processes.append(process)
        return process

    def run(self, *arguments: str | int, data: bytes = b"", seconds: float = PATIENCE, **options: Any) -> Result:
        """A whole run with `data` as its input, from a pipe that then ends."""
        # The input is written before anything is read: it must fit the pipe.
        assert len(data) <= 65_536
        if "stdin" in options:
            return self.start(*arguments, **options).finish(seconds=seconds)
        read_end, write_end = os.pipe()
        os.write(write_end, data)
        os.close(write_end)
        with open(read_end, "rb") as stdin:
            process = self.start(*arguments, stdin=_descriptor(stdin), **options)
        return process.finish(seconds=seconds)

    def close(self) -> None:
        for process in self._processes:
            process.destroy()
