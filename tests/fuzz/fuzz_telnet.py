"""Whatever bytes a peer sends, however the network cuts them, the telnet codec gives the same events and the same
answers or the documented error, never another, and neither memory nor answers grow beyond what was received.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sockcli.errors import ProtocolError
from sockcli.telnet import Event, TelnetCodec, TelnetOptions
from sockcli.telnet.events import Data
from sockcli.telnet.parser import BODY_LIMIT
from tests.fuzz.target import Target, cut, is_sampled, mutated

OPTIONS: Final = (
    TelnetOptions(terminal_type="xterm", size=(80, 24)),
    TelnetOptions(mud=True, env={"USER": "joe", "X": "\x01\xff"}, com="9600,8n1", initiate=True),
    TelnetOptions(compress=True, size=(255, 255)),
    TelnetOptions(binary=True, compress=True, com="on", mode="auto"),
)
# The longest answer to the shortest question, with the options above, and what is said unasked.
_LONGEST_ANSWER: Final = 64
_UNASKED: Final = 256
# A body of the largest kind that is kept, with all its IACs doubled, its option, and the command around it.
_STATE_LIMIT: Final = 2 * (8 * BODY_LIMIT + 2)


class Outcome(NamedTuple):
    events: list[tuple[str, Event]]
    sent: bytes
    error: str | None


def check(data: bytes) -> None:
    """Raises AssertionError, or whatever went wrong, if the verdict above does not hold for this input."""
    choice, cuts, stream = data[:1], data[1:9], data[9:]
    setting = choice[0] if choice else 0
    options, active, urgent = OPTIONS[setting % 4], not setting & 4, bool(setting & 8)
    whole = converse(options, active, urgent, [stream])
    assert whole == converse(options, active, urgent, cut(stream, cuts))
    if not options.compress:
        assert len(whole.sent) <= _UNASKED + _LONGEST_ANSWER * len(stream)
        received = sum(len(event.data) for _, event in whole.events if isinstance(event, Data))
        assert received <= len(stream)
    if is_sampled(data, 4):
        check_sending(stream, cuts)


def converse(options: TelnetOptions, active: bool, urgent: bool, chunks: Iterable[bytes]) -> Outcome:
    codec = TelnetCodec(options, active=active)
    if urgent:
        codec.receive_urgent()
    events: list[Event] = []
    sent = bytearray()
    error = None
    try:
        for chunk in chunks:
            codec.receive_data(chunk)
            events += drain(codec)
            sent += codec.data_to_send()
            assert len(codec._tokens._parser._body) <= _STATE_LIMIT + len(chunk)
        codec.receive_eof()
        events += drain(codec)
    except ProtocolError as exc:
        error = str(exc)
    assert not codec.held
    return Outcome(merged(events), bytes(sent + codec.data_to_send()), error)


def drain(codec: TelnetCodec) -> Iterator[Event]:
    while codec.pending:
        yield from codec.events_received()


def merged(events: Iterable[Event]) -> list[tuple[str, Event]]:
    """With each type's name, because named tuples of two types can be equal, and neighbouring data joined."""
    result: list[tuple[str, Event]] = []
    for event in events:
        last = result[-1][1] if result else None
        if isinstance(event, Data) and isinstance(last, Data):
            result[-1] = ("Data", Data(last.data + event.data))
        else:
            result.append((type(event).__name__, event))
    return result


def check_sending(data: bytes, cuts: bytes) -> None:
    """What is sent arrives: in a pipe with each end of line as CR LF, whatever the cuts."""
    codec = TelnetCodec()
    for piece in cut(data, cuts):
        codec.send_data(piece)
    codec.send_eof()
    peer = TelnetCodec()
    peer.receive_data(codec.data_to_send())
    arrived = b"".join(event.data for event in drain(peer) if isinstance(event, Data))
    assert arrived == data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


# Inputs: telnet's own words, some of them mutilated.

_OPTIONS_OF_NOTE: Final = bytes([0, 1, 3, 5, 6, 24, 25, 31, 34, 39, 42, 44, 69, 70, 85, 86, 91, 99, 201, 255])
_BODIES: Final = (
    b"\x18\x01",
    b"\x27\x01",
    b"\x27\x01\x00USER\x03X\x03\x02\x01Y",
    b"\x2a\x01;LATIN1;UTF-8",
    b"\x2a\x01[TTABLE]\x01 UTF-8",
    b"\x2a\x02utf-8",
    b"\x2a\x04",
    b"\x2c\x64",
    b"\x2c\x65\x00\x00\x25\x80",
    b"\x2c\x6c",
    b"\x2c\x6d",
    b"\x56",
    b"\xc9Room.Info {}",
    b"",
)


def word(rng: random.Random) -> bytes:
    kind = rng.randrange(9)
    if kind == 0:
        return bytes([255, rng.randrange(251, 255), rng.choice(_OPTIONS_OF_NOTE)]) * (
            600 if rng.randrange(500) == 0 else 1
        )
    if kind == 1:
        return bytes([255, rng.randrange(256)])
    if kind == 2:
        return b"\xff\xfa" + rng.choice(_BODIES).replace(b"\xff", b"\xff\xff") + b"\xff\xf0"
    if kind == 3:
        return b"\xff\xfa" + bytes([rng.choice(_OPTIONS_OF_NOTE)]) + b"x" * length(rng)
    if kind == 4:
        return b"\xff\xfb\x56\xff\xfa\x56\xff\xf0" + zlib.compress(stream_of_words(rng, 3), rng.randrange(10))
    if kind == 5:
        return rng.choice((b"\r", b"\n", b"\0", b"\r\0", b"\r\n", b"\xff\xff", b"\xff"))
    if kind == 6:
        return rng.randbytes(rng.randrange(8))
    if kind == 7:
        return b"\xff\xf0"
    return b"some text"


def length(rng: random.Random) -> int:
    # Giants take a while, byte by byte.
    return rng.choice((8_191, 8_192, 8_193, 66_000)) if rng.randrange(2_000) == 0 else rng.randrange(20)


def stream_of_words(rng: random.Random, most: int = 12) -> bytes:
    return b"".join(word(rng) for _ in range(rng.randrange(most + 1)))


def inputs(rng: random.Random) -> Iterator[bytes]:
    while True:
        cuts = bytes(8) if rng.randrange(16) == 0 else bytes(rng.randrange(rng.choice((4, 64))) for _ in range(8))
        yield bytes([rng.randrange(16)]) + cuts + mutated(stream_of_words(rng), rng)


TARGETS: Final = (Target("telnet", inputs, check, 8),)
