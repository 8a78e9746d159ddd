"""The command line's words into typed values: past this file there is no raw text of an endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

import click

from sockcli.base.connect_options import LocalAddress
from sockcli.base.endpoint import Endpoint, Host, parse_port, split_target
from sockcli.base.escaping import quoted
from sockcli.errors import UsageError

Protocol = Literal["tcp", "udp"]

# Seconds, about 31 years: longer than any run, and no sum of limits overflows a clock.
MAX_SECONDS = 1e9

_DECIMAL = r"[0-9]+(\.[0-9]*)?|\.[0-9]+"  # not compiled here: most runs give no time

# Reachable from this machine only. For more, the user has to name an address.
DEFAULT_LISTEN_HOST = Host.parse("127.0.0.1")


def limit(text: str) -> float:
    """A time limit in seconds: more than 0. Raises BadParameter."""
    return _seconds(text, "more than 0", lambda seconds: seconds > 0)


def pause(text: str) -> float:
    """A time to wait in seconds: 0 or more. Raises BadParameter."""
    return _seconds(text, "0 or more", lambda seconds: seconds >= 0)


def _seconds(text: str, bound: str, fits: Callable[[float], bool]) -> float:
    if not re.fullmatch(_DECIMAL, text):  # float() takes nan, 1_0 and full-width digits
        raise click.BadParameter(f"{quoted(text)} is not a number of seconds")
    seconds = float(text)
    if not fits(seconds) or seconds > MAX_SECONDS:
        raise click.BadParameter(f"{text} is out of range: {bound}, and at most {MAX_SECONDS:.0f} seconds")
    return seconds


def whole_number(least: int) -> Callable[[str], int]:
    """A type for click: a whole number from `least`. It raises BadParameter."""

    def number(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:  # int() takes +1, 1_0 and full-width digits
            raise click.BadParameter(f"{quoted(text)} is not a whole number from {least}")
        return int(text)

    return number


def source(text: str) -> LocalAddress:
    """`[ADDR][:PORT]`: an address of this machine, a port, or both. Raises BadParameter."""
    try:
        parsed = _parse_source(text)
    except UsageError as exc:
        raise click.BadParameter(str(exc)) from exc
    if parsed.host is not None and not parsed.host.is_address:
        raise click.BadParameter(f"{quoted(text)} is a name; give an address of this machine, or :PORT")
    return parsed


def _parse_source(text: str) -> LocalAddress:
    if text.startswith(":") and not text.startswith("::"):
        return LocalAddress(None, parse_port(text[1:]))
    if text.count(":") == 1 or "]:" in text:
        host, port = split_target(text)
        return LocalAddress(Host.parse(host), parse_port(port))
    return LocalAddress(Host.parse(text), None)


def port_number(text: str, protocol: Protocol) -> int:
    """A port as a number or a service's name. Raises UsageError."""
    if text[:1].isdigit() or not text or not text.isascii():
        return parse_port(text)
    from sockcli.base.services import service_port

    return service_port(text, protocol)


def take_target(words: Sequence[str], protocol: Protocol) -> tuple[Endpoint, list[str]]:
    """The endpoint that `words` begin with, as HOST PORT, HOST:PORT or [IPV6]:PORT, and the words behind it.

    An IPv6 address without brackets has several colons, so its port is always the next word. Raises UsageError.
    """
    if not words:
        raise UsageError("a target is missing", hint="give HOST PORT, HOST:PORT or [IPV6]:PORT")
    first, *rest = words
    if "://" in first:
        raise UsageError(f"{quoted(first)} is a URL", hint="give its host and its port alone, as example.com 80")
    if "]:" in first or (first.count(":") == 1 and not first.startswith("[")):
        host, port = split_target(first)
    elif rest:
        host, port, *rest = words
    else:
        raise UsageError(f"{quoted(first)}: the port is missing", hint="give HOST PORT, HOST:PORT or [IPV6]:PORT")
    return Endpoint(Host.parse(host), port_number(port, protocol)), rest


def connect_target(words: Sequence[str], protocol: Protocol) -> tuple[Endpoint, list[str]]:
    """As `take_target`; port 0 is no port to send to. Raises UsageError."""
    target, rest = take_target(words, protocol)
    if target.port == 0:
        raise UsageError(f"{target}: port 0 is no port to connect to", hint="give a port from 1 to 65535")
    return target, rest


def listen_target(words: Sequence[str], protocol: Protocol) -> Endpoint:
    """`[HOST] PORT`, or both in one word; without a host it is 127.0.0.1. Raises UsageError."""
    if not words:
        raise UsageError("a port to listen on is missing", hint="give [HOST] PORT; port 0 lets the system choose")
    if len(words) == 1 and ":" not in words[0]:
        return Endpoint(DEFAULT_LISTEN_HOST, port_number(words[0], protocol))
    target, rest = take_target(words, protocol)
    expect_no_more(rest)
    return target


def expect_no_more(words: Sequence[str]) -> None:
    """Raises UsageError if there are words left over."""
    if words:
        raise UsageError(f"unexpected argument {quoted(words[0])}")
