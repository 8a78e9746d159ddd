"""A conversation with the codec, as the tests write it down: hex, with spaces where they help to read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from sockcli.telnet import Event, TelnetCodec, TelnetOptions
from sockcli.telnet.events import Data

T = TypeVar("T")

XTERM = TelnetOptions(terminal_type="xterm-256color", size=(80, 24))


class Heard(NamedTuple):
    data: bytes
    sent: bytes
    events: list[Event]

    def only(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


def drain(codec: TelnetCodec) -> Iterator[Event]:
    while codec.pending:
        yield from codec.events_received()


def hear(codec: TelnetCodec, chunks: Iterable[bytes] | bytes) -> Heard:
    """Feed the chunks as a relay does: events first, then what is to be sent."""
    events: list[Event] = []
    sent = codec.data_to_send()
    for chunk in [chunks] if isinstance(chunks, bytes) else chunks:
        codec.receive_data(chunk)
        events += drain(codec)
        sent += codec.data_to_send()
    return Heard(b"".join(event.data for event in events if isinstance(event, Data)), sent, merged(events))


def merged(events: Iterable[Event]) -> list[Event]:
    """The same events with neighbouring data joined: where data was cut is nobody's business."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, Data) and result and isinstance(result[-1], Data):
            result[-1] = Data(result[-1].data + event.data)
        else:
            result.append(event)
    return result


def typed(events: Iterable[Event]) -> list[tuple[str, Event]]:
    """For comparisons: named tuples of different types can be equal."""
    return [(type(event).__name__, event) for event in events]


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)
