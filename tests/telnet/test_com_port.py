"""RFC 2217, the client's part."""

from __future__ import annotations

import pytest

from sockcli.errors import UsageError
from sockcli.telnet import TelnetCodec, TelnetOptions
from sockcli.telnet.events import ComPort, OptionRefused, TelnetWarning
from sockcli.telnet.features.com_port import ComSettings, parse_com
from tests.telnet.talk import hear, unhex

GOOD = [
    ("", ComSettings()),
    ("on", ComSettings()),
    ("9600", ComSettings(9600)),
    ("115200,8n1", ComSettings(115_200, 8, 1, 1)),
    ("300,7E2", ComSettings(300, 7, 3, 2)),
    ("8n1", ComSettings(0, 8, 1, 1)),
    ("50,5o1.5", ComSettings(50, 5, 2, 3)),
    ("4294967295", ComSettings(2**32 - 1)),
]
BAD = ["0", "9600,", ",8n1", "9600 8n1", "96008n1", "9600,8n", "9600,9n1", "9600,8x1", "9600,8n3", "4294967296", "-1"]
BAD += ["on,8n1", "٣٠٠", "9600,8n1,x", "9" * 100]


@pytest.mark.parametrize(("text", "settings"), GOOD)
def test_settings(text: str, settings: ComSettings) -> None:
    assert parse_com(text) == settings


@pytest.mark.parametrize("text", BAD)
def test_settings_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="serial port"):
        parse_com(text)
    with pytest.raises(UsageError, match="serial port"):
        TelnetCodec(TelnetOptions(com=text))


def agreed(com: str) -> TelnetCodec:
    codec = TelnetCodec(TelnetOptions(com=com))
    hear(codec, unhex("FFFD2C"))
    return codec


def test_settings_are_asked_for_and_sent_once_agreed() -> None:
    codec = TelnetCodec(TelnetOptions(com="115200,8n1"))
    assert codec.data_to_send() == unhex("FFFB2C")
    assert hear(codec, unhex("FFFD2C")).sent == unhex(
        "FFFA2C010001C200FFF0 FFFA2C0208FFF0 FFFA2C0301FFF0 FFFA2C0401FFF0"
    )


def test_an_iac_in_a_speed_is_doubled() -> None:
    codec = TelnetCodec(TelnetOptions(com="65280"))
    assert hear(codec, unhex("FFFD2C")).sent.endswith(unhex("FFFA2C01 0000FFFF00 FFF0"))


def test_without_settings_we_do_not_speak_first() -> None:
    assert TelnetCodec(TelnetOptions(com="")).data_to_send() == b""


def test_a_server_without_ports_is_no_error() -> None:
    codec = TelnetCodec(TelnetOptions(com="9600"))
    assert len(hear(codec, unhex("FFFE2C")).only(OptionRefused)) == 1


NOTICES = [
    ("65 00002580", ComPort("baudrate", 9600)),
    ("66 07", ComPort("datasize", 7)),
    ("67 03", ComPort("parity", 3)),
    ("68 02", ComPort("stopsize", 2)),
    ("69 01", ComPort("control", 1)),
    ("6A 60", ComPort("linestate", 0x60)),
    ("6B B0", ComPort("modemstate", 0xB0)),
    ("6C", ComPort("suspend", 0)),
    ("6D", ComPort("resume", 0)),
    ("64 73657232 1B", ComPort("signature", "ser2\x1b")),
]


@pytest.mark.parametrize(("body", "event"), NOTICES)
def test_what_the_server_says_is_an_event(body: str, event: ComPort) -> None:
    heard = hear(agreed(""), unhex(f"FFFA2C{body}FFF0"))
    assert heard.only(ComPort) == [event]
    assert heard.sent == b""
    assert hear(TelnetCodec(), unhex(f"FFFA2C{body}FFF0")).only(ComPort) == [], "the option is off"


@pytest.mark.parametrize("body", ["", "65", "6500", "650000000000", "6A", "6A0000", "6C00", "01 00002580", "FE", "63"])
def test_what_makes_no_sense_is_ignored(body: str) -> None:
    heard = hear(agreed(""), unhex(f"FFFA2C{body}FFF0"))
    assert heard.only(ComPort) == []
    assert heard.sent == b""


def test_a_server_that_sets_something_else_is_reported_once() -> None:
    codec = agreed("115200")
    heard = hear(codec, unhex("FFFA2C6500002580FFF0 FFFA2C6500002580FFF0 FFFA2C65000012C0FFF0"))
    assert heard.only(TelnetWarning) == [
        TelnetWarning("the serial port's baudrate is 9600, not 115200 as asked for"),
    ]
    assert hear(agreed("9600"), unhex("FFFA2C6500002580FFF0")).only(TelnetWarning) == []


def test_flow_control_holds_data_back() -> None:
    codec = agreed("")
    hear(codec, unhex("FFFA2C6CFFF0"))
    codec.send_data(b"a\r")
    codec.send_eof()
    assert codec.blocked
    assert codec.data_to_send() == b""
    assert hear(codec, unhex("FFFA2C6DFFF0")).sent == b"a\r\0"
    assert not codec.blocked


def test_a_cr_that_is_still_open_when_flow_control_stops_us_is_held_until_it_is_whole() -> None:
    codec = agreed("")
    codec.send_data(b"a\r")
    assert codec.data_to_send() == b"a\r"
    hear(codec, unhex("FFFA2C6CFFF0"))
    assert codec.held == 0
    codec.send_eof()
    assert codec.held == 1
    assert hear(codec, unhex("FFFA2C6DFFF0")).sent == b"\0"
    assert codec.held == 0


def test_flow_control_ends_with_the_option() -> None:
    codec = agreed("")
    hear(codec, unhex("FFFA2C6CFFF0"))
    codec.send_data(b"a")
    assert hear(codec, unhex("FFFE2C")).sent == unhex("FFFC2C") + b"a"
    hear(codec, unhex("FFFD2C"))
    assert not codec.blocked
