"""Bytes to tokens: data, commands, negotiations and subnegotiations (RFC 854 and 855).

The meaning of options is not known here, and nothing is answered. A read may end anywhere: the tokens are the same
for every cut, but for data, which may come in more pieces. No loop goes over bytes; text without IAC costs one `find`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from sockcli.telnet.constants import GMCP, IAC, IAC_BYTE, IAC_IAC, MSDP, MSSP, SB, SE, VERBS
from sockcli.telnet.events import CommandReceived, Subnegotiation

# Bytes of a subnegotiation's body. The longest that our options need are lists of character sets or of variables.
BODY_LIMIT: Final = 8 * 1024
# Game servers send whole listings of rooms and inventories in these.
_BODY_LIMITS: Final = {MSDP: 64 * 1024, MSSP: 64 * 1024, GMCP: 64 * 1024}

# Data and doubled IACs, up to a single IAC. The quantifiers are possessive: without it, the matcher would store a place
# to go back to for every IAC of a megabyte of them.
_RUN: Final = re.compile(rb"[^\xff]*+(?:\xff\xff[^\xff]*+)*+")

# Made once, so that each command of a flood costs one pointer.
_COMMANDS: Final = tuple(CommandReceived(code) for code in range(256))


class Negotiation(NamedTuple):
    """IAC, one of WILL, WONT, DO and DONT, and an option."""

    verb: int
    option: int


class Oversized(NamedTuple):
    """The end of a subnegotiation whose body was over the limit, and was not kept."""

    option: int


Token: TypeAlias = bytes | CommandReceived | Negotiation | Subnegotiation | Oversized


class TelnetParser:
    """`feed` a chunk, then take tokens until there is none. Data tokens are bytes, at least one.

    It is always in one of five states: in data, after IAC, after IAC and a verb, in a subnegotiation's body, and after
    an IAC there. Each has a method in `_STEPS`, which takes what it can and sets the next state.
    """

    __slots__ = ("_body", "_buffer", "_over", "_position", "_state", "_verb")

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0
        self._state = _DATA
        self._verb = 0
        self._body = bytearray()  # the option, then the body of the subnegotiation
        self._over = False  # the body was over its limit, and only the option was kept

    @property
    def mid_command(self) -> bool:
        """Whether what was fed so far ends within a command or a subnegotiation."""
        return self._state != _DATA

    def feed(self, data: bytes) -> None:
        """More input, behind what was fed and not yet taken."""
        self._buffer = self.take_rest() + data if self._buffer else data

    def take_rest(self) -> bytes:
        """Remove and return what no token was made of yet. Where MCCP2 starts, it is compressed."""
        rest = self._buffer[self._position :]
        self._buffer, self._position = b"", 0
        return rest

    def next_token(self) -> Token | None:
        """The next token, or None where there is none until more is fed."""
        while self._position < len(self._buffer):
            token = _STEPS[self._state](self)
            if token is not None:
                return token
        self._buffer, self._position = b"", 0
        return None

    def _next_byte(self) -> int:
        byte = self._buffer[self._position]
        self._position += 1
        return byte

    def _in_data(self) -> Token | None:
        buffer, start = self._buffer, self._position
        at = buffer.find(IAC_BYTE, start)
        if at < 0:
            self._position = len(buffer)
            return buffer[start:] if start else buffer
        if buffer.startswith(IAC_IAC, at):
            end = self._end_of_run(at)
            self._position = end
            return buffer[start:end].replace(IAC_IAC, IAC_BYTE)
        self._position = at + 1
        self._state = _COMMAND
        return buffer[start:at] or None

    def _in_command(self) -> Token | None:
        code = self._next_byte()
        if code in VERBS:
            self._verb = code
            self._state = _OPTION
            return None
        if code == SB:
            self._drop_body()
            self._state = _BODY
            return None
        self._state = _DATA
        return IAC_BYTE if code == IAC else _COMMANDS[code]

    def _in_option(self) -> Token | None:
        self._state = _DATA
        return Negotiation(self._verb, self._next_byte())

    def _in_body(self) -> Token | None:
        start = self._position
        end = self._end_of_run(start)
        self._keep(self._buffer[start:end].replace(IAC_IAC, IAC_BYTE))
        self._position = end + 1
        if end < len(self._buffer):
            self._state = _BODY_COMMAND
        return None

    def _in_body_command(self) -> Token | None:
        code = self._buffer[self._position]
        if code == IAC:
            self._position += 1
            self._state = _BODY
            self._keep(IAC_BYTE)
            return None
        if code != SE:
            # IAC SE was lost, or never sent: drop what came of the body, and obey the command.
            self._state = _COMMAND
            self._drop_body()
            return None
        self._position += 1
        self._state = _DATA
        return self._finish_body()

    def _finish_body(self) -> Token | None:
        body, over = self._body, self._over
        self._drop_body()
        if not body:
            return None
        return Oversized(body[0]) if over else Subnegotiation(body[0], bytes(body[1:]))

    def _end_of_run(self, start: int) -> int:
        run = _RUN.match(self._buffer, start)
        assert run is not None  # it matches the empty run, too
        return run.end()

    def _keep(self, piece: bytes) -> None:
        if self._over or not piece:
            return
        self._body += piece
        if len(self._body) - 1 > _BODY_LIMITS.get(self._body[0], BODY_LIMIT):
            self._over = True
            del self._body[1:]

    def _drop_body(self) -> None:
        self._body = bytearray()
        self._over = False


_DATA, _COMMAND, _OPTION, _BODY, _BODY_COMMAND = range(5)
_STEPS: Final = (
    TelnetParser._in_data,
    TelnetParser._in_command,
    TelnetParser._in_option,
    TelnetParser._in_body,
    TelnetParser._in_body_command,
)
