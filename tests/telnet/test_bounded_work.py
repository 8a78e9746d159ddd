"""One call of `events_received` does a bounded amount of work, so that its caller can look at signals and deadlines.

Counted in tokens and bytes, not in seconds.
"""

from __future__ import annotations

import itertools
import zlib

import pytest

from sockcli.errors import ExitCode, ProtocolError
from sockcli.telnet import Event, TelnetCodec, TelnetOptions
from sockcli.telnet import constants as tn
from sockcli.telnet.codec import COMPRESSED_FLOOD, TOKENS_AT_ONCE
from sockcli.telnet.events import CommandReceived, Data, Subnegotiation
from sockcli.telnet.features.compression import STEP
from tests.telnet.talk import bytewise, drain, hear, merged, typed, unhex

COMPRESS = TelnetOptions(compress=True)
START = unhex("FFFB56 FFFA56FFF0")
DO_99 = unhex("FFFD63")
NOP = unhex("FFF1")


def test_receiving_does_no_work_at_all() -> None:
    codec = TelnetCodec()
    codec.receive_data(DO_99 * 10_000)
    assert codec.data_to_send() == b""
    assert codec.pending


def test_a_call_takes_a_bounded_number_of_tokens() -> None:
    codec = TelnetCodec()
    codec.receive_data(NOP * (2 * TOKENS_AT_ONCE + 1))
    sizes = []
    while codec.pending:
        sizes.append(len(codec.events_received()))
    assert sizes == [TOKENS_AT_ONCE, TOKENS_AT_ONCE, 1]


def test_a_call_without_events_is_not_the_end() -> None:
    codec = TelnetCodec()
    codec.receive_data(unhex("FFFE63") * TOKENS_AT_ONCE + b"x")
    assert codec.events_received() == []
    assert codec.pending
    assert codec.events_received() == [Data(b"x")]
    assert not codec.pending


def test_what_is_received_meanwhile_comes_behind() -> None:
    codec = TelnetCodec()
    codec.receive_data(NOP * TOKENS_AT_ONCE + b"a")
    assert len(codec.events_received()) == TOKENS_AT_ONCE
    codec.receive_data(b"b\xff")
    codec.receive_data(b"\xf1c")
    assert merged(drain(codec)) == [Data(b"ab"), CommandReceived(tn.NOP), Data(b"c")]


def test_the_end_of_input_comes_when_all_is_taken() -> None:
    codec = TelnetCodec()
    codec.receive_data(NOP * TOKENS_AT_ONCE + b"text\xff")
    codec.receive_eof()
    assert len(codec.events_received()) == TOKENS_AT_ONCE
    data, warning = drain(codec)
    assert data == Data(b"text")
    assert "within a telnet command" in str(warning)


@pytest.mark.parametrize("unit", [b"x", NOP, b"\xff\xff"], ids=["text", "commands", "doubled IACs"])
def test_a_call_inflates_one_piece_at_most(unit: bytes) -> None:
    codec = TelnetCodec(COMPRESS)
    codec.receive_data(START + zlib.compress(unit * 2_000_000))
    events = 0
    for _ in range(5):
        taken = codec.events_received()
        assert len(taken) <= TOKENS_AT_ONCE
        assert sum(len(event.data) for event in taken if isinstance(event, Data)) <= STEP
        events += len(taken)
    assert events
    assert codec.pending


FLOODS = {
    "DO of an unknown option": DO_99,
    "an option on and off": unhex("FFFB01 FFFC01"),
    "what needs no answer": unhex("FFFE63"),
    "commands": NOP,
    "subnegotiations": unhex("FFFA 63 78 FFF0"),
    "empty subnegotiations": unhex("FFFA FFF0"),
    "timing marks": unhex("FFFD06"),
}


@pytest.mark.parametrize("unit", FLOODS.values(), ids=FLOODS)
def test_a_flood_on_a_compressed_stream_is_an_error(unit: bytes) -> None:
    """8 KiB can inflate to 8 MiB of commands: the peer pays nothing for them, and we do."""
    bomb = zlib.compress(b"before" + unit * (8 * 1024 * 1024 // len(unit)), 9)
    codec = TelnetCodec(COMPRESS)
    codec.receive_data(START + bomb)
    calls, events, error = until_error(codec)
    assert error.exit_code is ExitCode.PROTOCOL
    assert "MCCP2" in str(error)
    assert [event for event in events if isinstance(event, Data)] == [Data(b"before")]
    assert calls <= COMPRESSED_FLOOD // TOKENS_AT_ONCE + 20


def until_error(codec: TelnetCodec) -> tuple[int, list[Event], ProtocolError]:
    """How many calls of `events_received` there were, and what they returned, until one raised."""
    events: list[Event] = []
    for calls in itertools.count(1):
        try:
            events += codec.events_received()
        except ProtocolError as error:
            return calls, events, error
        assert codec.pending
    raise AssertionError


def test_the_flood_is_the_same_in_any_cut() -> None:
    stream = START + zlib.compress(NOP * (COMPRESSED_FLOOD + 100))
    for chunks in ([stream], bytewise(stream)):
        codec = TelnetCodec(COMPRESS)
        for chunk in chunks:
            codec.receive_data(chunk)
        events = until_error(codec)[1]
        assert events.count(CommandReceived(tn.NOP)) == COMPRESSED_FLOOD


def test_as_many_commands_with_data_between_are_no_flood() -> None:
    unit = NOP * (COMPRESSED_FLOOD - 1) + b"x"
    heard = hear(TelnetCodec(COMPRESS), START + zlib.compress(unit * 3))
    assert heard.data == b"xxx"


def test_what_a_game_tells_counts_as_data() -> None:
    """A player who is away for a night receives thousands of such messages, and perhaps no text."""
    message = unhex("FFFAC9") + b"Char.Vitals { }" + unhex("FFF0")
    codec = TelnetCodec(TelnetOptions(compress=True, mud=True))
    heard = hear(codec, unhex("FFFBC9") + START + zlib.compress(message * (COMPRESSED_FLOOD + 100)))
    assert len(heard.only(Subnegotiation)) == COMPRESSED_FLOOD + 101


REPEATED = [
    "x FFF1",
    "0D FFF1",
    "0D FFF1 00",
    "FFFFFFF1",
    "FFF2",
    "78 FFF2",
    "FFFD63",
    "78 FFFD63",
    "FFFB01 FFFC01",
    "FFFD06",
]
BEHIND = ["", "00", "0D 00", "FFF2 00", "FFFB00 0D FFF1 00", "FFFD63 78"]


@pytest.mark.parametrize("before", ["", "FFFB00", "FFFD63" * 2])
@pytest.mark.parametrize("unit", REPEATED)
@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("urgent", [False, True])
def test_many_at_once_are_as_one_by_one(before: str, unit: str, behind: str, urgent: bool) -> None:
    stream = unhex(before) + unhex(unit.replace("x", "78")) * 1_200 + unhex(behind) + b"end"
    outcomes = []
    for chunks in ([stream], bytewise(stream)):
        codec = TelnetCodec()
        heard = hear(codec, chunks)
        if urgent:
            codec.receive_urgent()
        rest = hear(codec, [b"\0a", unhex("FFF2"), b"b"])
        outcomes.append((typed(heard.events), heard.sent, typed(rest.events), rest.sent, codec.status()))
    assert outcomes[0] == outcomes[1]


def test_a_flood_without_compression_is_only_not_answered() -> None:
    heard = hear(TelnetCodec(), DO_99 * (COMPRESSED_FLOOD + 100) + b"x")
    assert heard.data == b"x"
