"""Telnet: the parser by itself, and TCP → pipe with every byte through it. Beside telnetlib3, where it is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Bench, BenchmarkError, Row, Work, in_turns, medians, timed
from benchmarks.native import Peer
from benchmarks.tools import OURS, filled_in
from sockcli.telnet import TelnetCodec
from sockcli.telnet.events import Data

if TYPE_CHECKING:
    from telnetlib3.client_base import BaseClient

SIZE: Final = 64 << 20

THEIRS: Final = "telnetlib3"
# The state machine of theirs that takes one byte at a time, which is all that its parser was before it searched for
# the next IAC as ours does. It still sees every byte of a command.
BYTEWISE: Final = "telnetlib3's feed_byte"

CHUNK: Final = 64 << 10  # as much as a relay reads at once
ENOUGH: Final = 0.2  # seconds: thousands of chunks, or a few of the slowest
PROMISED: Final = 100.0

# What every login asks for before it lets anybody type: IAC WILL ECHO, IAC WILL SGA.
LOGIN: Final = bytes([255, 251, 1, 255, 251, 3])

LINES: Final = {
    "clean text": b"x" * 79 + b"\n",
    "CR LF text": b"x" * 78 + b"\r\n",
    "text with a doubled IAC in every line": b"x" * 77 + b"\xff\xff\n",
}

Feed = Callable[[bytes], None]


# The parser by itself


def _our_parser(before: bytes) -> Feed:
    codec = TelnetCodec()

    def feed(chunk: bytes) -> None:
        """As a relay does it: the events, what is data of them, and what there is to answer."""
        codec.receive_data(chunk)
        while codec.pending:
            received.extend(event.data for event in codec.events_received() if isinstance(event, Data))
            codec.data_to_send()
        received.clear()

    received: list[bytes] = []
    feed(before)
    return feed


class _NoTransport(asyncio.Transport):
    """Sends nothing and asks for nothing, so that only their parser is measured."""

    def write(self, data: object) -> None:
        pass

    def is_closing(self) -> bool:
        return False


def _their_client(before: bytes) -> BaseClient:
    from telnetlib3.client_base import BaseClient

    client = BaseClient(encoding=False)
    client.connection_made(_NoTransport())
    client._process_chunk(before)
    return client


def _their_parser(before: bytes) -> Feed:
    client = _their_client(before)

    def feed(chunk: bytes) -> None:
        client._process_chunk(chunk)  # data_received() would only put it off until the event loop comes round
        _take(client)

    return feed


def _their_state_machine(before: bytes) -> Feed:
    client = _their_client(before)
    reader, writer = client.reader, client.writer
    assert reader is not None
    assert writer is not None
    one_byte = [bytes([code]) for code in range(256)]

    def feed(chunk: bytes) -> None:
        for code in chunk:
            byte = one_byte[code]
            if writer.feed_byte(byte):
                reader.feed_data(byte)
        _take(client)

    return feed


def _take(client: BaseClient) -> None:
    """What read() would, without the event loop."""
    assert client.reader is not None
    client.reader._buffer.clear()


def _parsed(make: Callable[[bytes], Feed], before: bytes, line: bytes) -> float:
    """MB/s."""
    chunk = line * (CHUNK // len(line))

    async def measured() -> float:  # their client wants an event loop to be there; it never gets a turn
        feed = make(before)
        chunks = 0
        started = time.perf_counter()
        while (elapsed := time.perf_counter() - started) < ENOUGH:
            feed(chunk)
            chunks += 1
        return chunks * len(chunk) / 1e6 / elapsed

    return asyncio.run(measured())


def parser(bench: Bench) -> Iterator[Row]:
    """Where no option is on, both search for the next IAC. Once the peer has ECHO and SGA on, which is every login,
    theirs looks at each byte for a special character of the line discipline.
    """
    makers = {OURS: _our_parser} | ({THEIRS: _their_parser} if _installed() else {})
    for text, line in LINES.items():
        for when, before in (("", b""), (", after a login", LOGIN)):
            contenders = {name: partial(_parsed, make, before, line) for name, make in makers.items()}
            targets = {THEIRS: PROMISED} if line is LINES["clean text"] and before else {}
            if line is LINES["clean text"] and not before and _installed():
                contenders[BYTEWISE] = partial(_parsed, _their_state_machine, before, line)
                targets = {BYTEWISE: PROMISED}
            yield Row(f"telnet parser, {text}{when}", "MB/s", False, medians(in_turns(contenders, bench.runs)), targets)


# The whole program

# The waits are for negotiation, which this peer does not do.
TELNETLIB3 = """
import asyncio, os, telnetlib3
async def main():
    reader, writer = await telnetlib3.open_connection(
        "127.0.0.1", PORT, encoding=False, connect_minwait=0.0, connect_maxwait=0.0)
    while data := await reader.read(65536):
        os.write(1, data)
asyncio.run(main())
"""


def _once(bench: Bench, name: str) -> float:
    """MB/s, the start of the program included."""
    with Peer(bench.peer, "source", SIZE) as peer:
        usage = "{} tcp --telnet --manifest MANIFEST 127.0.0.1 PORT"
        argv = filled_in(usage, bench.commands[OURS], port=peer.port, manifest=bench.manifest)
        if name != OURS:
            argv = [sys.executable, "-c", TELNETLIB3.replace("PORT", str(peer.port))]
        with subprocess.Popen([bench.peer, "drain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as drain:
            sample = timed(argv, stdout=drain.stdin)
            received = int(drain.communicate()[0])
    if received != SIZE:
        raise BenchmarkError(f"{' '.join(argv)}: {SIZE} bytes went in, {received} came out")
    return SIZE / 1e6 / sample.wall


def throughput(bench: Bench) -> Iterator[Row]:
    names = [OURS] + [THEIRS] * _installed()
    results = in_turns({name: partial(_once, bench, name) for name in names}, bench.runs)
    yield Row("telnet, TCP → pipe", "MB/s", False, medians(results))


def _installed() -> bool:
    return importlib.util.find_spec("telnetlib3") is not None


WORKS: dict[str, Work] = {"telnet-parser": parser, "telnet": throughput}
