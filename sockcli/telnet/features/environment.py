"""NEW-ENVIRON (RFC 1572): the server asks for environment variables, and gets those that the user listed.

The environment of the process is never read here: servers used to ask clients for any variable (CVE-2005-0488).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from sockcli.telnet.constants import IS, NEW_ENVIRON, SEND
from sockcli.telnet.events import Side
from sockcli.telnet.features.feature import Effects, OutboundSubnegotiation

_VAR, _VALUE, _ESC, _USERVAR = b"\x00", b"\x01", b"\x02", b"\x03"
# RFC 1572's well known names are sent as VAR, all others as USERVAR.
_WELL_KNOWN: Final = frozenset({b"USER", b"JOB", b"ACCT", b"PRINTER", b"SYSTEMTYPE", b"DISPLAY"})

# Not compiled here: few servers ask, and `re` keeps a pattern that was used.
_ASKED: Final = rb"(?s)([\x00\x03])((?:\x02.|[^\x00-\x03])*)"
_ESCAPED: Final = rb"(?s)\x02(.)"
_SPECIAL: Final = rb"([\x00-\x03])"


class Environment:
    """Answers SEND with the variables that it asks for, or with all of ours where it names none."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = {_encode(name): _encode(value) for name, value in env.items()}

    def start(self, _side: Side) -> Effects:
        return iter(())

    def receive(self, body: bytes) -> Effects:
        if body[:1] == bytes([SEND]):
            yield OutboundSubnegotiation(NEW_ENVIRON, bytes([IS]) + b"".join(self._entries(body[1:])))

    def _entries(self, asked: bytes) -> Iterable[bytes]:
        # Each name once. Otherwise a question of 8 KiB that repeats one short name is answered with 4,096 values.
        return (self._entry(kind, name) for kind, name in dict.fromkeys(self._wanted(asked)))

    def _wanted(self, asked: bytes) -> Iterable[tuple[bytes, bytes]]:
        if not asked:
            yield from self._all_of_kind(_VAR, _USERVAR)
        for kind, escaped in dict.fromkeys(re.findall(_ASKED, asked)):
            name = re.sub(_ESCAPED, rb"\1", escaped) if _ESC in escaped else escaped
            if name:
                yield kind, name
            else:
                yield from self._all_of_kind(kind)

    def _all_of_kind(self, *kinds: bytes) -> Iterable[tuple[bytes, bytes]]:
        for name in self._env:
            kind = _VAR if name in _WELL_KNOWN else _USERVAR
            if kind in kinds:
                yield kind, name

    def _entry(self, kind: bytes, name: bytes) -> bytes:
        # RFC 1572 section 2: a name without VALUE stands for a variable that is not defined.
        value = self._env.get(name)
        known = _VALUE + _escape(value) if value is not None else b""
        return kind + _escape(name) + known


def _escape(text: bytes) -> bytes:
    return re.sub(_SPECIAL, _ESC + rb"\1", text)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
