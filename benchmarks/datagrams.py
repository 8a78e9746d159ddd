"""Datagrams of 1,400 bytes a second, sent from a file and received from a flood.

nc and ncat cut a file wherever their buffer ends (16 and 8 KiB), so to send 1,400 bytes at a time they read from a
pipe in packet mode: one packet a read. OpenBSD nc reads twice before it writes once, so its packets are half as long.
Sending ends when the sender leaves: loopback drops datagrams, it never pushes back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Bench, BenchmarkError, Row, Work, in_turns, medians, timed
from benchmarks.native import Peer
from benchmarks.tools import OURS, filled_in

EACH = 1_400
COUNT = 200_000

SENDING = {
    OURS: "{} udp --manifest MANIFEST --framing 1400 127.0.0.1 PORT",
    "nc": "{} -u -q0 127.0.0.1 PORT",
    "ncat": "{} -u --send-only 127.0.0.1 PORT",
    "socat": "{} -u -b1400 - UDP-SENDTO:127.0.0.1:PORT",
}
RECEIVING = {
    OURS: "{} udp --manifest MANIFEST -l 127.0.0.1 PORT",
    "nc": "{} -u -l 127.0.0.1 PORT",
    "ncat": "{} -u -l --recv-only 127.0.0.1 PORT",
    "socat": "{} -u UDP-RECV:PORT,bind=127.0.0.1 -",
}
# The length of the packets for those that cannot cut a file.
PACKETS = {"nc": EACH // 2, "ncat": EACH}


@contextlib.contextmanager
def _file(bench: Bench) -> Iterator[int]:
    path = bench.directory / "datagrams"
    if not path.exists():
        path.write_bytes(b"x" * (EACH * COUNT))
    with path.open("rb") as file:
        yield file.fileno()


@contextlib.contextmanager
def _packets(bench: Bench, each: int) -> Iterator[int]:
    reading, writing = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    # 16 packets is all that a new pipe holds. Wider, the tool need not wait for its feeder.
    fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, 1 << 20)
    feeder = subprocess.Popen([bench.peer, "packets", str(EACH * COUNT // each), str(each)], stdout=writing)
    os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)
        feeder.kill()
        feeder.wait()


def _send_once(bench: Bench, name: str) -> float:
    """Datagrams sent a second, the start of the program included."""
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(Peer(bench.peer, "count"))
        stdin = stack.enter_context(_packets(bench, PACKETS[name]) if name in PACKETS else _file(bench))
        argv = filled_in(SENDING[name], bench.commands[name], port=peer.port, manifest=bench.manifest)
        sample = timed(argv, stdin=stdin)
        received, size = peer.finish()
    # A packet that came late made two short datagrams; a few of them do not matter.
    if abs(size - received * EACH) > size / 100:
        raise BenchmarkError(f"{' '.join(argv)}: {size} bytes in {received} datagrams are not {EACH} each")
    return COUNT / sample.wall


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _receive_once(bench: Bench, name: str) -> float:
    """Datagrams written to a pipe a second, from the first one on, while more come than anyone can take."""
    port = _free_port()
    argv = filled_in(RECEIVING[name], bench.commands[name], port=port, manifest=bench.manifest)
    with contextlib.ExitStack() as stack:

        def start(argv: list[str], stdout: int) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stdout)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        tool = start(argv, subprocess.PIPE)
        start([str(bench.peer), "flood", str(port), str(EACH)], subprocess.DEVNULL)
        assert tool.stdout is not None
        stack.enter_context(tool.stdout)
        tool.stdout.read(1)
        started = time.perf_counter()
        subprocess.run([bench.peer, "drain", str(EACH * COUNT)], stdin=tool.stdout, capture_output=True, timeout=60)
        return COUNT / (time.perf_counter() - started)


def sending(bench: Bench) -> Iterator[Row]:
    contenders = {name: partial(_send_once, bench, name) for name in bench.commands if name in SENDING}
    targets = {"nc": 1.5, "ncat": 2, "socat": 2.5}
    yield Row("UDP, 1,400 bytes each, sent", "1/s", False, medians(in_turns(contenders, bench.runs)), targets)


def receiving(bench: Bench) -> Iterator[Row]:
    contenders = {name: partial(_receive_once, bench, name) for name in bench.commands if name in RECEIVING}
    yield Row("UDP, 1,400 bytes each, received", "1/s", False, medians(in_turns(contenders, bench.runs)))


WORKS: dict[str, Work] = {"udp-send": sending, "udp-receive": receiving}
