"""What a telnet peer's bytes mean to whoever sits above the codec.

Named tuples compare as tuples do, so tell events apart by their type. `repr` shows everything.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias


class Side(Enum):
    """Whose end of an option: ours (WILL, WONT; the peer says DO, DONT) or the peer's (the other way round)."""

    US = "us"
    PEER = "peer"


class Data(NamedTuple):
    """The peer's bytes, with nothing of telnet left in them; never empty."""

    data: bytes


class Command(NamedTuple):
    """A command that carries nothing: NOP, AYT, DM, an unknown one. It asks for no answer."""

    code: int


class Prompt(NamedTuple):
    """The peer now waits for input: it sent IAC EOR or IAC GA. What came before should be shown."""

    code: int


class Subnegotiation(NamedTuple):
    """The body of IAC SB … IAC SE, doubled IACs undone. Sent on even where it was acted on, or the option is off."""

    option: int
    body: bytes


class OptionChanged(NamedTuple):
    option: int
    side: Side
    enabled: bool


class OptionRefused(NamedTuple):
    """The peer will not have an option that we asked for."""

    option: int
    side: Side


class ModeChanged(NamedTuple):
    """`character`: each key is to be sent as it is typed. `local_echo`: we show what is typed, as the peer does not."""

    character: bool
    local_echo: bool


class EncodingChanged(NamedTuple):
    """Both ends agreed on a character set (RFC 2066), in the spelling that was agreed on."""

    charset: str


class ComPort(NamedTuple):
    """The server said something about its serial port (RFC 2217). A signature is text, the rest are numbers."""

    name: str
    value: int | str


class TimingMark(NamedTuple):
    """The peer's answer to a DO TIMING-MARK of ours; `done` is False where it does not know the option."""

    done: bool


class Activated(NamedTuple):
    """The peer's first negotiation arrived, so the connection is telnet from here on."""

    option: int


class TelnetWarning(NamedTuple):
    """Something the user should know, in our own words: nothing of the peer's is in it."""

    text: str


Event: TypeAlias = (
    Data
    | Command
    | Prompt
    | Subnegotiation
    | OptionChanged
    | OptionRefused
    | ModeChanged
    | EncodingChanged
    | ComPort
    | TimingMark
    | Activated
    | TelnetWarning
)
