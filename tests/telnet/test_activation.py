"""Before the peer's first negotiation, nothing is telnet: bytes pass as they are, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.errors import UsageError
from sockcli.telnet import Side, TelnetCodec
from sockcli.telnet.events import Activated, Data
from tests.telnet.talk import XTERM, bytewise, drain, hear, typed, unhex

RAW = ["61FF62", "FFFF", "FFFFFD18", "FFFFFFFF", "FFFBFF", "FFF1FFF6FFFA1801FFF0", "FE010D000D0A", "FFFFFFFFFB01"]


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("raw", RAW)
def test_what_is_no_negotiation_is_data(raw: str, cut: object) -> None:
    assert callable(cut)
    codec = TelnetCodec(XTERM, active=False)
    heard = hear(codec, cut(unhex(raw)))
    codec.receive_eof()
    assert heard.data + b"".join(event.data for event in drain(codec) if isinstance(event, Data)) == unhex(raw)
    assert heard.sent == b""
    assert not codec.active


def test_only_what_may_become_a_negotiation_is_held() -> None:
    codec = TelnetCodec(XTERM, active=False)
    assert [hear(codec, piece).data for piece in (b"a\xff", b"\xf1", b"\xff", b"\xfd", b"\xff", b"a")] == [
        b"a",
        b"\xff\xf1",
        b"",
        b"",
        b"\xff\xfd",
        b"\xffa",
    ]


START = [
    ("FFFD18", b"", "FFFB18"),
    ("6162FFFD1863", b"abc", "FFFB18"),
    ("61FFFF62FFFD18 FFFF0D00", b"a\xff\xffb\xff\r", "FFFB18"),
    ("0D00FFFB010D00", b"\r\0\r", "FFFD01"),
    ("FFFFFFFB01", b"\xff\xff", "FFFD01"),
    ("FFFBFFFB01", b"\xff\xfb", "FFFD01"),
    ("FFFC01FFFD63", b"", "FFFC63"),
    ("FF6162FFFE01", b"\xffab", ""),
]


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "byte by byte"])
@pytest.mark.parametrize(("heard", "data", "answer"), START)
def test_the_first_negotiation_starts_telnet(heard: str, data: bytes, answer: str, cut: object) -> None:
    assert callable(cut)
    codec = TelnetCodec(XTERM, active=False)
    result = hear(codec, cut(unhex(heard)))
    assert result.data == data
    assert result.sent == unhex(answer)
    assert codec.active
    assert len(result.only(Activated)) == 1


def test_what_is_sent_is_changed_only_once_telnet_is_spoken() -> None:
    codec = TelnetCodec(XTERM._replace(initiate=False), active=False)
    codec.send_data(b"a\xff\n\r")
    codec.send_enter()
    codec.send_eof()
    assert codec.data_to_send() == b"a\xff\n\r\n"
    hear(codec, unhex("FFFD18"))
    codec.send_data(b"a\xff\n")
    assert codec.data_to_send() == b"a\xff\xff\r\n"


def test_commands_need_telnet() -> None:
    codec = TelnetCodec(active=False)
    with pytest.raises(UsageError, match="not spoken"):
        codec.interrupt()
    with pytest.raises(UsageError, match="not spoken"):
        codec.send_command("ayt")
    with pytest.raises(UsageError, match="not spoken"):
        codec.request(1, Side.PEER, enable=True)
    codec.resize(80, 24)
    assert codec.data_to_send() == b""


@given(data=st.lists(st.sampled_from([0, 13, 65, 24, 250, 251, 253, 255])).map(bytes))
def test_any_cut_gives_the_same(data: bytes) -> None:
    def through(chunks: list[bytes]) -> tuple[object, ...]:
        codec = TelnetCodec(XTERM, active=False)
        heard = hear(codec, chunks)
        codec.receive_eof()
        rest = list(drain(codec))
        tail = b"".join(event.data for event in rest if isinstance(event, Data))
        others = [entry for entry in typed([*heard.events, *rest]) if entry[0] != "Data"]
        return heard.data + tail, heard.sent, others, codec.active

    assert through([data]) == through(bytewise(data))
