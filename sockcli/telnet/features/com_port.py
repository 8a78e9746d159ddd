"""COM-PORT (RFC 2217), the client's part: set up the serial port behind the server, report what the server says of it,
and stop sending while the server says so.

The server's codes are the client's plus 100 (RFC 2217 section 2).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sockcli.base.escaping import quoted
from sockcli.errors import UsageError
from sockcli.telnet.constants import COM_PORT
from sockcli.telnet.events import ComPort, Side, TelnetWarning
from sockcli.telnet.features.feature import Effects, OutboundSubnegotiation

_SIGNATURE = 0
_SET_BAUDRATE, _SET_DATASIZE, _SET_PARITY, _SET_STOPSIZE = 1, 2, 3, 4
_SUSPEND, _RESUME = 8, 9
_FROM_SERVER = 100


class _Notice(NamedTuple):
    """What the server may report: our name for it, and how many bytes the number behind its code has."""

    name: str
    width: int


_NOTICES: Final = {
    _SET_BAUDRATE: _Notice("baudrate", 4),
    _SET_DATASIZE: _Notice("datasize", 1),
    _SET_PARITY: _Notice("parity", 1),
    _SET_STOPSIZE: _Notice("stopsize", 1),
    5: _Notice("control", 1),
    6: _Notice("linestate", 1),
    7: _Notice("modemstate", 1),
    _SUSPEND: _Notice("suspend", 0),
    _RESUME: _Notice("resume", 0),
    10: _Notice("linestate-mask", 1),
    11: _Notice("modemstate-mask", 1),
    12: _Notice("purge", 1),
}
_PARITIES: Final = {"n": 1, "o": 2, "e": 3, "m": 4, "s": 5}
_STOPSIZES: Final = {"1": 1, "2": 2, "1.5": 3}
_SETTINGS: Final = (
    r"(?P<speed>[1-9][0-9]{0,9})?(?:(?:^|(?<=[0-9]),)(?P<data>[5-8])(?P<parity>[noems])(?P<stop>1\.5|1|2))?"
)


class ComSettings(NamedTuple):
    """The settings to ask for, as RFC 2217 numbers them. 0 means: leave this one as it is."""

    baudrate: int = 0
    datasize: int = 0
    parity: int = 0
    stopsize: int = 0

    def requests(self) -> dict[int, int]:
        """The numbers to send, by the code of the command that carries each."""
        numbered = enumerate(self, start=_SET_BAUDRATE)
        return {code: number for code, number in numbered if number}


def parse_com(text: str) -> ComSettings:
    """`115200,8n1` or one half of it; the empty text and `on` set nothing. Raises UsageError."""
    if text in ("", "on"):
        return ComSettings()
    match = re.fullmatch(_SETTINGS, text.lower())
    if match is None or int(match["speed"] or 0) >= 2**32:
        raise _bad_settings(text)
    speed = int(match["speed"] or 0)
    if match["data"] is None:
        return ComSettings(speed)
    return ComSettings(speed, int(match["data"]), _PARITIES[match["parity"]], _STOPSIZES[match["stop"]])


def _bad_settings(text: str) -> UsageError:
    return UsageError(
        f"no settings for a serial port: {quoted(text)}",
        hint="for example 115200,8n1: the speed, 5 to 8 data bits, parity n, o, e, m or s, 1, 1.5 or 2 stop bits",
    )


class SerialPort:
    """`suspended` is True while the server wants no data (FLOWCONTROL-SUSPEND until FLOWCONTROL-RESUME)."""

    def __init__(self, settings: ComSettings) -> None:
        self.settings = settings
        self._unconfirmed = settings.requests()
        self.suspended = False

    def start(self, side: Side) -> Effects:
        self.suspended = False
        if side is Side.US:
            for code, number in self.settings.requests().items():
                yield OutboundSubnegotiation(COM_PORT, bytes([code]) + number.to_bytes(_NOTICES[code].width, "big"))

    def receive(self, body: bytes) -> Effects:
        code = (body[0] if body else 0) - _FROM_SERVER
        if code == _SIGNATURE:
            yield from self._signature(body[1:])
        notice = _NOTICES.get(code)
        if notice is None or len(body) - 1 != notice.width:
            return
        number = int.from_bytes(body[1:], "big")
        if code in (_SUSPEND, _RESUME):
            self.suspended = code == _SUSPEND
        yield ComPort(notice.name, number)
        # Only the first report of a setting answers our request. Later ones may be somebody else's change.
        asked = self._unconfirmed.pop(code, number)
        if number != asked:
            yield TelnetWarning(f"the serial port's {notice.name} is {number}, not {asked} as asked for")

    def _signature(self, text: bytes) -> Effects:
        # RFC 2217 section 2: a signature without a text asks for ours.
        if text:
            yield ComPort("signature", text.decode("ascii", "backslashreplace"))
        else:
            yield OutboundSubnegotiation(COM_PORT, bytes([_SIGNATURE]) + b"sockcli")
