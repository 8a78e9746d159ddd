"""The rules that most large manifests consist of, known by one pattern: twenty times as fast as to parse them.

It knows only rules in their one canonical spelling, but for a port left out. What it does not know may be a rule all
the same, or faulty, which rule.py finds out. So nothing here has to explain itself, and the pattern may be as narrow as
it likes; but what it takes, Rule.parse must take for the same, which a test holds against any text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_OPERATION: Final = "tcp-connect|tcp-listen|udp-bind|udp-send-to"
# The last label begins with a letter, so that no address is among them.
_NAME: Final = r"(?:\*\.)?(?:[a-z0-9_-]{1,63}+\.)*+[a-z][a-z0-9_-]{0,62}+"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# An address, or a block whose length is a multiple of eight: that no bits are set past it can be seen.
_IPV4: Final = rf"{_OCTET}\.(?:0\.0\.0/8|{_OCTET}\.(?:0\.0/16|{_OCTET}\.(?:0/24|{_OCTET}(?:/32)?)))"
_PORT: Final = r"\*|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
# Atomic: a line that was taken is not looked at again, so that a faulty one after a thousand good ones costs no more.
_LINES: Final = rf"(?>(?:{_OPERATION}):(?:{_NAME}|{_IPV4})(?::(?:{_PORT}))?\n)*+"
_MOST: Final = 253  # of a name (RFC 1035), here of the whole rule


@cache
def _lines() -> re.Pattern[str]:
    return re.compile(_LINES)


def plain_rules(texts: list[str]) -> list[str] | None:
    """The canonical texts of these rules; None where not all of them are known here."""
    lines = "\n".join(texts) + "\n"
    # A text that has a newline in it would look like two rules.
    if lines.count("\n") != len(texts) or max(map(len, texts)) > _MOST or _lines().fullmatch(lines) is None:
        return None
    if lines.count(":") == 2 * len(texts):
        return texts
    return [text if text.count(":") == 2 else f"{text}:*" for text in texts]
