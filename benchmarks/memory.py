"""Resident memory at its highest: the same after gigabytes as at the start. The floor is sockcli with nothing to do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import Bench, BenchmarkError, Row, Work, in_turns, medians
from benchmarks.native import Peer
from benchmarks.tools import STREAM_USAGE, filled_in

BULK = 4 << 30
# The kernel keeps the highest figure, so this only has to look once while the process is still there.
LOOK_AGAIN = 0.02


def _highest(pid: int) -> float | None:
    """VmHWM in MB; None once the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return None
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1024 if lines else None


def _once(bench: Bench, name: str, size: int) -> float:
    """Connected, `size` bytes from TCP to a pipe; then, while the connection still stands, the highest figure."""
    with Peer(bench.peer, "hold", size) as peer:
        usage = STREAM_USAGE[name].both
        argv = filled_in(usage, bench.commands[name], port=peer.port, manifest=bench.manifest)
        tool = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            drain = [str(bench.peer), "drain", str(size)]
            if size:
                subprocess.run(drain, stdin=tool.stdout, capture_output=True, timeout=120)
            else:
                _until_connected(tool.pid)
            highest = _highest(tool.pid)
        finally:
            tool.kill()
            tool.communicate()
    if highest is None:
        raise BenchmarkError(f"{' '.join(argv)}: left early")
    return highest


def _until_connected(pid: int) -> None:
    """Wait until it sleeps with a socket open: it is connected, and has nothing to do."""
    while True:
        sockets = [link for link in Path(f"/proc/{pid}/fd").iterdir() if str(link.resolve()).find("socket:") >= 0]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if sockets and state == "S":
            return
        time.sleep(LOOK_AGAIN)


def resident(bench: Bench) -> Iterator[Row]:
    contenders = {name: partial(_once, bench, name, BULK) for name in bench.commands if name != "floor"}
    contenders["floor"] = partial(_once, bench, "sockcli", 0)
    # Memory hardly varies, and 4 GiB take their time.
    yield Row("memory after 4 GiB", "MB", True, medians(in_turns(contenders, 1)))


WORKS: dict[str, Work] = {"memory": resident}
