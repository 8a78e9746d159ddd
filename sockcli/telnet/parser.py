"""Bytes to tokens: data, commands, negotiations, subnegotiations (RFC 854, 855).

This file knows no option's meaning and gives no answers. State survives any split, so where a read ended
never shows. Clean text costs one `find`; no loop goes over bytes.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from sockcli.telnet.constants import GMCP, IAC, IAC_BYTE, IAC_IAC, MSDP, MSSP, SB, SE, VERBS
from sockcli.telnet.events import Command, Subnegotiation

# The longest that any option of ours has a use for is a list of character sets or of environment names.
BODY_LIMIT: Final = 8 * 1024
# MUD clients meet whole room and inventory listings in these.
_BODY_LIMITS: Final = {MSDP: 64 * 1024, MSSP: 64 * 1024, GMCP: 64 * 1024}

# Data and doubled IACs, up to a single IAC. Possessive, or a megabyte of IACs would be a megabyte of
# places to backtrack to.
_RUN: Final = re.compile(rb"[^\xff]*+(?:\xff\xff[^\xff]*+)*+")

# One object for each command, so that a flood of them costs a pointer apiece.
_COMMANDS: Final = tuple(Command(code) for code in range(256))


class Negotiation(NamedTuple):
    verb: int
    option: int


class Oversized(NamedTuple):
    """A subnegotiation that was over the limit, now at its end. Nothing of it was kept."""

    option: int


Token: TypeAlias = bytes | Command | Negotiation | Subnegotiation | Oversized


class Parser:
    """`feed` a chunk, then take tokens until there is none. Data tokens are bytes, never empty."""

    __slots__ = ("_body", "_buffer", "_over", "_position", "_state", "_verb")

    def __init__(self) -> None:
        self._buffer = b""
        self._position = 0
        self._state = _DATA
        self._verb = 0
        self._body = bytearray()  # of a subnegotiation, the option first
        self._over = False

    @property
    def mid_command(self) -> bool:
        """Whether what came so far ends within a command or a subnegotiation."""
        return self._state != _DATA

    def feed(self, data: bytes) -> None:
        """More input. What was fed before is to be taken first."""
        self._buffer = self.take_rest() + data if self._buffer else data

    def take_rest(self) -> bytes:
        """What was fed and not yet looked at; the parser forgets it. For MCCP, where it is zlib already."""
        rest = self._buffer[self._position :]
        self._buffer, self._position = b"", 0
        return rest

    def next_token(self) -> Token | None:
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
            # The end of it was lost, or never sent. The command is the only thing left to hold on to.
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
        assert run is not None  # it matches the empty run as well
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
    Parser._in_data,
    Parser._in_command,
    Parser._in_option,
    Parser._in_body,
    Parser._in_body_command,
)
