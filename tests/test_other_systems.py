"""On a system that is not Linux every module can be imported, and bytes go by copying.

There is none at hand, so the names that Linux alone has, or that others lack, are taken away from a process of its own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import sockcli
from tests.waiting import PATIENCE

ELSEWHERE: Final = """
import errno, fcntl, os, select, signal, socket, sys, termios
for module, names in {
    errno: "ENONET ECOMM EREMOTEIO",
    fcntl: "F_GETPIPE_SZ F_SETPIPE_SZ F_ADD_SEALS",
    os: "splice SPLICE_F_MOVE SPLICE_F_NONBLOCK SPLICE_F_MORE RWF_NOWAIT pwritev getxattr setxattr eventfd",
    select: "epoll",
    signal: "SIGPWR SIGSTKFLT",
    socket: "SOCK_NONBLOCK SOCK_CLOEXEC SO_MARK SO_BINDTODEVICE SO_PEERCRED TCP_USER_TIMEOUT IP_TRANSPARENT",
    termios: "TIOCOUTQ",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "elsewhere"
"""
IMPORTS: Final = f"""{ELSEWHERE}
import importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
RUNS: Final = f"""{ELSEWHERE}
from sockcli.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def modules() -> Iterator[str]:
    package = Path(sockcli.__file__).parent
    for path in sorted(package.rglob("*.py")):
        parts = ("sockcli", *path.relative_to(package).with_suffix("").parts)
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_module_can_be_imported() -> None:
    names = [*modules()]
    assert len(names) > 100
    done = subprocess.run([sys.executable, "-c", IMPORTS, *names], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["pipe", "file", "socket"])
def test_a_run_copies(kind: str, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"permissions": [{"socket": ["tcp-connect:127.0.0.1"]}]}')
    given = tmp_path / "input"
    given.write_bytes(data)
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as server, given.open("rb") as file, ours, theirs:
        thread = threading.Thread(target=echo, args=(server,))
        thread.start()
        arguments = ["--manifest", str(manifest), "tcp", "127.0.0.1", str(server.getsockname()[1])]
        process = subprocess.Popen(
            [sys.executable, "-c", RUNS, *arguments],
            stdin=file if kind == "file" else subprocess.PIPE,
            stdout=theirs.fileno() if kind == "socket" else subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        received: list[bytes] = []
        if kind == "socket":
            reader = threading.Thread(target=lambda: received.extend(iter(lambda: ours.recv(65_536), b"")))
            reader.start()
        out, err = process.communicate(None if kind == "file" else data, timeout=PATIENCE)
        if kind == "socket":
            reader.join()
        thread.join()
    assert (process.returncode, err) == (0, b"")
    assert (b"".join(received) if kind == "socket" else out) == data


def echo(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while data := connection.recv(65_536):
            connection.sendall(data)
