"""Floods, giants and cut ends: whatever the peer does, memory and answers have a bound, and the user hears once."""

from __future__ import annotations

import pytest

from sockcli.telnet import Side, TelnetCodec, TelnetOptions
from sockcli.telnet import constants as tn
from sockcli.telnet.answer_limits import ANSWER_LIMIT, DATA_PER_ANSWER, FLOOD, REPLY_LIMIT, TOTAL_LIMIT, UNREAD
from sockcli.telnet.codec import CUT_SHORT, OVERSIZED
from sockcli.telnet.events import CommandReceived, Data, Subnegotiation, TelnetWarning
from sockcli.telnet.parser import BODY_LIMIT
from tests.telnet.talk import XTERM, bytewise, drain, hear, unhex


def subnegotiation(option: int, body: bytes) -> bytes:
    return bytes([255, 250, option]) + body.replace(b"\xff", b"\xff\xff") + b"\xff\xf0"


# Loops

LOOPS = [
    ("an option on and off", "FFFB01 FFFC01", "FFFD01 FFFE01", 2),
    ("an option that we refuse", "FFFB63", "FFFE63", 1),
    ("timing marks", "FFFD06", "FFFB06", 1),
    ("timing marks offered", "FFFB06", "FFFE06", 1),
]


@pytest.mark.parametrize(("asked", "answer", "answers"), [row[1:] for row in LOOPS], ids=[row[0] for row in LOOPS])
def test_a_loop_is_left(asked: str, answer: str, answers: int) -> None:
    codec = TelnetCodec()
    heard = hear(codec, [unhex(asked)] * 5_000)
    assert heard.sent == unhex(answer) * (ANSWER_LIMIT // answers)
    assert heard.only(TelnetWarning) == [TelnetWarning(FLOOD)]


def test_subnegotiations_in_a_loop_are_left_too() -> None:
    codec = TelnetCodec(XTERM)
    hear(codec, unhex("FFFD18"))
    heard = hear(codec, [unhex("FFFA1801FFF0")] * 5_000)
    assert heard.sent.count(b"XTERM-256COLOR") == ANSWER_LIMIT - 1
    assert heard.only(TelnetWarning) == [TelnetWarning(FLOOD)]


def test_data_in_between_is_no_loop() -> None:
    codec = TelnetCodec()
    heard = hear(codec, [unhex("FFFB01FFFC01") + b"x"] * 2_000)
    assert heard.sent == unhex("FFFD01FFFE01") * 2_000
    assert heard.only(TelnetWarning) == []


def test_a_flood_with_a_little_data_in_between_is_left_as_well() -> None:
    codec = TelnetCodec()
    heard = hear(codec, [(unhex("FFFB01FFFC01") + b"x") * 1_000] * 20)
    assert heard.data == b"x" * 20_000
    replies = len(heard.sent) // 3
    assert TOTAL_LIMIT <= replies <= TOTAL_LIMIT + 20_000 // DATA_PER_ANSWER
    assert heard.only(TelnetWarning) == [TelnetWarning(FLOOD)]
    heard = hear(codec, b"x" * DATA_PER_ANSWER + unhex("FFFB63"))
    assert heard.sent == unhex("FFFE63"), "data is what more answers are given for"


def test_after_a_loop_we_know_what_is_on_and_answer_again_once_there_is_data() -> None:
    codec = TelnetCodec()
    hear(codec, unhex("FFFB03") + unhex("FFFB01FFFC01") * 1_000)
    assert hear(codec, unhex("FFFB01")).sent == b""
    assert codec.local_echo, "what was not answered is not agreed on"
    assert hear(codec, unhex("FFFC03")).sent == b""
    assert codec.status() == []
    heard = hear(codec, b"x" + unhex("FFFB01"))
    assert heard.sent == unhex("FFFD01")
    assert not codec.local_echo


def test_in_a_loop_the_user_is_still_heard() -> None:
    codec = TelnetCodec(XTERM)
    hear(codec, unhex("FFFD1F") + unhex("FFFB01FFFC01") * ANSWER_LIMIT)
    codec.resize(100, 30)
    assert codec.data_to_send() == unhex("FFFA1F0064001EFFF0")


def test_a_name_is_not_answered_again_and_again() -> None:
    codec = TelnetCodec(TelnetOptions(env={"X": "v" * 4_000}))
    heard = hear(codec, unhex("FFFD27") + subnegotiation(tn.NEW_ENVIRON, b"\x01" + b"\x03X" * 4_000))
    assert len(heard.sent) < 4_100


def test_answers_that_nobody_takes_are_bounded() -> None:
    codec = TelnetCodec(TelnetOptions(env={"X": "v" * 4_000}))
    codec.receive_data(unhex("FFFD27") + (b"data" + unhex("FFFA2701FFF0")) * 1_000)
    events = list(drain(codec))
    assert TelnetWarning(UNREAD) in events
    assert len(codec.data_to_send()) < REPLY_LIMIT + 5_000
    assert hear(codec, unhex("FFFA2701FFF0")).sent


# Giants

LIMITS = [(tn.TTYPE, 8 * 1024), (99, 8 * 1024), (tn.GMCP, 64 * 1024), (tn.MSDP, 64 * 1024), (tn.MSSP, 64 * 1024)]


@pytest.mark.parametrize(("option", "limit"), LIMITS)
@pytest.mark.parametrize("fill", [b"x", b"\xff"])
def test_a_subnegotiation_up_to_its_limit(option: int, limit: int, fill: bytes) -> None:
    heard = hear(TelnetCodec(), b"a" + subnegotiation(option, fill * limit) + b"b")
    assert heard.only(Subnegotiation) == [Subnegotiation(option, fill * limit)]
    assert heard.only(TelnetWarning) == []
    assert heard.data == b"ab"


@pytest.mark.parametrize(("option", "limit"), LIMITS)
@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "byte by byte"])
def test_a_subnegotiation_over_its_limit(option: int, limit: int, cut: object) -> None:
    assert callable(cut)
    giant = subnegotiation(option, b"x\xff" * (limit // 2) + b"y")
    heard = hear(TelnetCodec(XTERM), cut(b"a" + giant + b"b" + giant + b"c" + unhex("FFFD63")))
    assert heard.only(Subnegotiation) == []
    assert heard.only(TelnetWarning) == [TelnetWarning(OVERSIZED)]
    assert heard.data == b"abc"
    assert heard.sent == unhex("FFFC63"), "in step"


def test_a_command_within_a_giant_ends_it() -> None:
    giant = b"\xff\xfa\x18" + b"x" * (BODY_LIMIT + 1)
    heard = hear(TelnetCodec(), giant + unhex("FFFD63") + b"a")
    assert heard.sent == unhex("FFFC63")
    assert heard.data == b"a"


def test_a_giant_is_not_kept() -> None:
    codec = TelnetCodec()
    codec.receive_data(b"\xff\xfa\x18")
    for _ in range(1_000):
        codec.receive_data(b"x" * BODY_LIMIT)
        assert list(drain(codec)) == []
    assert len(codec._tokens._parser._body) <= 2  # IAC SB


# Ends

CUT = ["FF", "FFFD", "FFFA", "FFFA18", "FFFA1801", "FFFA1801FF", "FFFA" + "78" * 9_000]


@pytest.mark.parametrize("heard", CUT, ids=[text[:12] for text in CUT])
def test_an_end_within_a_command(heard: str) -> None:
    codec = TelnetCodec()
    codec.receive_data(b"data" + unhex(heard))
    assert list(drain(codec)) == [Data(b"data")]
    assert not codec.pending
    codec.receive_eof()
    codec.receive_eof()
    assert codec.pending
    assert list(drain(codec)) == [TelnetWarning(CUT_SHORT)]
    assert codec.data_to_send() == b""


@pytest.mark.parametrize("heard", [b"", b"data", b"data\r", b"\xff\xf1", b"\xff\xff"])
def test_an_end_anywhere_else(heard: bytes) -> None:
    codec = TelnetCodec()
    codec.receive_data(heard)
    codec.receive_eof()
    assert [event for event in drain(codec) if isinstance(event, TelnetWarning)] == []
    assert not codec.pending


def test_nothing_comes_after_the_end() -> None:
    codec = TelnetCodec()
    codec.receive_eof()
    codec.receive_data(b"x")
    assert codec.events_received() == []


# Urgent data


def test_urgent_data_stays_urgent_until_the_mark() -> None:
    codec = TelnetCodec()
    codec.receive_urgent()
    assert hear(codec, [b"a", b"b\xff", b"\xff", b"c"]).data == b""
    assert hear(codec, unhex("FFF2") + b"d").data == b"d"
    assert hear(codec, b"e").data == b"e"


def test_a_mark_reported_behind_its_dm_drops_nothing() -> None:
    codec = TelnetCodec()
    hear(codec, b"a" + unhex("FFF2"))
    codec.receive_urgent()
    assert hear(codec, b"b").data == b"b"
    codec.receive_urgent()
    assert hear(codec, b"c").data == b""


def test_each_mark_has_its_dm() -> None:
    codec = TelnetCodec()
    hear(codec, unhex("FFF2"))
    codec.receive_urgent()  # of that DM
    codec.receive_urgent()  # of the next
    assert hear(codec, b"a" + unhex("FFF2") + b"b").data == b"b"
    codec.receive_urgent()
    assert hear(codec, b"c" + unhex("FFF2")).data == b""
    codec.receive_urgent()
    assert hear(codec, b"d").data == b""
    assert hear(codec, unhex("FFF2") + b"e").data == b"e"


def test_a_dm_that_data_followed_has_nothing_to_do_with_a_later_mark() -> None:
    codec = TelnetCodec()
    hear(codec, unhex("FFF2") + b"a")
    codec.receive_urgent()
    assert hear(codec, b"b").data == b""


def test_urgent_data_of_a_peer_that_speaks_no_telnet_is_data() -> None:
    codec = TelnetCodec(active=False)
    codec.receive_urgent()
    assert hear(codec, b"abc").data == b"abc"


# Speed, without a clock: how often Python is entered for a megabyte


def tokens(data: bytes) -> int:
    codec = TelnetCodec()
    codec.receive_data(data)
    return len(list(drain(codec)))


def test_clean_text_is_one_piece_and_not_even_copied() -> None:
    text = b"x" * 1_000_000
    codec = TelnetCodec()
    codec.receive_data(text)
    (event,) = codec.events_received()
    assert isinstance(event, Data)
    assert event.data is text


def test_a_million_doubled_iacs_are_one_piece() -> None:
    assert tokens(b"\xff\xff" * 1_000_000) == 1


def test_commands_cost_one_step_each() -> None:
    assert tokens((b"x" * 998 + b"\xff\xf1") * 1_000) == 2_000


def test_a_flood_of_commands_costs_a_pointer_each() -> None:
    codec = TelnetCodec()
    codec.receive_data(b"\xff\xf1" * 1_000)
    events = codec.events_received()
    assert len({id(event) for event in events}) == 1
    assert events[0] == CommandReceived(tn.NOP)


def test_option_states_are_bounded_by_the_number_of_options() -> None:
    codec = TelnetCodec()
    everything = b"".join(bytes([255, verb, option]) + b"x" for verb in (251, 252, 253, 254) for option in range(256))
    hear(codec, [everything] * 3)
    assert len(codec._option_state._negotiator._states) == 2 * 256 - len(Side)  # TIMING-MARK has no state
