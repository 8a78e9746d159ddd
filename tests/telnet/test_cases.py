"""What we answer to what, as one literal table. Each case is fed whole, byte by byte, and with a tail behind it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

import pytest

from sockcli.telnet import Side, TelnetCodec, TelnetOptions
from sockcli.telnet import constants as tn
from sockcli.telnet.events import Event, ModeChanged, OptionChanged, Prompt, Subnegotiation
from tests.telnet.talk import XTERM, bytewise, hear, typed, unhex

Check = Callable[[TelnetCodec], bool]


class Case(NamedTuple):
    name: str
    heard: str  # hex; | is where a read ends
    sent: str = ""
    data: bytes = b""
    options: TelnetOptions = XTERM
    before: Callable[[TelnetCodec], None] = lambda _codec: None
    events: tuple[Event, ...] = ()  # all of these must be among the events
    after: Check = lambda _codec: True


def asked_for_sga(codec: TelnetCodec) -> None:
    codec.request(tn.SGA, Side.PEER, enable=True)
    codec.data_to_send()


def asked_for_ttype_off(codec: TelnetCodec) -> None:
    hear(codec, unhex("FFFD18"))
    codec.request(tn.TTYPE, Side.US, enable=False)
    codec.data_to_send()


def heard_a_nop_and_then_urgent_news(codec: TelnetCodec) -> None:
    hear(codec, unhex("FFF1"))
    codec.receive_urgent()


HI = zlib.compress(b"hi").hex()
XTERM_IS = "FFFA1800585445524D2D323536434F4C4F52FFF0"
MUD = XTERM._replace(mud=True)
ENV = XTERM._replace(env={"USER": "joe", "LANG": "C"})

CASES = [
    # data
    Case("plain text", "616263", data=b"abc"),
    Case("doubled IAC", "6162FFFF63", data=b"ab\xffc"),
    Case("doubled IAC, cut", "61FF|FF62", data=b"a\xffb"),
    Case("a run of doubled IACs", "61FFFFFFFF62FFFF", data=b"a\xff\xffb\xff"),
    Case("doubled IACs, then a command", "61FFFFFFF162", data=b"a\xffb"),
    Case("doubled IACs, then a request", "61FFFFFFFFFFFD6362", "FFFC63", b"a\xff\xffb"),
    Case("CR NUL", "610D0062", data=b"a\rb"),
    Case("CR NUL, cut", "610D|0062", data=b"a\rb"),
    Case("bare CR and LF", "610D620A63", data=b"a\rb\nc"),
    Case("CR LF", "610D0A62", data=b"a\r\nb"),
    Case("CR NUL NUL", "610D000062", data=b"a\r\0b"),
    Case("CR CR NUL", "610D0D0062", data=b"a\r\rb"),
    Case("NUL alone", "610062", data=b"a\0b"),
    Case("CR, a command, NUL", "610DFFF10062", data=b"a\rb"),
    Case("8 bits without BINARY", "E28692 80", data="→".encode() + b"\x80"),
    Case("CR NUL in their BINARY", "FFFB00 610D0062", "FFFD00", b"a\r\0b", after=lambda codec: codec.binary_in),
    Case("CR NUL in ours only", "FFFD00 610D0062", "FFFB00", b"a\rb", after=lambda codec: codec.binary_out),
    Case("a CR from before their BINARY", "0D FFFB00 00", "FFFD00", b"\r\0"),
    Case("a CR from before their BINARY, a NUL from after it", "0D FFFB00 78 FFFC00 00", "FFFD00FFFE00", b"\rx\0"),
    # commands
    Case("NOP and GA", "61FFF1FFF962", data=b"ab", events=(Prompt(tn.GA),)),
    Case("AYT IP AO BRK EC EL", "FFF6FFF4FFF5FFF3FFF7FFF862", data=b"b"),
    Case("SE outside, EOF SUSP ABORT", "FFF0FFECFFEDFFEE62", data=b"b"),
    Case("unknown commands", "FF00FF41FFEB62", data=b"b"),
    Case("DM without urgent data is a NOP", "61FFF262", data=b"ab"),
    # negotiation
    Case("ECHO offered", "FFFB01", "FFFD01", after=lambda codec: not codec.local_echo),
    Case("ECHO alone is line mode", "FFFB01", "FFFD01", after=lambda codec: not codec.character_mode),
    Case("ECHO offered twice", "FFFB01FFFB01", "FFFD01"),
    Case("ECHO withdrawn", "FFFB01FFFC01", "FFFD01FFFE01", after=lambda codec: codec.local_echo),
    Case("ECHO asked of us", "FFFD01", "FFFC01"),
    Case("refusals are not answered", "FFFC01FFFE01FFFC63FFFE63"),
    Case(
        "character mode",
        "FFFB03FFFD03FFFB01",
        "FFFD03FFFB03FFFD01",
        events=(ModeChanged(True, False),),
        after=lambda codec: codec.character_mode,
    ),
    Case("SGA alone is line mode", "FFFB03", "FFFD03", after=lambda codec: not codec.character_mode),
    Case("unknown, asked of us", "FFFD63", "FFFC63"),
    Case("unknown, offered", "FFFB63", "FFFE63"),
    Case("unknown, cut", "FF|FD|63", "FFFC63"),
    Case("option 255", "FFFDFF61", "FFFCFF", b"a"),
    Case("SGA asked for and refused, then offered", "FFFC03FFFB03", "FFFD03", before=asked_for_sga),
    Case("SGA asked for and agreed to", "FFFB03", "", before=asked_for_sga),
    Case("a WONT of ours answered by DO", "FFFD18FFFD18", "FFFB18", before=asked_for_ttype_off),
    Case("STATUS", "FFFD05FFFB05", "FFFC05FFFE05"),
    Case(
        "leaks and old overflows, asked of us",
        "FFFD20FFFD21FFFD22FFFD23FFFD24FFFD25FFFD26",
        "FFFC20FFFC21FFFC22FFFC23FFFC24FFFC25FFFC26",
    ),
    Case(
        "leaks and old overflows, offered",
        "FFFB20FFFB21FFFB22FFFB23FFFB24FFFB25FFFB26",
        "FFFE20FFFE21FFFE22FFFE23FFFE24FFFE25FFFE26",
    ),
    Case("what only we have, offered", "FFFB18FFFB1FFFFB27FFFB2C", "FFFE18FFFE1FFFFE27FFFE2C"),
    Case("TIMING-MARK, each time", "61FFFD0662FFFD06FFFD06", "FFFB06FFFB06FFFB06", b"ab"),
    Case("TIMING-MARK offered", "FFFB06", "FFFE06"),
    Case("TIMING-MARK refused", "FFFC06FFFE06"),
    Case("EOR", "FFFB193E20FFEF", "FFFD19", b"> ", events=(Prompt(tn.EOR),)),
    Case("EOR asked of us", "FFFD19", "FFFC19"),
    Case("LINEMODE offered", "FFFB22", "FFFE22"),
    Case("MCCP1, MCCP2, MSSP, GMCP", "FFFB55FFFB56FFFB46FFFBC9", "FFFE55FFFE56FFFE46FFFEC9"),
    Case("MCCP2, MSDP, MXP asked of us", "FFFD56FFFD45FFFD5B", "FFFC56FFFC45FFFC5B"),
    # NAWS
    Case("NAWS", "FFFD1F", "FFFB1FFFFA1F00500018FFF0"),
    Case("NAWS twice", "FFFD1FFFFD1F", "FFFB1FFFFA1F00500018FFF0"),
    Case("NAWS, no size known", "FFFD1F", "FFFC1F", options=TelnetOptions()),
    Case("NAWS, 0x0", "FFFD1F", "FFFC1F", options=TelnetOptions(size=(0, 0))),
    Case("NAWS, no columns", "FFFD1F", "FFFC1F", options=TelnetOptions(size=(0, 24))),
    Case("NAWS, no rows", "FFFD1F", "FFFC1F", options=TelnetOptions(size=(80, 0))),
    Case("NAWS, 255 columns", "FFFD1F", "FFFB1FFFFA1F00FFFF0018FFF0", options=TelnetOptions(size=(255, 24))),
    Case("NAWS, 1x1", "FFFD1F", "FFFB1FFFFA1F00010001FFF0", options=TelnetOptions(size=(1, 1))),
    Case("NAWS, off and on", "FFFD1FFFFE1FFFFD1F", "FFFB1FFFFA1F00500018FFF0FFFC1FFFFB1FFFFA1F00500018FFF0"),
    Case("NAWS sent to us", "FFFD1F FFFA1F00010001FFF0", "FFFB1FFFFA1F00500018FFF0"),
    # TTYPE
    Case("TTYPE", "FFFD18 FFFA1801FFF0", "FFFB18" + XTERM_IS),
    Case("TTYPE SEND while off", "FFFA1801FFF0"),
    Case("TTYPE IS sent to us", "FFFD18 FFFA180061FFF0", "FFFB18"),
    Case("TTYPE of an unset TERM", "FFFD18 FFFA1801FFF0", "FFFB18FFFA1800554E4B4E4F574EFFF0", options=TelnetOptions()),
    Case(
        "TTYPE of a mad TERM",
        "FFFD18 FFFA1801FFF0",
        "FFFB18FFFA1800554E4B4E4F574EFFF0",
        options=TelnetOptions(terminal_type="a\x1b[31m"),
    ),
    Case(
        "TTYPE of 40 letters",
        "FFFD18 FFFA1801FFF0",
        "FFFB18FFFA1800" + "58" * 40 + "FFF0",
        options=TelnetOptions(terminal_type="x" * 40),
    ),
    Case(
        "TTYPE of 41 letters",
        "FFFD18 FFFA1801FFF0",
        "FFFB18FFFA1800554E4B4E4F574EFFF0",
        options=TelnetOptions(terminal_type="x" * 41),
    ),
    Case(
        "TTYPE of a MUD client",
        "FFFD18" + "FFFA1801FFF0" * 5,
        "FFFB18"
        + "".join(
            f"FFFA1800{name.hex()}FFF0"
            for name in (b"SOCKCLI", b"XTERM-256COLOR", b"MTTS 13", b"MTTS 13", b"SOCKCLI")
        ),
        options=MUD,
    ),
    Case("TTYPE, asked anew after off and on", "FFFD18 FFFA1801FFF0 FFFE18FFFD18 FFFA1801FFF0",
         "FFFB18FFFA1800534F434B434C49FFF0FFFC18FFFB18FFFA1800534F434B434C49FFF0", options=MUD),
    # NEW-ENVIRON
    Case("environment, none allowed", "FFFD27 FFFA2701FFF0", "FFFC27"),
    Case(
        "--env USER=joe",
        "FFFD27 FFFA2701FFF0",
        "FFFB27FFFA27000055534552016A6F65FFF0",
        options=XTERM._replace(env={"USER": "joe"}),
    ),
    Case(
        "environment, with bytes that mean something",
        "FFFD27 FFFA27010358FFF0",
        "FFFB27FFFA2700035801610201020262FFF0",
        options=XTERM._replace(env={"X": "a\x01\x02b"}),
    ),
    Case(
        "environment, an unlisted name",
        "FFFD27 FFFA27010048FFF0",
        "FFFB27FFFA27000048FFF0",
        options=ENV,
    ),
    Case(
        "environment, all",
        "FFFD27 FFFA2701FFF0",
        "FFFB27FFFA2700 0055534552016A6F65 034C414E470143 FFF0",
        options=ENV,
    ),
    Case("environment, all VARs", "FFFD27 FFFA270100FFF0", "FFFB27FFFA2700 0055534552016A6F65 FFF0", options=ENV),
    Case("environment, all USERVARs", "FFFD27 FFFA270103FFF0", "FFFB27FFFA2700 034C414E470143 FFF0", options=ENV),
    Case(
        "environment, a name asked for three times",
        "FFFD27 FFFA2701 0055534552 0055534552 0055534552 FFF0",
        "FFFB27FFFA2700 0055534552016A6F65 FFF0",
        options=ENV,
    ),
    Case(
        "environment, an escaped name and an IAC",
        "FFFD27 FFFA2701 03 0201 FFFF FFF0",
        "FFFB27FFFA2700 03 0201 FFFF FFF0",
        options=ENV,
    ),
    Case("environment, INFO and IS sent to us", "FFFD27 FFFA27020041FFF0 FFFA27000041FFF0", "FFFB27", options=ENV),
    Case("old ENVIRON", "FFFD24", "FFFC24", options=ENV),
    # CHARSET
    Case("CHARSET, ours offered", "FFFB2A FFFA2A013B4C4154494E313B5554462D38FFF0", "FFFD2AFFFA2A025554462D38FFF0"),
    Case("CHARSET, ours in lower case", "FFFB2A FFFA2A012C7574662D38FFF0", "FFFD2AFFFA2A027574662D38FFF0"),
    Case("CHARSET, ours not offered", "FFFB2A FFFA2A013B4C4154494E31FFF0", "FFFD2AFFFA2A03FFF0"),
    Case("CHARSET, an empty REQUEST", "FFFB2A FFFA2A01FFF0", "FFFD2AFFFA2A03FFF0"),
    Case(
        "CHARSET, with a translation table",
        "FFFB2A FFFA2A01 5B545441424C455D01 3B5554462D38 FFF0",
        "FFFD2A FFFA2A025554462D38FFF0",
    ),
    Case("CHARSET, TTABLE-IS", "FFFB2A FFFA2A0401FFF0", "FFFD2AFFFA2A05FFF0"),
    Case("CHARSET, REQUEST while off", "FFFA2A013B5554462D38FFF0"),
    Case("DO CHARSET", "FFFD2A", "FFFB2AFFFA2A013B5554462D38FFF0"),
    Case("DO CHARSET, rejected", "FFFD2A FFFA2A03FFF0", "FFFB2AFFFA2A013B5554462D38FFF0"),
    # COM-PORT
    Case("COM-PORT", "FFFD2C", "FFFC2C"),
    Case("COM-PORT with --com", "FFFD2C", "FFFB2C", options=XTERM._replace(com="")),
    Case(
        "COM-PORT, asked who we are",
        "FFFD2C FFFA2C64FFF0",
        "FFFB2C FFFA2C00736F636B636C69FFF0",
        options=XTERM._replace(com="on"),
    ),
    # MUDs
    Case("GMCP and others with --mud", "FFFB45FFFB46FFFBC9", "FFFD45FFFD46FFFDC9", options=MUD),
    Case("MXP and MCCP2 with --mud", "FFFB5BFFFB56", "FFFE5BFFFE56", options=MUD),
    # subnegotiations
    Case(
        "a doubled IAC in a subnegotiation",
        "FFFAC9FFFF41FFF0",
        events=(Subnegotiation(tn.GMCP, b"\xffA"),),
    ),
    Case("no option at all", "61FFFAFFF062", data=b"ab"),
    Case("an empty body", "61FFFAC9FFF062", data=b"ab", events=(Subnegotiation(tn.GMCP, b""),)),
    Case("a subnegotiation of option 255", "FFFAFFFF41FFF0", events=(Subnegotiation(255, b"A"),)),
    Case("DO inside a subnegotiation", "61FFFA1801FFFD6362", "FFFC63", b"ab"),
    Case("NOP inside a subnegotiation", "61FFFA1801FFF162", data=b"ab"),
    Case("SB inside a subnegotiation", "FFFD18 FFFA27FFFA1801FFF0", "FFFB18" + XTERM_IS),
    Case("SB given up, then on", "FFFD18 FFFA1801FFF1 FFFA1801FFF0", "FFFB18" + XTERM_IS),
    # urgent data
    Case("urgent data", "6162FFFB03FFFF63FFF264", "FFFD03", b"d", before=TelnetCodec.receive_urgent),
    Case("urgent data, subnegotiations obeyed", "61FFFD18FFFA1801FFF0FFF264", "FFFB18" + XTERM_IS, b"d",
         before=TelnetCodec.receive_urgent),
    Case("urgent data after another command", "FFF161FFF264", "", b"d",
         before=heard_a_nop_and_then_urgent_news),
    Case("urgent data, the mark on IAC", "FFF264", "", b"d", before=TelnetCodec.receive_urgent),
    # compression
    Case("MCCP2", "FFFB56 FFFA56FFF0" + HI, "FFFD56", b"hi", options=XTERM._replace(compress=True)),
    Case("MCCP2 twice", ("FFFB56 FFFA56FFF0" + HI) * 2, "FFFD56", b"hihi", options=XTERM._replace(compress=True)),
    Case("MCCP2 that was not agreed on", "FFFA56FFF0 6869", "", b"hi", options=XTERM._replace(compress=True)),
    Case("MCCP2 with a body is no start", "FFFB56 FFFA5600FFF0 6869", "FFFD56", b"hi",
         options=XTERM._replace(compress=True)),
    Case(
        "telnet within MCCP2",
        "FFFB56 FFFA56FFF0" + zlib.compress(unhex("61FFFD630D00FFFF")).hex(),
        "FFFD56FFFC63",
        b"a\r\xff",
        options=XTERM._replace(compress=True),
    ),
]  # fmt: skip


def cut_at_bars(text: str) -> list[bytes]:
    return [unhex(part) for part in text.split("|")]


def whole(text: str) -> list[bytes]:
    return [b"".join(cut_at_bars(text))]


def byte_by_byte(text: str) -> list[bytes]:
    return bytewise(b"".join(cut_at_bars(text)))


def with_empty_reads(text: str) -> list[bytes]:
    return [part for chunk in byte_by_byte(text) for part in (chunk, b"")]


@pytest.mark.parametrize("cut", [cut_at_bars, whole, byte_by_byte, with_empty_reads], ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("tail", [b"", b"tail"], ids=["alone", "with a tail"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, tail: bytes, cut: Callable[[str], list[bytes]]) -> None:
    codec = TelnetCodec(case.options)
    case.before(codec)
    chunks = cut(case.heard)
    if tail:
        chunks[-1] += tail
    heard = hear(codec, chunks)
    assert heard.data == case.data + tail
    assert heard.sent.hex() == unhex(case.sent).hex()
    assert all(entry in typed(heard.events) for entry in typed(case.events))
    assert case.after(codec)


# What is agreed to; all the other options of the 256 are refused (RFC 1123 3.2.1). TIMING-MARK is no state.
EVERYTHING = XTERM._replace(env={"USER": "joe"}, com="", mud=True, compress=True)
OURS = {tn.BINARY, tn.SGA, tn.TTYPE, tn.NAWS, tn.CHARSET, tn.TIMING_MARK}
PEERS = {tn.BINARY, tn.ECHO, tn.SGA, tn.END_OF_RECORD, tn.CHARSET}
AGREED = [
    (XTERM, OURS, PEERS),
    (XTERM._replace(size=None), OURS - {tn.NAWS}, PEERS),
    (XTERM._replace(env={"A": "b"}), OURS | {tn.NEW_ENVIRON}, PEERS),
    (XTERM._replace(com=""), OURS | {tn.COM_PORT}, PEERS),
    (XTERM._replace(mud=True), OURS, PEERS | {tn.MSDP, tn.MSSP, tn.GMCP}),
    (XTERM._replace(compress=True), OURS, PEERS | {tn.MCCP2}),
    (
        EVERYTHING,
        OURS | {tn.NEW_ENVIRON, tn.COM_PORT},
        PEERS | {tn.MSDP, tn.MSSP, tn.GMCP, tn.MCCP2},
    ),
]


@pytest.mark.parametrize(("options", "ours", "peers"), AGREED)
def test_every_option_there_is(options: TelnetOptions, ours: set[int], peers: set[int]) -> None:
    for option in range(256):
        asked = hear(TelnetCodec(options), bytes([tn.IAC, tn.DO, option]))
        assert asked.sent[:3] == bytes([tn.IAC, tn.WILL if option in ours else tn.WONT, option])
        offered = hear(TelnetCodec(options), bytes([tn.IAC, tn.WILL, option]))
        assert offered.sent[:3] == bytes([tn.IAC, tn.DO if option in peers else tn.DONT, option])
        for refusal in (tn.DONT, tn.WONT):
            assert hear(TelnetCodec(options), bytes([tn.IAC, refusal, option])).sent == b""


def test_names_are_not_used_twice() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_every_command_is_an_event() -> None:
    codec = TelnetCodec(XTERM)
    codes = [code for code in range(tn.SE + 1) if code not in (tn.EOR,)]
    codec.receive_data(b"".join(bytes([tn.IAC, code]) for code in codes))
    assert typed(codec.events_received()) == [("CommandReceived", (code,)) for code in codes]
    assert codec.data_to_send() == b""


def test_option_events_name_the_side() -> None:
    heard = hear(TelnetCodec(XTERM), unhex("FFFB03 FFFD03 FFFC03 FFFE03"))
    assert heard.only(OptionChanged) == [
        OptionChanged(tn.SGA, Side.PEER, True),
        OptionChanged(tn.SGA, Side.US, True),
        OptionChanged(tn.SGA, Side.PEER, False),
        OptionChanged(tn.SGA, Side.US, False),
    ]
