"""The events that the codec makes of the peer's bytes.

Compare their types as well as their values: a named tuple equals any other one with the same fields.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias


class Side(Enum):
    """An option is on or off for each side by itself (RFC 854).

    US: what we do. We say WILL or WONT, the peer DO or DONT. PEER: what the peer does, with the verbs exchanged.
    """

    __hash__ = object.__hash__  # Enum's own is not written in C, and every negotiation looks sides up

    US = "us"
    PEER = "peer"


class Data(NamedTuple):
    """Data of the peer's, at least one byte, without commands, doubled IACs and CR NUL."""

    data: bytes


class CommandReceived(NamedTuple):
    """A command of two bytes that the codec does not answer: NOP, AYT, DM, or an unknown one."""

    code: int


class Prompt(NamedTuple):
    """The peer sent IAC EOR (RFC 885) or IAC GA (RFC 854): it waits for input. Show what came before."""

    code: int


class Subnegotiation(NamedTuple):
    """IAC SB option body IAC SE, with doubled IACs made single.

    The event comes for every one, also where a feature answered it, and where the option is off.
    """

    option: int
    body: bytes


class OptionChanged(NamedTuple):
    """An option went on or off on this side."""

    option: int
    side: Side
    enabled: bool


class OptionRefused(NamedTuple):
    """The peer answered no to an option that we asked for."""

    option: int
    side: Side


class ModeChanged(NamedTuple):
    """`character`: send each key as it is typed. `local_echo`: show what is typed, because the peer does not."""

    character: bool
    local_echo: bool


class EncodingChanged(NamedTuple):
    """Both ends agreed on this character set (RFC 2066)."""

    charset: str


class ComPort(NamedTuple):
    """The server reported something of its serial port (RFC 2217). A signature is text, all else a number."""

    name: str
    value: int | str


class TimingMark(NamedTuple):
    """The peer's answer to our DO TIMING-MARK (RFC 860); `done` is False where it answered WONT."""

    done: bool


class Activated(NamedTuple):
    """The peer's first negotiation arrived, about this option: the connection speaks telnet from here on."""

    option: int


class TelnetWarning(NamedTuple):
    """A warning for the user. The text is ours: no byte of the peer's is in it."""

    text: str


Event: TypeAlias = (
    Data
    | CommandReceived
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
