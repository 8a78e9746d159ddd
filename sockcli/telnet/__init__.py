"""Telnet without I/O: `TelnetCodec` turns a peer's bytes into events and answers, and ours into what to send."""

from __future__ import annotations

from sockcli.telnet.codec import TelnetCodec
from sockcli.telnet.events import Event, Side
from sockcli.telnet.options import TelnetOptions

__all__ = ["Event", "Side", "TelnetCodec", "TelnetOptions"]
