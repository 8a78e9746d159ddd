"""Events as sentences for the user. What the peer put into an event is escaped, so the text is safe for a terminal."""

from __future__ import annotations

from typing import Final

from sockcli.base.escaping import printable
from sockcli.base.formatting import counted
from sockcli.telnet import events as ev
from sockcli.telnet.constants import GMCP, MSDP, MSSP, option_name

# Options in which a server tells about a game or about itself. No program acts on them, so they are shown.
_FOR_PEOPLE: Final = frozenset({MSDP, MSSP, GMCP})
# Bytes of such a message that are shown. It may have 64 KiB, and its start says what it is about.
_SHOWN: Final = 1_000


def describe(event: object) -> str | None:
    """A sentence; None for events that need none: data, what the session shows by itself, what was acted on."""
    match event:
        case ev.TelnetWarning():
            return event.text
        case ev.OptionChanged():
            return f"{_whose(event.side)} {option_name(event.option)} is {'on' if event.enabled else 'off'}"
        case ev.OptionRefused():
            return f"the peer refused {option_name(event.option)}"
        case ev.EncodingChanged():
            return f"the peer agreed on {printable(event.charset)}"
        case ev.ComPort():
            return f"serial port: {event.name} {printable(str(event.value))}"
        case ev.Subnegotiation() if event.option in _FOR_PEOPLE:
            return f"{option_name(event.option)} {_start_of(event.body)}"
        case _:
            return None


def _whose(side: ev.Side) -> str:
    return "our" if side is ev.Side.US else "the peer's"


def _start_of(body: bytes) -> str:
    text = printable(body[:_SHOWN].decode("utf-8", "surrogateescape"))
    left = len(body) - _SHOWN
    return text if left <= 0 else f"{text}… and {counted(left, 'byte')} more"
