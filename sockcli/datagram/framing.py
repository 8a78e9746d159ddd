"""Cutting a stream of bytes into datagrams: bytes in, datagrams out, and the same ones however the stream was split.

This file knows no socket. What was cut before a fault is still there to be sent; nothing of the faulty datagram
is, and nothing after it. What is held while a datagram is not complete has a limit, whatever comes in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple, Protocol

from sockcli.base.escaping import parse_hex, printable, unescape
from sockcli.errors import LocalFailure, SockcliError, UsageError


class MessageEncoding(Enum):
    """How the bytes of a message are written."""

    RAW = "raw"
    ESCAPES = "escapes"
    HEX = "hex"


class FrameBy(Enum):
    """What of stdin makes a datagram."""

    LINE = "line"
    ALL = "all"
    SIZE = "size"


class Framing(NamedTuple):
    """How stdin is cut, and how a line, or all of it, is read."""

    unit: FrameBy = FrameBy.LINE
    size: int = 0
    chomp: bool = False
    notation: MessageEncoding = MessageEncoding.RAW

    @classmethod
    def parse(cls, text: str, *, chomp: bool = False, notation: MessageEncoding = MessageEncoding.RAW) -> Framing:
        """`line`, `all` or a number of bytes. Raises UsageError.

        A number over a datagram's limit is no error yet: which limit holds is known once the peer's address is,
        and a shorter input fits all the same.
        """
        if text in (FrameBy.LINE.value, FrameBy.ALL.value):
            return cls(FrameBy(text), 0, chomp, notation)
        # int() alone would take "+5", "1_000" and digits of other scripts; no input is longer than 18 digits.
        if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text)):
            raise UsageError(f'--framing: "{printable(text)}" is not line, all or a number of bytes from 1')
        if chomp or notation is not MessageEncoding.RAW:
            option = "--chomp" if chomp else f"--{notation.value}"
            raise UsageError(f"{option} reads lines: it does not go with --framing {text}")
        return cls(FrameBy.SIZE, int(text))


# `\xHH`, the longest way to write one byte; a hex byte with what separates it takes three.
_WRITTEN_PER_BYTE: Final = 4
_CUT: Final = "--framing N cuts the input every N bytes"


def _without_newline(data: bytes) -> bytes:
    """`data` without the newline it ends in; CR LF is one newline, a CR alone is none."""
    if not data.endswith(b"\n"):
        return data
    return data[:-2] if data.endswith(b"\r\n") else data[:-1]


def read_message(data: bytes, *, chomp: bool = False, notation: MessageEncoding = MessageEncoding.RAW) -> bytes:
    """The datagram that one message or line means. Raises UsageError.

    In hex a newline separates, as a blank does; it is a byte of its own only where the text is taken as it stands.
    """
    if chomp:
        data = _without_newline(data)
    if notation is MessageEncoding.RAW:
        return data
    if notation is MessageEncoding.HEX:
        return parse_hex(data.decode("utf-8", "surrogateescape"))
    # The newline is not the text's: a backslash at the end of a line is not an escape of it.
    text = data[:-1] if data.endswith(b"\n") else data
    return unescape(text.decode("utf-8", "surrogateescape")) + data[len(text) :]


def read_messages(
    messages: Iterable[bytes], *, chomp: bool = False, notation: MessageEncoding = MessageEncoding.RAW
) -> list[bytes]:
    """The datagrams that the command line's messages mean. Raises UsageError, which says which message."""
    datagrams = []
    for number, message in enumerate(messages, 1):
        try:
            datagrams.append(read_message(message, chomp=chomp, notation=notation))
        except UsageError as exc:
            raise UsageError(f"message {number}: {exc}", hint=exc.hint) from exc
    return datagrams


def too_large(what: str, limit: int, *, hint: str | None = None) -> LocalFailure:
    """The error for what does not fit into one datagram; `what` is the subject, as `line 3 of the input`."""
    return LocalFailure(f"{what} does not fit into one datagram, which carries at most {limit:,} bytes", hint=hint)


class Framer(Protocol):
    """Cuts a stream into datagrams.

    `ready` has those that are complete, for the caller to take; `failure` what stops the stream behind the last
    of them. After a failure nothing is read any more.
    """

    ready: deque[bytes]
    failure: SockcliError | None

    def receive_data(self, data: bytes) -> None: ...
    def receive_eof(self) -> None: ...


def framer(framing: Framing, limit: int) -> Framer:
    """What cuts as `framing` says into datagrams of at most `limit` bytes."""
    if framing.unit is FrameBy.SIZE:
        return _SizeFramer(framing.size, limit)
    return (_LineFramer if framing.unit is FrameBy.LINE else _WholeFramer)(framing, limit)


