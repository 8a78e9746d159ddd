"""NEW-ENVIRON (RFC 1572): the variables that the user listed, and no others.

The process's environment is never looked at here (CVE-2005-0488: servers asked clients for anything in it).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from sockcli.telnet.constants import NEW_ENVIRON
from sockcli.telnet.events import Side
from sockcli.telnet.features import IS, SEND, Outcome, Reply

_VAR, _VALUE, _ESC, _USERVAR = b"\x00", b"\x01", b"\x02", b"\x03"
# RFC 1572's own names are of the kind VAR, a user's are USERVAR.
_WELL_KNOWN: Final = frozenset({b"USER", b"JOB", b"ACCT", b"PRINTER", b"SYSTEMTYPE", b"DISPLAY"})

# Compiled where they are first used: few servers ask.
_ASKED: Final = rb"(?s)([\x00\x03])((?:\x02.|[^\x00-\x03])*)"
_ESCAPED: Final = rb"(?s)\x02(.)"
_SPECIAL: Final = rb"([\x00-\x03])"


class Environment:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = {_encode(name): _encode(value) for name, value in env.items()}

    def start(self, _side: Side) -> Outcome:
        return iter(())

    def receive(self, body: bytes) -> Outcome:
        if body[:1] == bytes([SEND]):
            yield Reply(NEW_ENVIRON, bytes([IS]) + b"".join(self._entries(body[1:])))

    def _entries(self, asked: bytes) -> Iterable[bytes]:
        # Each name once: 8 KiB of the same name would otherwise be answered with 4,096 values.
        wanted = dict.fromkeys(self._wanted(asked))
        return (self._entry(kind, name) for kind, name in wanted)

    def _wanted(self, asked: bytes) -> Iterable[tuple[bytes, bytes]]:
        if not asked:
            yield from self._all_of_kind(_VAR, _USERVAR)
        for kind, escaped in re.findall(_ASKED, asked):
            name = re.sub(_ESCAPED, rb"\1", escaped)
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
        # RFC 1572: a name without VALUE is one that is not defined.
        value = self._env.get(name)
        known = _VALUE + _escape(value) if value is not None else b""
        return kind + _escape(name) + known


def _escape(text: bytes) -> bytes:
    return re.sub(_SPECIAL, _ESC + rb"\1", text)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
