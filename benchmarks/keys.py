"""At a terminal, under a flood: how long a key takes to show, and whether memory grows.

The terminal is a pty that is read as fast as it is written. Of the keys, the slowest of twenty counts: that is the
one that a user notices. The limit is what is promised: 100 ms.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import socket
import string
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measure import Bench, BenchmarkError, Row, Work, in_turns, medians

FLOODS: Final[dict[str, bytes]] = {
    "text": b"The quick brown fox jumps over the lazy dog, and so on and on.\r\n" * 1_000,
    "a line without end": b"x" * 65_536,
}
COLOURS: Final = "\x1b[31mred\x1b[0m \x1b]0;title\x07 café \x07\x9b \r\n".encode() * 1_000
# Three bytes of it are a whole negotiation, IAC DONT 128, which asks for nothing new: nothing is shown or answered.
OPTIONS: Final = bytes([255, 254, 128]) * 20_000
PROMISED: Final = 100.0  # ms
KEYS: Final = string.ascii_uppercase[:20]
RARE: Final = "QWZYJVKX"  # stand in nothing else that is drawn
BEFORE: Final = 4 << 20  # bytes are on the screen when the first key is typed
# Some caches of prompt_toolkit's fill at first, up to their limits.
SHORT: Final = 100 << 20
LONG: Final = 200 << 20
TOO_LONG: Final = 30.0

_SEQUENCES: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_LOOKED_AT: Final = 16_384  # of the latest output, for what was typed; a redraw takes far less


class _Screen:
    """sockcli on a pty of its own, in a session with a peer that floods."""

    def __init__(self, bench: Bench, port: int, *options: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color", "HOME": str(bench.directory)}
        argv = [bench.commands["sockcli"], "tcp", *options, "--manifest", str(bench.manifest), "127.0.0.1", str(port)]
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        os.close(slave)
        self._latest = b""

    def read(self, size: int) -> None:
        """So much of what it writes."""
        while size > 0:
            size -= len(self._some())

    def show(self, typed: str, *, alone: bool = False) -> float:
        """Type the last character of it; milliseconds until all of it is on the screen.

        `alone`: nothing else is drawn, so that the last character is all that is written.
        """
        os.write(self._master, typed[-1].encode())
        started = time.perf_counter()
        wanted = (typed[-1] if alone else typed).encode()
        while wanted not in _SEQUENCES.sub(b"", self._latest):
            self._latest = (self._latest + self._some())[-_LOOKED_AT:]
        return (time.perf_counter() - started) * 1000

    def highest_memory(self) -> float:
        """In MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _some(self) -> bytes:
        if not select.select([self._master], [], [], TOO_LONG)[0]:
            raise BenchmarkError(f"sockcli stands still after {self._latest[-200:]!r}")
        return os.read(self._master, 65_536)


@contextmanager
def _flooded(bench: Bench, data: bytes, *options: str) -> Iterator[_Screen]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        screen = _Screen(bench, listener.getsockname()[1], *options)
        peer, _ = listener.accept()

    def send() -> None:
        with suppress(OSError):
            while True:
                peer.sendall(data)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield screen
    finally:
        screen.close()
        peer.close()
        sender.join()


def _slowest_key(bench: Bench, data: bytes) -> float:
    with _flooded(bench, data) as screen:
        screen.read(BEFORE)
        return max(screen.show(KEYS[: number + 1]) for number in range(len(KEYS)))


def _slowest_key_among_options(bench: Bench) -> float:
    with _flooded(bench, OPTIONS, "--telnet") as screen:
        screen.show(RARE[0], alone=True)  # it has begun
        return max(screen.show(key, alone=True) for key in RARE[1:])


def _memory(bench: Bench, data: bytes, size: int) -> float:
    with _flooded(bench, data) as screen:
        screen.read(size)
        return screen.highest_memory()


def keys(bench: Bench) -> Iterator[Row]:
    slowest = {kind: partial(_slowest_key, bench, data) for kind, data in {**FLOODS, "colours": COLOURS}.items()}
    slowest["telnet options"] = partial(_slowest_key_among_options, bench)
    for kind, measure in slowest.items():
        figures = medians(in_turns({"sockcli": measure}, bench.runs))
        name = f"a key shows under a flood: {kind}"
        yield Row(name, "ms", True, {**figures, "promised": PROMISED}, {"promised": 1.0})
    for kind, data in FLOODS.items():
        sizes = {"sockcli": LONG, "floor": SHORT}
        figures = medians(in_turns({name: partial(_memory, bench, data, size) for name, size in sizes.items()}, 1))
        yield Row(f"memory at the prompt, 200 MB beside 100 MB: {kind}", "MB", True, figures, {"floor": 1 / 1.1})


WORKS: dict[str, Work] = {"keys": keys}