class _SizeFramer:
    """Datagrams of a number of bytes each; the last one has what is left."""

    __slots__ = ("_held", "_limit", "_size", "failure", "ready")

    def __init__(self, size: int, limit: int) -> None:
        self.ready: deque[bytes] = deque()
        self.failure: SockcliError | None = None
        self._held = bytearray()
        self._size = size
        self._limit = limit

    def receive_data(self, data: bytes) -> None:
        if self.failure is not None:
            return
        self._held += data
        whole = len(self._held) - len(self._held) % self._size
        if self._size <= self._limit:
            with memoryview(self._held) as view:
                self.ready.extend(bytes(view[start : start + self._size]) for start in range(0, whole, self._size))
            del self._held[:whole]
        elif len(self._held) > self._limit:
            self.failure = too_large(f"a piece of {self._size:,} bytes", self._limit)
            self._held.clear()

    def receive_eof(self) -> None:
        if self._held:
            self.ready.append(bytes(self._held))
            self._held.clear()


class _LineFramer:
    """A datagram a line. The last line counts without a newline too."""

    __slots__ = ("_framing", "_held", "_held_size", "_limit", "_longest", "_number", "failure", "ready")

    def __init__(self, framing: Framing, limit: int) -> None:
        self.ready: deque[bytes] = deque()
        self.failure: SockcliError | None = None
        self._framing = framing
        self._limit = limit
        self._longest = _longest_written(framing, limit)
        # Pieces, joined once: a long line that comes byte by byte would else be copied as often.
        self._held: list[bytes] = []
        self._held_size = 0
        self._number = 0

    def receive_data(self, data: bytes) -> None:
        if self.failure is not None:
            return
        first, *rest = data.split(b"\n")
        self._hold(first)
        for piece in rest:
            self._end_line(b"\n")
            self._hold(piece)
        if self._held_size > self._longest:
            self._fail(too_large(_line(self._number + 1), self._limit, hint=_CUT))

    def receive_eof(self) -> None:
        if self._held_size:
            self._end_line(b"")

    def _hold(self, piece: bytes) -> None:
        self._held.append(piece)
        self._held_size += len(piece)

    def _end_line(self, newline: bytes) -> None:
        line = b"".join(self._held) + newline
        self._held.clear()
        self._held_size = 0
        if self.failure is not None:
            return
        self._number += 1
        try:
            if len(line) > self._longest:
                raise too_large(_line(self._number), self._limit, hint=_CUT)
            self.ready.append(_read(line, self._framing, self._limit, _line(self._number)))
        except LocalFailure as exc:
            self._fail(exc)

    def _fail(self, failure: LocalFailure) -> None:
        if self.failure is None:
            self.failure = failure
        self._held.clear()
        self._held_size = 0


class _WholeFramer:
    """All of it is one datagram; where there is nothing, there is none."""

    __slots__ = ("_framing", "_held", "_limit", "_longest", "failure", "ready")

    def __init__(self, framing: Framing, limit: int) -> None:
        self.ready: deque[bytes] = deque()
        self.failure: SockcliError | None = None
        self._framing = framing
        self._limit = limit
        self._longest = _longest_written(framing, limit)
        self._held = bytearray()

    def receive_data(self, data: bytes) -> None:
        if self.failure is not None:
            return
        self._held += data
        if len(self._held) > self._longest:
            self.failure = too_large("the input", self._limit, hint=_CUT)
            self._held.clear()

    def receive_eof(self) -> None:
        if not self._held:
            return
        try:
            self.ready.append(_read(bytes(self._held), self._framing, self._limit, "the input"))
        except LocalFailure as exc:
            self.failure = exc
        self._held.clear()


def _line(number: int) -> str:
    return f"line {number} of the input"


def _longest_written(framing: Framing, limit: int) -> int:
    """How many bytes may be held for one datagram of `limit` bytes: as it is written, with its newline."""
    return limit * (1 if framing.notation is MessageEncoding.RAW else _WRITTEN_PER_BYTE) + len(b"\r\n")


def _read(written: bytes, framing: Framing, limit: int, subject: str) -> bytes:
    """The datagram that `written` means. Raises LocalFailure: this is input, not the command line."""
    try:
        datagram = read_message(written, chomp=framing.chomp, notation=framing.notation)
    except UsageError as exc:
        raise LocalFailure(f"{subject}: {exc}", hint=exc.hint) from exc
    if len(datagram) > limit:
        raise too_large(subject, limit, hint=_CUT)
    return datagram
