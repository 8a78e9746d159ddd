"""What the user may ask for, and the names that options go by."""

from __future__ import annotations

import pytest

from sockcli.errors import UsageError
from sockcli.telnet import TelnetCodec, TelnetOptions
from sockcli.telnet import constants as tn
from sockcli.telnet.events import EncodingChanged
from sockcli.telnet.features.terminal_type import mtts
from tests.telnet.talk import XTERM, hear, unhex

REFUSED = [
    TelnetOptions(env={"USER": "-f root"}),
    TelnetOptions(env={"": "x"}),
    TelnetOptions(env={"A=B": "x"}),
    TelnetOptions(env={"A": "x\0y"}),
    TelnetOptions(eol="nl"),
    TelnetOptions(mode="fast"),
    TelnetOptions(charset=""),
    TelnetOptions(charset="a;b"),
    TelnetOptions(charset="a b"),
    TelnetOptions(charset="ütf"),
]


@pytest.mark.parametrize("options", REFUSED)
def test_refused(options: TelnetOptions) -> None:
    with pytest.raises(UsageError):
        TelnetCodec(options)


def test_other_variables_may_start_with_a_hyphen() -> None:
    TelnetCodec(TelnetOptions(env={"LESS": "-R", "USER": "joe-x"}))


def test_bytes_of_the_environment_that_are_not_utf_8_go_out_as_they_came() -> None:
    codec = TelnetCodec(TelnetOptions(env={"X": "\udcff→"}))
    assert hear(codec, unhex("FFFD27 FFFA2701FFF0")).sent.endswith(b"\x03X\x01\xff\xff\xe2\x86\x92\xff\xf0")


@pytest.mark.parametrize(
    ("name", "charset", "bits"),
    [
        ("XTERM-256COLOR", "UTF-8", 1 + 4 + 8),
        ("XTERM", "utf-8", 1 + 4),
        ("XTERM", "ISO-8859-1", 1),
        ("XTERM-DIRECT", "UTF-8", 1 + 4 + 8 + 256),
        ("DUMB", "UTF-8", 4),
        ("UNKNOWN", "US-ASCII", 0),
    ],
)
def test_mtts(name: str, charset: str, bits: int) -> None:
    assert mtts(name, charset) == bits


@pytest.mark.parametrize(
    "heard", ["FFFD2A FFFA2A025554462D38FFF0", "FFFD2A FFFA2A027574662D38FFF0", "FFFB2A FFFA2A013B5554462D38FFF0"]
)
def test_a_character_set_both_have(heard: str) -> None:
    (event,) = hear(TelnetCodec(XTERM), unhex(heard)).only(EncodingChanged)
    assert event.charset.upper() == "UTF-8"


@pytest.mark.parametrize("heard", ["FFFD2A FFFA2A024C4154494E31FFF0", "FFFD2A FFFA2A03FFF0", "FFFA2A025554462D38FFF0"])
def test_a_character_set_that_we_did_not_offer(heard: str) -> None:
    assert hear(TelnetCodec(XTERM), unhex(heard)).only(EncodingChanged) == []


@pytest.mark.parametrize(
    ("text", "code"), [("echo", 1), ("ECHO", 1), ("new-environ", 39), ("0", 0), ("255", 255), ("MCCP2", 86)]
)
def test_options_by_name(text: str, code: int) -> None:
    assert tn.parse_option(text) == code


@pytest.mark.parametrize("text", ["", "256", "-1", "no", "١", "0x1", "0001"])
def test_no_such_option(text: str) -> None:
    with pytest.raises(UsageError, match="no such telnet option"):
        tn.parse_option(text)


def test_names_are_for_people() -> None:
    assert [tn.option_name(code) for code in (1, 99)] == ["ECHO", "99"]
