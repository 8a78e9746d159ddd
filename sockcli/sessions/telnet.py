"""Telnet on a session of a terminal's: the codec that it gets, and what is told of what the codec found."""

from __future__ import annotations

import os
from typing import Final

from sockcli.base.endpoint import Operation
from sockcli.sessions.settings import SessionSettings
from sockcli.sessions.targets import TcpTarget
from sockcli.telnet import Side, TelnetCodec
from sockcli.telnet import events as ev
from sockcli.telnet.constants import option_name
from sockcli.telnet.wording import describe

TELNET_PORT: Final = 23

# The verbs of `telnet VERB OPTION`: whose side, and on or off.
REQUESTS: Final = {
    "do": (Side.PEER, True),
    "dont": (Side.PEER, False),
    "will": (Side.US, True),
    "wont": (Side.US, False),
}


def codec_for(target: TcpTarget, settings: SessionSettings, size: tuple[int, int] | None) -> TelnetCodec | None:
    """None where telnet is never spoken."""
    if target.telnet == "off":
        return None
    # BSD's rule: unsolicited options are typed into some consoles as text, so only port 23 hears them from us first.
    piped = target.telnet == "piped"
    telnet_port = target.request.operation is Operation.TCP_CONNECT and target.request.port == TELNET_PORT
    initiate = telnet_port and not piped
    options = target.telnet_options._replace(
        terminal_type=os.environ.get("TERM", ""),
        size=size,
        eol=None if settings.eol == "auto" else settings.eol,
        mode="piped" if piped else "auto",
        initiate=initiate,
    )
    return TelnetCodec(options, active=initiate or target.telnet != "auto")


def worth_telling(event: object) -> str | None:
    """A sentence for the user, where the event is one that nothing else shows."""
    told = (ev.TelnetWarning, ev.OptionRefused, ev.EncodingChanged, ev.ComPort)
    return describe(event) if isinstance(event, told) else None


def spoken(codec: TelnetCodec) -> list[tuple[str, str]]:
    """For `status`: the mode, and the options of both sides."""
    mode = "character" if codec.character_mode else "line"
    rows = [("telnet", f"{mode} mode, echo by {'us' if codec.local_echo else 'the peer'}")]
    for option, us, peer in codec.status():
        rows.append((f"  {option_name(option)}", f"ours {us.value}, theirs {peer.value}"))
    return rows
