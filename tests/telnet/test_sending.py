"""What we send: ends of lines by mode, doubled IACs, commands, and what is held back."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.errors import ExitCode, ProtocolError, UsageError
from sockcli.telnet import Side, TelnetCodec, TelnetOptions
from sockcli.telnet import constants as tn
from sockcli.telnet.events import ModeChanged, OptionRefused, TimingMark
from sockcli.telnet.line_endings import EOLS
from sockcli.telnet.outbound import HOLD_LIMIT
from tests.telnet.talk import XTERM, bytewise, drain, hear, unhex

TERMINAL = XTERM._replace(mode="auto")
OUR_BINARY = "FFFD00"
CHARACTER_MODE = "FFFB03FFFB01"


def sent(codec: TelnetCodec, *pieces: bytes, end: bool = True) -> bytes:
    codec.data_to_send()
    for piece in pieces:
        codec.send_data(piece)
    if end:
        codec.send_eof()
    return codec.data_to_send()


PIPED = [
    ("a\xffb", "a\xff\xffb"),
    ("a\n", "a\r\n"),
    ("a\r\n", "a\r\n"),
    ("a\r", "a\r\0"),
    ("a\rb", "a\r\0b"),
    ("a\r\r\n", "a\r\0\r\n"),
    ("a\n\nb", "a\r\n\r\nb"),
    ("\n\r", "\r\n\r\0"),
    ("a\r\0", "a\r\0\0"),
    ("", ""),
]


@pytest.mark.parametrize(("given", "out"), PIPED)
def test_piped_text(given: str, out: str) -> None:
    data, expected = given.encode("latin-1"), out.encode("latin-1")
    assert sent(TelnetCodec(), data) == expected
    assert sent(TelnetCodec(), *bytewise(data)) == expected


def test_a_cr_at_the_end_of_a_read_goes_out_at_once() -> None:
    codec = TelnetCodec()
    assert sent(codec, b"a\r", end=False) == b"a\r"
    assert sent(codec, b"\nb\r", end=False) == b"\nb\r"
    assert sent(codec, b"c") == b"\0c"


@pytest.mark.parametrize(
    ("eol", "expected"),
    [("crlf", b"a\r\nb\r\0c"), ("lf", b"a\nb\r\0c"), ("cr", b"a\rb\r\0c"), ("crnul", b"a\r\0b\r\0c")],
)
@pytest.mark.parametrize("data", [b"a\nb\rc", b"a\r\nb\rc"])
def test_eol_overrides_in_a_pipe(eol: str, expected: bytes, data: bytes) -> None:
    options = TelnetOptions(eol=eol)
    assert sent(TelnetCodec(options), data) == expected
    assert sent(TelnetCodec(options), *bytewise(data)) == expected


def test_our_binary_in_a_pipe_changes_nothing_but_iac() -> None:
    codec = TelnetCodec()
    hear(codec, unhex(OUR_BINARY))
    assert sent(codec, b"a\n\r\0\r\n\xff") == b"a\n\r\0\r\n\xff\xff"


ENTER = [
    ("line", "", None, b"\r\n"),
    ("character", CHARACTER_MODE, None, b"\r\0"),
    ("our BINARY", OUR_BINARY, None, b"\r"),
    ("character and our BINARY", CHARACTER_MODE + OUR_BINARY, None, b"\r"),
    *((f"line, --eol {name}", "", name, eol) for name, eol in EOLS.items()),
    *((f"character, --eol {name}", CHARACTER_MODE, name, eol) for name, eol in EOLS.items()),
    *((f"our BINARY, --eol {name}", OUR_BINARY, name, eol) for name, eol in EOLS.items()),
]


@pytest.mark.parametrize(("heard", "eol", "expected"), [row[1:] for row in ENTER], ids=[row[0] for row in ENTER])
def test_enter(heard: str, eol: str | None, expected: bytes) -> None:
    codec = TelnetCodec(TERMINAL._replace(eol=eol))
    hear(codec, unhex(heard))
    codec.send_data(b"x")
    codec.send_enter()
    assert codec.data_to_send() == b"x" + expected


@pytest.mark.parametrize(
    ("mode", "heard", "expected"),
    [("character", "", b"\r\0"), ("line", CHARACTER_MODE, b"\r\n"), ("piped", CHARACTER_MODE, b"\r\n")],
)
def test_the_user_can_set_the_mode(mode: str, heard: str, expected: bytes) -> None:
    codec = TelnetCodec(TelnetOptions(mode=mode))
    hear(codec, unhex(heard))
    codec.send_enter()
    assert codec.data_to_send() == expected


def test_the_users_mode_is_what_the_codec_says() -> None:
    assert TelnetCodec(TelnetOptions(mode="character")).character_mode
    codec = TelnetCodec(TelnetOptions(mode="line"))
    assert hear(codec, unhex(CHARACTER_MODE)).only(ModeChanged) == [ModeChanged(False, False)]
    assert not codec.character_mode


def test_keys_in_character_mode_are_the_bytes_they_are() -> None:
    codec = TelnetCodec(TERMINAL)
    hear(codec, unhex(CHARACTER_MODE))
    assert sent(codec, b"\x03", b"\x04", b"\n", b"\x7f", b"\x1b[A") == b"\x03\x04\n\x7f\x1b[A"


def test_a_cr_that_is_still_open_is_closed_when_the_mode_changes() -> None:
    codec = TelnetCodec(TERMINAL)
    assert sent(codec, b"a\r", end=False) == b"a\r"
    hear(codec, unhex(CHARACTER_MODE))
    assert sent(codec, b"\n") == b"\0\n"


def test_another_end_of_line_from_here_on() -> None:
    codec = TelnetCodec(TERMINAL)
    codec.send_enter()
    codec.set_eol("lf")
    codec.send_enter()
    codec.set_eol(None)
    codec.send_enter()
    assert codec.data_to_send() == b"\r\n" + b"\n" + b"\r\n"
    with pytest.raises(UsageError, match="no such end of line"):
        codec.set_eol("nl")


# Commands


def test_interrupt_is_ip_and_a_synch() -> None:
    codec = TelnetCodec()
    codec.send_data(b"before")
    codec.interrupt()
    codec.send_data(b"after")
    assert codec.data_to_send() == b"before"
    assert codec.data_to_send() == b""
    assert codec.urgent_to_send() == unhex("FFF4FFF2")
    assert codec.urgent_to_send() == b""
    assert codec.data_to_send() == b"after"
    assert codec.urgent_to_send() == b""


@pytest.mark.parametrize(
    ("name", "code"), [("ayt", 246), ("BRK", 243), ("ao", 245), ("ec", 247), ("el", 248), ("nop", 241), ("ip", 244)]
)
def test_commands(name: str, code: int) -> None:
    codec = TelnetCodec()
    codec.send_command(name)
    assert codec.data_to_send() == bytes([255, code])


@pytest.mark.parametrize("name", ["sb", "se", "will", "iac", "dm", ""])
def test_what_is_only_part_of_a_command_cannot_be_sent(name: str) -> None:
    with pytest.raises(UsageError, match="no such telnet command"):
        TelnetCodec().send_command(name)


def test_a_timing_mark_is_answered_when_the_data_before_it_was_handed_out() -> None:
    codec = TelnetCodec(XTERM)
    codec.receive_data(b"data" + unhex("FFFD06 FFFD63"))
    codec.send_data(b"x")
    assert codec.data_to_send() == b"x"
    assert list(drain(codec))
    assert codec.data_to_send() == unhex("FFFB06 FFFC63")


def test_timing_mark_that_we_asked_for() -> None:
    codec = TelnetCodec()
    codec.request(tn.TIMING_MARK, Side.PEER, enable=True)
    codec.request(tn.TIMING_MARK, Side.PEER, enable=True)
    assert codec.data_to_send() == unhex("FFFD06FFFD06")
    heard = hear(codec, unhex("FFFB06 FFFC06 FFFB06"))
    assert heard.only(TimingMark) == [TimingMark(True), TimingMark(False)]
    assert heard.sent == unhex("FFFE06")


# Requests


def test_request_says_what_came_of_it() -> None:
    codec = TelnetCodec()
    codec.request(tn.ECHO, Side.PEER, enable=True)
    codec.request(tn.ECHO, Side.PEER, enable=True)
    assert codec.data_to_send() == unhex("FFFD01")
    assert [(option, us.value, peer.value) for option, us, peer in codec.status()] == [(1, "off", "asked for")]
    heard = hear(codec, unhex("FFFC01"))
    assert heard.only(OptionRefused) == [OptionRefused(tn.ECHO, Side.PEER)]
    assert codec.status() == []


def test_turning_off_and_on_is_queued() -> None:
    codec = TelnetCodec()
    hear(codec, unhex("FFFB01"))
    codec.request(tn.ECHO, Side.PEER, enable=False)
    codec.request(tn.ECHO, Side.PEER, enable=True)
    assert codec.data_to_send() == unhex("FFFE01")
    assert not codec.local_echo, "the peer echoes until it says that it stopped"
    assert hear(codec, unhex("FFFC01")).sent == unhex("FFFD01")
    assert codec.local_echo


@pytest.mark.parametrize("option", [tn.ECHO, tn.TIMING_MARK, 34, 99])
def test_we_do_not_promise_what_we_cannot_do(option: int) -> None:
    codec = TelnetCodec()
    with pytest.raises(UsageError, match="cannot be asked for"):
        codec.request(option, Side.US, enable=True)
    assert codec.data_to_send() == b""


def test_the_first_words_on_port_23() -> None:
    assert TelnetCodec(XTERM).data_to_send() == b""
    assert TelnetCodec(TelnetOptions(initiate=True)).data_to_send() == unhex("FFFD03 FFFB18")
    everything = XTERM._replace(initiate=True, env={"USER": "joe"})
    assert TelnetCodec(everything).data_to_send() == unhex("FFFD03 FFFB18 FFFB1F FFFB27")


def test_an_agreed_request_is_not_answered_but_acted_on() -> None:
    codec = TelnetCodec(XTERM._replace(initiate=True))
    assert hear(codec, b"").sent == unhex("FFFD03 FFFB18 FFFB1F")
    assert hear(codec, unhex("FFFB03 FFFD18 FFFD1F")).sent == unhex("FFFA1F00500018FFF0")


def test_an_option_that_is_ours_does_nothing_on_the_peers_side() -> None:
    codec = TelnetCodec(XTERM)
    codec.request(tn.NAWS, Side.PEER, enable=True)
    assert hear(codec, unhex("FFFB1F")).sent == unhex("FFFD1F")


# Window size


def test_resize() -> None:
    codec = TelnetCodec(XTERM)
    codec.resize(100, 30)
    assert codec.data_to_send() == b"", "the option is off"
    assert hear(codec, unhex("FFFD1F")).sent == unhex("FFFB1F FFFA1F0064001EFFF0")
    codec.resize(100, 30)
    assert codec.data_to_send() == b"", "nothing changed"
    codec.resize(0, 0)
    assert codec.data_to_send() == b"", "that is no size"
    codec.resize(255, 65_535)
    assert codec.data_to_send() == unhex("FFFA1F 00FFFF FFFFFFFF FFF0")
    codec.resize(70_000, 1)
    assert codec.data_to_send() == unhex("FFFA1F FFFFFFFF 0001 FFF0")
    hear(codec, unhex("FFFE1F"))
    codec.resize(80, 24)
    assert codec.data_to_send() == b"", "the option is off again"


def test_a_size_that_is_learned_later_is_agreed_to_later() -> None:
    codec = TelnetCodec()
    assert hear(codec, unhex("FFFD1F")).sent == unhex("FFFC1F")
    codec.resize(80, 24)
    assert hear(codec, unhex("FFFD1F")).sent == unhex("FFFB1F FFFA1F00500018FFF0")


# --binary

BINARY = TelnetOptions(binary=True)


def test_binary_sends_nothing_before_both_directions_are_agreed_on() -> None:
    codec = TelnetCodec(BINARY)
    assert codec.data_to_send() == unhex("FFFB00FFFD00")
    codec.send_data(b"a\n\xff")
    assert codec.blocked
    assert codec.held == 3
    assert hear(codec, unhex("FFFD00")).sent == b""
    assert codec.blocked
    assert hear(codec, unhex("FFFB00")).sent == b"a\n\xff\xff"
    assert not codec.blocked
    assert codec.held == 0
    assert sent(codec, b"\r\n") == b"\r\n"


def test_binary_on_a_terminal_makes_the_connection_telnet() -> None:
    codec = TelnetCodec(BINARY, active=False)
    assert codec.active
    assert codec.data_to_send() == unhex("FFFB00FFFD00")


@pytest.mark.parametrize("refusal", ["FFFE00", "FFFC00", "FFFD00FFFB00 FFFC00", "FFFD00FFFB00 FFFE00"])
def test_binary_refused_is_an_error(refusal: str) -> None:
    codec = TelnetCodec(BINARY)
    codec.receive_data(b"motd" + unhex(refusal) + b"lost")
    with pytest.raises(ProtocolError, match="refused binary") as caught:
        assert b"motd" in [event[0] for event in drain(codec)]
    assert caught.value.exit_code is ExitCode.PROTOCOL


def test_binary_never_agreed_on_is_an_error_only_if_something_was_to_be_sent() -> None:
    codec = TelnetCodec(BINARY)
    codec.receive_eof()
    assert codec.events_received() == []
    codec = TelnetCodec(BINARY)
    codec.send_data(b"x")
    codec.receive_eof()
    with pytest.raises(ProtocolError, match="before it agreed"):
        codec.events_received()


def test_what_is_held_is_bounded() -> None:
    codec = TelnetCodec(BINARY)
    codec.send_data(bytes(HOLD_LIMIT))
    with pytest.raises(BufferError):
        codec.send_data(b"x")


def test_the_user_may_turn_binary_off_again() -> None:
    codec = TelnetCodec(BINARY)
    hear(codec, unhex("FFFD00FFFB00"))
    codec.request(tn.BINARY, Side.US, enable=False)
    assert sent(codec, b"a\n") == b"a\r\n"
    hear(codec, unhex("FFFE00"))


def test_what_was_held_for_binary_goes_out_when_the_user_no_longer_wants_it() -> None:
    codec = TelnetCodec(BINARY)
    codec.data_to_send()
    codec.send_data(b"a\n")
    codec.request(tn.ECHO, Side.PEER, enable=False)
    codec.request(tn.BINARY, Side.PEER, enable=True)
    assert codec.blocked
    codec.request(tn.BINARY, Side.PEER, enable=False)
    assert not codec.blocked
    assert codec.data_to_send() == b"a\r\n"


@given(data=st.binary(), cuts=st.lists(st.integers(0, 40), max_size=5))
def test_what_is_sent_in_binary_is_what_arrives(data: bytes, cuts: list[int]) -> None:
    ours, theirs = TelnetCodec(), TelnetCodec()
    hear(ours, unhex("FFFD00"))
    hear(theirs, unhex("FFFB00"))
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        ours.send_data(data[start:end])
    ours.send_eof()
    assert hear(theirs, ours.data_to_send()).data == data


@given(data=st.binary(), cut=st.integers(0, 20))
def test_piped_text_arrives_with_every_line_end_as_cr_lf(data: bytes, cut: int) -> None:
    ours, theirs = TelnetCodec(), TelnetCodec()
    wire = sent(ours, data[:cut], data[cut:])
    assert b"\r\r\n" not in wire.replace(b"\r\0", b"")
    expected = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert hear(theirs, wire).data == expected
    assert sent(TelnetCodec(), *bytewise(data)) == wire


# BSD's kludge line mode

KLUDGE = "FFFB03FFFB01 FFFD06 FFFC03"


def test_a_peer_that_echoes_whole_lines_is_asked_once_for_character_mode() -> None:
    codec = TelnetCodec(TERMINAL)
    assert hear(codec, unhex(KLUDGE)).sent == unhex("FFFD03FFFD01 FFFB06 FFFE03 FFFD03")
    assert hear(codec, unhex("FFFB03")).sent == b""
    assert codec.character_mode
    assert hear(codec, unhex("FFFC03")).sent == unhex("FFFE03"), "if it insists, so be it"


def test_while_it_is_asked_nothing_changes() -> None:
    """A full-screen program may be drawing already."""
    codec = TelnetCodec(TERMINAL)
    assert hear(codec, unhex(KLUDGE)).only(ModeChanged)[-1] == ModeChanged(True, False)
    assert codec.character_mode
    assert hear(codec, unhex("FFFB03")).only(ModeChanged) == []
    assert codec.character_mode


def test_if_it_insists_the_mode_is_the_lines() -> None:
    codec = TelnetCodec(TERMINAL)
    hear(codec, unhex(KLUDGE))
    assert hear(codec, unhex("FFFC03")).only(ModeChanged) == [ModeChanged(False, False)]
    assert not codec.character_mode


def test_if_the_user_wants_lines_after_all_the_mode_is_theirs() -> None:
    codec = TelnetCodec(TERMINAL)
    hear(codec, unhex(KLUDGE))
    codec.request(tn.SGA, Side.PEER, enable=False)
    assert list(drain(codec)) == [ModeChanged(False, False)]


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        (XTERM, KLUDGE),
        (XTERM._replace(mode="line"), KLUDGE),
        (TERMINAL, "FFFB03FFFB01 FFFC03"),
        (TERMINAL, "FFFB03 FFFD06 FFFC03"),
        (TERMINAL, "FFFD06 FFFC03"),
    ],
    ids=["in a pipe", "in line mode", "without a timing mark", "without echo", "with no SGA at all"],
)
def test_nobody_else_is(options: TelnetOptions, heard: str) -> None:
    assert not hear(TelnetCodec(options), unhex(heard)).sent.endswith(unhex("FFFD03"))
