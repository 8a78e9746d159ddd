"""The lines of --json: their shapes, and that no byte is lost between them."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sockcli.base.endpoint import Address, Host
from sockcli.errors import Denied, Interrupted, Unreachable
from sockcli.stdio.json_events import JsonEvents
from tests.transfer.relaying import grant

PEER = Address(Host.parse("127.0.0.1"), 4000)
NOW = 1764000000.1239


def events(data: bytes) -> list[dict[str, Any]]:
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def content(event: dict[str, Any]) -> bytes:
    piece = event["text"].encode() if "text" in event else base64.b64decode(event["base64"], validate=True)
    assert event["length"] == len(piece)
    assert ("text" in event) != ("base64" in event)
    return piece


def test_the_shapes() -> None:
    json_events = JsonEvents(clock=lambda: NOW)
    assert json_events.connect(grant(), PEER) == (
        b'{"event": "connect", "time": 1764000000.124, "operation": "tcp-connect", '
        b'"endpoint": "127.0.0.1:4000", "address": "127.0.0.1:4000", "rule": "tcp-connect:*:*"}\n'
    )
    assert json_events.feed(b"hello") == (
        b'{"event": "receive", "time": 1764000000.124, "length": 5, "text": "hello"}\n'
    )
    assert json_events.feed(b"\xff") == b'{"event": "receive", "time": 1764000000.124, "length": 1, "base64": "/w=="}\n'
    assert json_events.datagram(b"pong", PEER) == (
        b'{"event": "receive", "time": 1764000000.124, "length": 4, "text": "pong", "from": "127.0.0.1:4000"}\n'
    )
    assert json_events.close("peer", 10, 5, 0) == (
        b'{"event": "close", "time": 1764000000.124, "reason": "peer", "sent": 10, "received": 5, "exit": 0}\n'
    )
    assert json_events.error(Unreachable("refused \udcff\x1b")) == (
        b'{"event": "error", "kind": "unreachable", "message": "refused \\\\xff\\u001b", "exit": 6}\n'
    )


def test_the_errors_that_have_codes_and_sentences_of_their_own() -> None:
    denied = json.loads(JsonEvents().error(Denied("tcp-connect", "a:1", "no rule covers it")))
    assert (denied["kind"], denied["exit"]) == ("denied", 3)
    assert "a:1" in denied["message"]
    assert json.loads(JsonEvents().error(Interrupted(15)))["exit"] == 143


def test_a_split_character_waits_for_its_rest() -> None:
    json_events = JsonEvents()
    euro = "€".encode()
    assert [event["text"] for event in events(json_events.feed(b"a" + euro[:1]))] == ["a"]
    assert json_events.feed(euro[1:2]) == b""
    assert [content(event) for event in events(json_events.feed(euro[2:] + b"b"))] == [euro + b"b"]
    assert json_events.finish() == b""


def test_a_character_that_never_gets_its_rest_is_not_lost() -> None:
    json_events = JsonEvents()
    json_events.feed(b"a\xe2\x82")
    (last,) = events(json_events.finish())
    assert base64.b64decode(last["base64"]) == b"\xe2\x82"
    # The next peer of -k starts anew.
    assert [content(event) for event in events(json_events.feed(b"b"))] == [b"b"]


@given(st.lists(st.one_of(st.binary(max_size=6), st.text(max_size=3).map(str.encode)), max_size=12))
def test_no_byte_is_lost_whatever_comes(chunks: list[bytes]) -> None:
    json_events = JsonEvents()
    lines = b"".join(json_events.feed(chunk) for chunk in chunks) + json_events.finish()
    assert b"".join(map(content, events(lines))) == b"".join(chunks)
    assert all(line.isascii() and line.decode().isprintable() for line in lines.splitlines())


@given(st.text(max_size=20), st.lists(st.integers(0, 80), max_size=6))
def test_text_stays_text_however_it_is_split(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    json_events = JsonEvents()
    found = [json_events.feed(data[start:end]) for start, end in pairwise(edges)]
    assert "".join(event["text"] for event in events(b"".join(found))) == text
    assert json_events.finish() == b""


def test_a_datagram_waits_for_nothing_and_may_be_empty() -> None:
    json_events = JsonEvents()
    assert [content(event) for event in events(json_events.datagram(b"", PEER))] == [b""]
    (cut,) = events(json_events.datagram("€".encode()[:1], PEER))
    assert (content(cut), cut["from"]) == (b"\xe2", "127.0.0.1:4000")
    assert list(cut) == ["event", "time", "length", "base64", "from"]
