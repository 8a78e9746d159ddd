"""A network of the test's own: an empty namespace with its own loopback, /etc/hosts and resolver settings.

Names in it lead where the test says, and nothing in it can reach, or disturb, the machine's real network.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests import servers
from tests.servers import Server, program
from tests.waiting import until

# Port 53 of the loopback, which is nobody else's in here.
_FILES: Final = {
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n",
    "nsswitch.conf": "hosts: files dns\nservices: files\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


class Namespace:
    """Runs commands inside. `addresses` are the loopback's, besides 127.0.0.1 and ::1."""

    def __init__(self, pid: int, directory: Path, user: bool) -> None:
        self.pid = pid
        self.directory = directory
        self._user = user

    def command(self, *argv: str) -> list[str]:
        """`argv`, to be run inside. It takes the place of nsenter, so that its process id is the one started."""
        # The mount namespace's own root would become the working directory.
        enter = [program("nsenter"), f"--target={self.pid}", "--net", "--mount", "--wd=."]
        if self._user:
            enter += ["--user", "--preserve-credentials"]
        return [*enter, *argv]

    @contextmanager
    def resolver(self, *records: str) -> Iterator[Server]:
        """dnsmasq on port 53. Its log has a line for each query."""
        yield from servers.dnsmasq(self.directory / "dnsmasq", *records, port=53, wrapper=self.command())


@contextmanager
def namespace(directory: Path, addresses: Sequence[str] = ()) -> Iterator[Namespace]:
    """A fresh namespace, gone at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    user = os.geteuid() != 0
    script = ["set -e", f"{program('ip')} link set lo up"]
    script += [f"{program('ip')} address add {address} dev lo" for address in addresses]
    for name, text in _FILES.items():
        (directory / name).write_text(text)
        script.append(f"mount --bind {directory}/{name} /etc/{name}")
    script += ["echo ready", "exec cat"]  # until its input ends, so that it cannot outlive the tests
    unshare = [program("unshare"), "--net", "--mount", *(["--map-root-user"] if user else [])]
    with (directory / "setup.log").open("wb") as log:
        holder = subprocess.Popen(
            [*unshare, "sh", "-c", "\n".join(script)], stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        )
    said = (directory / "setup.log").read_text
    try:
        until(lambda: "ready" in said() or holder.poll() is not None, "the namespace")
        if holder.poll() is not None:
            pytest.skip(f"no network namespace here: {said().strip()}")
        yield Namespace(holder.pid, directory, user)
    finally:
        holder.communicate()
