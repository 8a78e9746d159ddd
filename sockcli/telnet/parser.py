"""Bytes to tokens: data, commands, negotiations and subnegotiations (RFC 854 and 855).

A token is the bytes of one of these as they were on the wire, and `interpret` says what it means. So a caller that has
met a token before need not interpret it again, and tokens that were no telnet after all (where compression starts) can
be joined to what was received.

The meaning of options is not known here, and nothing is answered. A read may end anywhere: the tokens are the same for
every cut, but for data, which may come in more pieces. No loop goes over bytes; text without IAC costs one search.
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

# Data and doubled IACs, up to a single IAC. The quantifiers are possessive: otherwise the matcher would store a place
# to go back to for every IAC of a megabyte of them. The group looks ahead before it takes anything, because Python up
# to 3.11.4 does not give back what a possessive group took before it failed (CPython issue 106052).
_DATA: Final = rb"[^\xff]*+(?:(?=\xff\xff)..[^\xff]*+)*+"
_RUN: Final = re.compile(_DATA, re.DOTALL)
_TOKEN: Final = re.compile(
    rb"[^\xff]++(?:(?=\xff\xff)..[^\xff]*+)*+"  # data
    rb"|\xff[\xfb-\xfe]."  # negotiation
    rb"|\xff[^\xfa-\xff]"  # command
    rb"|(?:(?=\xff\xff)..[^\xff]*+)++"  # data that starts with a doubled IAC
    rb"|\xff\xfa"
    + _DATA
    + rb"(?:\xff\xf0|(?=\xff[^\xf0\xff]))"  # subnegotiation, or what came before it was broken off
    rb"|\xff.*",  # the end of the input, which is not complete
    re.DOTALL,
)

# They stand for a subnegotiation whose body was over the limit and was not kept; the second was broken off besides.
# No other token ends in a single IAC.
_OVERSIZED: Final = bytes([IAC, SB, IAC])
_BROKEN_OFF: Final = bytes([IAC, SB])

# Made once, so that each command of a flood costs one pointer.
_COMMANDS: Final = tuple(CommandReceived(code) for code in range(256))


class Negotiation(NamedTuple):
    """IAC, one of WILL, WONT, DO and DONT, and an option."""

    verb: int
    option: int


class Oversized(NamedTuple):
    """A subnegotiation whose body was over the limit."""


Meaning: TypeAlias = bytes | CommandReceived | Negotiation | Subnegotiation | Oversized


def is_data(token: bytes) -> bool:
    return token[0] != IAC or token[1] == IAC


def interpret(token: bytes) -> Meaning | None:
    """What a token means; None for a subnegotiation that is empty, or was broken off by another command."""
    if is_data(token):
        return token.replace(IAC_IAC, IAC_BYTE) if IAC_BYTE in token else token
    code = token[1]
    if code in VERBS:
        return Negotiation(code, token[2])
    return _subnegotiation(token) if code == SB else _COMMANDS[code]


def _subnegotiation(token: bytes) -> Subnegotiation | Oversized | None:
    if token == _OVERSIZED:
        return Oversized()
    if not _ends_body(token):
        # IAC SE was lost, or never sent. What came of the body is dropped, and the command that follows is obeyed.
        return None
    body = token[2:-2].replace(IAC_IAC, IAC_BYTE)
    if not body:
        return None
    return Oversized() if len(body) - 1 > _body_limit(body[0]) else Subnegotiation(body[0], body[1:])


def _body_limit(option: int) -> int:
    return _BODY_LIMITS.get(option, BODY_LIMIT)


class TelnetParser:
    """`feed` a chunk, then `take` tokens until there is none.

    What was fed is cut into tokens by the `take` that needs it, not before: where a token starts compression, all that
    follows is something else, and `take_rest` still has it.
    """

    __slots__ = ("_body", "_input", "_next", "_over", "_scanned", "_start", "_tokens")

    def __init__(self) -> None:
        self._input = b""  # fed, and not looked at
        self._tokens: list[bytes] = []
        self._next = 0  # the first of the tokens that was not taken
        self._start = b""  # a command or negotiation, as far as it came
        # A subnegotiation as far as it came, IAC SB included; up to `_scanned` its end was searched for.
        self._body = bytearray()
        self._scanned = 0
        self._over = False  # its body was over the limit, and is not kept

    @property
    def mid_command(self) -> bool:
        """Whether what was taken so far ends within a command or a subnegotiation."""
        return bool(self._start or self._body)

    @property
    def pending(self) -> bool:
        """Whether there is input that `take` has not looked at, or a token that was not taken."""
        return bool(self._input) or self._next < len(self._tokens)

    def feed(self, data: bytes) -> None:
        """More input, behind what was fed and not yet taken."""
        self._input = self._input + data if self._input else data

    def take(self, most: int) -> list[bytes]:
        """The next tokens, `most` of them or fewer; none where the input has no complete one."""
        if self._next >= len(self._tokens):
            data, self._input = self._input, b""
            self._tokens, self._next = self._cut(data), 0
        tokens = self._tokens[self._next : self._next + most]
        self._next += len(tokens)
        if self._next == len(self._tokens):
            self._tokens, self._next = [], 0
        return tokens

    def take_rest(self) -> bytes:
        """Remove and return everything that was not taken, as it was on the wire."""
        rest = b"".join((*self._tokens[self._next :], self._start, self._body, self._input))
        self._tokens, self._next, self._input = [], 0, b""
        self._start, self._body = b"", bytearray()
        return rest

    def _cut(self, data: bytes) -> list[bytes]:
        """Cut input into tokens; what is not complete at its end is kept for the next time."""
        if not data:
            return []
        tokens = []
        if self._body:
            token, data = self._continue_body(data)
            tokens += token
        if self._start:
            data, self._start = self._start + data, b""
        if IAC_BYTE not in data:
            return [*tokens, data] if data else tokens
        tokens += _TOKEN.findall(data)
        last = tokens[-1]
        if last[0] != IAC or (len(last) > 1 and last[1] == IAC):
            return tokens
        if len(last) == 1 or (len(last) == 2 and last[1] in VERBS):
            self._start = tokens.pop()
        elif last[1] == SB and not _ends_body(last):
            self._body, self._scanned, self._over = bytearray(tokens.pop()), 2, False
            self._scan()
        return tokens

    def _continue_body(self, data: bytes) -> tuple[list[bytes], bytes]:
        """(the subnegotiation if this completes it, what follows it)."""
        self._body += data
        end = self._scan()
        if end + 1 >= len(self._body):
            self._forget_if_over()
            return [], b""
        broken_off = self._body[end + 1] != SE
        end += 0 if broken_off else 2
        token, rest = bytes(self._body[:end]), bytes(self._body[end:])
        if self._over:
            token = _BROKEN_OFF if broken_off else _OVERSIZED
        self._body = bytearray()
        return [token], rest

    def _scan(self) -> int:
        """Where the next single IAC in the body is, or where the body ends."""
        run = _RUN.match(self._body, self._scanned)
        assert run is not None  # it matches the empty run, too
        self._scanned = run.end()
        return self._scanned

    def _forget_if_over(self) -> None:
        # Doubled IACs can make it twice as long as it is.
        if self._over or len(self._body) > 2 * (_body_limit(self._body[2]) + 2):
            self._over = True
            del self._body[2 : self._scanned]
            self._scanned = 2


def _ends_body(token: bytes) -> bool:
    """Whether a token that starts with IAC SB ends in IAC SE, whose IAC is not the second of a doubled one."""
    return token.endswith(bytes([IAC, SE])) and _RUN.fullmatch(token, 2, len(token) - 2) is not None
