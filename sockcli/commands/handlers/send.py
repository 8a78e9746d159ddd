"""Commands that send: text, bytes, a file, the end of input, and telnet commands."""

from __future__ import annotations

import os
import stat
import time
from typing import Final

from sockcli.base.endpoint import Operation
from sockcli.base.escaping import parse_hex, printable, unescape
from sockcli.base.formatting import system_reason
from sockcli.commands import word_parser
from sockcli.commands.model import Call
from sockcli.commands.options import by_flag
from sockcli.datagram.framing import too_large
from sockcli.errors import LocalFailure, UsageError
from sockcli.net.udp import limit
from sockcli.sessions.session import Session
from sockcli.sessions.telnet import REQUESTS
from sockcli.stdio.progress import amount

# Bytes read from a file at once. A session takes little more than this before `drained` has to wait for its peer.
CHUNK: Final = 64 * 1024

_UDP: Final = ("udp", "udp-bind")


async def send(call: Call) -> None:
    """`send`: the text with its escapes read. With `--line` the line end is added that Enter sends."""
    flags, to, text = _options(call)
    session = call.session()
    data = parse_hex(text) if "--hex" in flags else unescape(word_parser.text_to_send(text), session.settings.encoding)
    manager = call.shell.manager
    if to is not None:
        await manager.send_to(session, call.shell.command_line.parse_request([Operation.UDP_SEND_TO, *to]), data)
        return
    if not data and session.kind not in _UDP and "--line" not in flags:
        raise call.usage("there is nothing to send")
    await manager.drained(session)
    if "--line" in flags:
        session.send_line(data.decode(session.settings.encoding, "surrogateescape"))
    else:
        session.send_bytes(data)


def text_of(call: Call) -> str:
    """What `send` would send, as text; where it would be refused, what was typed."""
    try:
        flags, _, text = _options(call)
        data = parse_hex(text) if "--hex" in flags else unescape(word_parser.text_to_send(text))
    except UsageError:
        return call.rest
    return data.decode("utf-8", "replace")


def _options(call: Call) -> tuple[set[str], list[str] | None, str]:
    """The flags before the text, the words of `--to`, and the text. Raises UsageError."""
    flags: set[str] = set()
    to: list[str] | None = None
    known, rest = by_flag(call.command.options), call.rest
    while rest.startswith("--"):
        option, rest = word_parser.first_word(rest)
        if option == "--":
            break
        if option not in known:
            raise call.usage(f'no such option: "{printable(option)}"; -- goes before a text that begins so')
        if option == "--to":
            host, rest = word_parser.first_word(rest)
            port, rest = ("", rest) if word_parser.has_port(host) else word_parser.first_word(rest)
            if not port and not word_parser.has_port(host):
                raise call.usage("--to takes a host and a port")
            to = [host, port] if port else [host]
        else:
            flags.add(option)
    if "--line" in flags and ("--hex" in flags or to is not None):
        raise call.usage("--line goes with neither --hex nor --to")
    return flags, to, rest


async def sendfile(call: Call) -> None:
    words = call.words(most=1)
    if not words:
        raise call.usage("the file is missing")
    call.shell.manager.files.check_naming("sendfile")
    session = call.session()
    name = f'"{printable(words[0])}"'
    fd = _open(words[0], name)
    try:
        if session.kind in _UDP:
            await _send_datagram(call, session, fd, name)
        else:
            await _send_stream(call, session, fd, name)
    finally:
        os.close(fd)
        call.shell.progress(None)


def _open(path: str, name: str) -> int:
    try:
        # O_NONBLOCK: else opening a FIFO waits for its writer. A FIFO is refused below.
        fd = os.open(os.path.expanduser(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        raise _unreadable(name, exc) from exc
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise LocalFailure(f"cannot read {name}: it is not a regular file")


def _unreadable(name: str, exc: OSError | ValueError) -> LocalFailure:
    return LocalFailure(f"cannot read {name}: {system_reason(exc)}")


def _read(fd: int, name: str, size: int) -> bytes:
    try:
        return os.read(fd, size)
    except OSError as exc:
        raise _unreadable(name, exc) from exc


async def _send_datagram(call: Call, session: Session, fd: int, name: str) -> None:
    """The file is sent as one datagram, or not at all: whoever got parts of it could not put them together."""
    data = _read(fd, name, CHUNK)
    if session.peer is not None and len(data) > (most := limit(session.peer.family)):
        raise too_large(name, most)
    await call.shell.manager.drained(session)
    session.send_bytes(data)


async def _send_stream(call: Call, session: Session, fd: int, name: str) -> None:
    """Send as fast as the peer takes it. Returns when the kernel has all of it."""
    size = os.fstat(fd).st_size
    manager, started, read = call.shell.manager, time.monotonic(), 0

    def state() -> str:
        return _state(name, max(0, read - session.unsent), size, time.monotonic() - started)

    call.shell.progress(state)
    try:
        await manager.drained(session)
        while data := _read(fd, name, CHUNK):
            session.send_bytes(data)
            read += len(data)
            await manager.drained(session)
        await manager.until(session, lambda: not session.unsent)
        if session.failure is not None:
            raise session.failure
    finally:
        # Also if it was cancelled or the peer closed: the user wants to know how much was sent. A session that is still
        # open will send all that was read.
        call.shell.notice(state() if session.over else _state(name, read, size, time.monotonic() - started))


def _state(name: str, sent: int, size: int, seconds: float) -> str:
    rate = f", {amount(sent / seconds)}/s" if seconds > 0 else ""
    of = f" of {amount(size)}" if sent != size else ""
    return f"{name}: {amount(sent)}{of} sent{rate}"


async def eof(call: Call) -> None:
    session = call.session(*call.words(most=1))
    if session.kind == "tcp":
        await call.shell.manager.drained(session)
    session.send_eof()


async def interrupt(call: Call) -> None:
    call.words(most=0)
    call.session().interrupt()


async def ayt(call: Call) -> None:
    call.words(most=0)
    call.session().ayt()


async def send_break(call: Call) -> None:
    call.words(most=0)
    call.session().break_()


async def telnet(call: Call) -> None:
    words = call.words(most=2)
    if len(words) < 2 or words[0].lower() not in REQUESTS:
        raise call.usage("a verb and an option are missing, as in telnet do echo")
    call.session().telnet_request(words[0].lower(), words[1])
