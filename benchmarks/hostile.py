"""Hostile streams: what a peer can send that costs the telnet codec or the terminal filter the most for its size.

Each figure is MiB of the stream a second, as the peer sends it; the least that is accepted is 3. For compressed telnet
the figure is another: how long the longest single call takes, because between two calls signals and time limits are
looked at.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from benchmarks.measure import Bench, Row, Work, in_turns, medians
from benchmarks.tools import OURS
from sockcli.errors import ProtocolError
from sockcli.telnet import TelnetCodec, TelnetOptions
from sockcli.terminal import FilterMode, TerminalFilter

MIB: Final = 1 << 20
SIZE: Final = 2 * MIB
CHUNK: Final = 64 << 10  # as much as a relay reads at once
# Stands in the table as a contender that must be beaten.
LIMIT: Final = "limit"
LEAST: Final = 3.0  # MiB/s
LONGEST: Final = 0.1  # seconds of one call

_SEND_TERMINAL_TYPE: Final = b"\xff\xfa\x18\x01\xff\xf0"

# Each unit is repeated.
TELNET: Final = {
    "DO of an unknown option": b"\xff\xfd\x63",
    "an option on and off": b"\xff\xfb\x01\xff\xfc\x01",
    "all options": b"".join(bytes([255, 253, option]) for option in range(255)),
    "a letter, DO of an unknown option": b"x\xff\xfd\x63",
    "a letter, an option on, a letter, and off": b"x\xff\xfb\x01x\xff\xfc\x01",
    "NOP": b"\xff\xf1",
    "a letter, NOP": b"x\xff\xf1",
    "CR, NOP": b"\r\xff\xf1",
    "DM": b"\xff\xf2",
    "timing marks": b"\xff\xfd\x06",
    "doubled IACs, each with a NOP": b"\xff\xff\xff\xf1",
    "questions for the terminal type": b"\xff\xfd\x18" + _SEND_TERMINAL_TYPE * 1_000,
    "a letter, a question for the terminal type": b"x" + _SEND_TERMINAL_TYPE,
    "4,000 variables in a question": b"\xff\xfd\x27\xff\xfa\x27\x01" + b"\x03X" * 4_000 + b"\xff\xf0",
    "empty subnegotiations": b"\xff\xfa\xff\xf0",
    "subnegotiations without an end": b"\xff\xfa\x63",
    "CR NUL": b"\r\0",
}
TERMINAL: Final = {
    "CR": b"\r",
    "a letter, CR": b"x\r",
    "CR CR LF": b"\r\r\n",
    "ESC": b"\x1b",
    "ESC, CAN": b"\x1b\x18",
    "starts of OSC": b"\x1b]",
    "starts of CSI": b"\x1b[",
    "empty titles": b"\x1b]0;\x07",
    "a letter, BEL": b"x\x07",
    "status reports": b"\x1b[6n",
    "hidden text": b"\x1b[8m",
    "colours": b"\x1b[31mx",
    "cursor moves": b"\x1b[H",
    "modes": b"\x1b[?25l",
    "controls inside sequences": b"\x1b[\x001\x00m",
    "a letter, bidi override": "x\u202e".encode(),
    "C1": b"\xc2\x9bx",
    "broken UTF-8": b"x\xff",
    "combining marks": "\u0301".encode(),
    "a letter, a mark": "e\u0301".encode(),
    "joiners": "字\u200d".encode(),
}
MODES: Final[tuple[FilterMode, ...]] = ("safe", "screen")
OPTIONS: Final = TelnetOptions(size=(80, 24), env={"X": "1"}, mode="auto")
COMPRESSED: Final = TelnetOptions(compress=True)
_START: Final = b"\xff\xfb\x56\xff\xfa\x56\xff\xf0"


def stream(unit: bytes, size: int = SIZE) -> bytes:
    return (unit * (size // len(unit) + 1))[:size]


def chunks(data: bytes) -> Iterator[bytes]:
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def _codec(unit: bytes) -> float:
    codec = TelnetCodec(OPTIONS)
    pieces = list(chunks(stream(unit)))
    started = time.process_time()
    for piece in pieces:
        codec.receive_data(piece)
        while codec.pending:
            codec.events_received()
            codec.data_to_send()
    return SIZE / MIB / (time.process_time() - started)


def _filter(mode: FilterMode, unit: bytes) -> float:
    passage = TerminalFilter(mode)
    pieces = list(chunks(stream(unit)))
    started = time.process_time()
    for piece in pieces:
        passage.feed(piece)
    passage.finish()
    return SIZE / MIB / (time.process_time() - started)


def _longest_call(unit: bytes) -> float:
    codec = TelnetCodec(COMPRESSED)
    codec.receive_data(_START + zlib.compress(stream(unit, 8 * MIB), 9))
    longest = 0.0
    try:
        while codec.pending:
            started = time.process_time()
            codec.events_received()
            codec.data_to_send()
            longest = max(longest, time.process_time() - started)
    except ProtocolError:
        pass  # a flood of commands
    return longest


def _row(bench: Bench, name: str, unit: str, limit: float, measure: Callable[[], float]) -> Row:
    figures = medians(in_turns({OURS: measure}, bench.runs))
    return Row(name, unit, unit == "s", {**figures, LIMIT: limit}, {LIMIT: 1.0})


def telnet(bench: Bench) -> Iterator[Row]:
    for name, unit in TELNET.items():
        yield _row(bench, f"hostile telnet: {name}", "MiB/s", LEAST, partial(_codec, unit))
    for name, unit in TELNET.items():
        yield _row(bench, f"compressed: {name}, longest call", "s", LONGEST, partial(_longest_call, unit))


def terminal(bench: Bench) -> Iterator[Row]:
    for mode in MODES:
        for name, unit in TERMINAL.items():
            yield _row(bench, f"hostile output, {mode}: {name}", "MiB/s", LEAST, partial(_filter, mode, unit))


WORKS: dict[str, Work] = {"hostile-telnet": telnet, "hostile-terminal": terminal}
