"""Which typed lines hold a password, so that none of them is kept in a history.

Where a peer turns the echo off, what is typed is not kept in any case. These are the protocols in which a password is
part of a visible line. A line that only looks like one of them is not kept either: a line missing in the history costs
its user some typing, a password that stays on the disk may cost much more.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class SecretForm(NamedTuple):
    """How a line with a password looks in some protocol: a regular expression."""

    where: str
    pattern: str


# A word that stands for a mechanism of SASL, which is no password itself: what comes in the next lines is.
_MECHANISM: Final = r"\"?(?:PLAIN|LOGIN|CRAM-|DIGEST-|SCRAM-|NTLM|GSS|KERBEROS|XOAUTH|OAUTHBEARER|EXTERNAL|ANONYMOUS)"

# What such a line begins with, in upper or lower case. `\S` after a blank: with nothing behind it there is no password.
BEGINNINGS: Final = (
    SecretForm("redis, SMTP, POP3, FTP, FreeSWITCH", r"AUTH\b"),
    SecretForm("redis", r"HELLO\s+\d+\s+AUTH\s"),
    SecretForm("redis", r"CONFIG\s+SET\s.*\b(?:requirepass|masterauth|tls-key-file-pass)"),
    SecretForm("redis", r"ACL\s+SETUSER\s"),
    SecretForm("redis", r"MIGRATE\s.*\bAUTH2?\s"),
    SecretForm("POP3, FTP, IRC, NNTP", r"(?:AUTHINFO\s+)?PASS\s"),
    SecretForm("POP3", r"APOP\s"),
    SecretForm("FTP", r"ACCT\s"),
    SecretForm("NNTP", r"AUTHINFO\s+(?:GENERIC|SASL)\b"),
    SecretForm("IMAP, after a tag; TeamSpeak", r"(?:\S+\s+)?LOGIN\s+(?:\S+\s+\S|\{)"),
    SecretForm("IMAP, after a tag; ManageSieve, IRC", r"(?:\S+\s+)?AUTHENTICATE\b"),
    SecretForm("IRC", r"OPER\s+\S+\s+\S"),
    SecretForm(
        "IRC", r"(?:(?:PRIVMSG|NOTICE|SQUERY)\s+)?(?:nick|auth)serv\b.*\s:?(?:IDENTIFY|REGISTER|GHOST|RECOVER)\s"
    ),
    SecretForm("IRC", r"NS\s+(?:IDENTIFY|REGISTER|GHOST|RECOVER)\s"),
    SecretForm("a MUD", r"(?:co|con|conn|conne|connec|connect|cd|ch|cv|create|pcreate)\s+(?:\".*\"|\S+)\s+\S"),
    SecretForm("a MUD", r"@\w*(?:password|pcreate)\b"),
    SecretForm("MPD and others", r"(?:PASSWORD|PASSWD|PASSPHRASE)\s"),
    SecretForm("HTTP, RTSP, SIP", r"(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:key|token|secret))\s*:"),
)
# What it has anywhere.
PARTS: Final = (
    SecretForm("XMPP", r"<(?:auth|response)\b"),
    SecretForm("a URL", r"://[^/\s@:]*:[^/\s@]+@"),
    SecretForm("JSON, forms, configuration", r"(?:passw(?:or)?d|passphrase|pwd|secret|api_?key|token)\W{0,3}[=:]"),
    SecretForm("SQL, routers", r"\b(?:password|identified\s+by|enable\s+secret)\s+\S"),
)

_BEGINS: Final = "|".join(f"(?:{form.pattern})" for form in BEGINNINGS)
_CONTAINS: Final = "|".join(f"(?:{form.pattern})" for form in PARTS)
# Behind such a line the password, or one step of the conversation about it, is a line of its own.
_TO_BE_CONTINUED: Final = rf"(?:\S+\s+)?(?:AUTH|AUTHENTICATE|AUTHINFO\s+SASL)(?:\s*$|\s+{_MECHANISM})"
# IMAP and ManageSieve: so many bytes follow in the next line.
_LITERAL: Final = r".*\{\d+\+?\}\s*$"
# The longest of those conversations has so many lines: LOGIN has 2, SCRAM 3, and RESP (redis) 3 behind `AUTH`.
_MOST_LINES: Final = 4
# A prompt of a peer that asks for one, without turning the echo off.
_ASKS: Final = (
    r"(?:passw(?:or)?d|passphrase|passcode|\bpass|\bpin|secret|token|\botp|verification code)\b[^\n]{0,40}[:?>=\])]\s*$"
)

# Compiled when the first line is entered: `re` takes a few milliseconds for them.
_FLAGS: Final = re.IGNORECASE | re.ASCII


def is_secret(line: str) -> bool:
    """Whether a line holds a password, as far as it can be told from this line alone."""
    return (re.match(_BEGINS, line.lstrip(), _FLAGS) or re.search(_CONTAINS, line, _FLAGS)) is not None


def asks_for_secret(prompt: str) -> bool:
    """Whether a peer's unfinished line asks for a password."""
    return re.search(_ASKS, prompt[-200:], _FLAGS) is not None


class SecretLines:
    """The lines that one session is given, in order: some hold a password only because of the line before them."""

    __slots__ = ("_expected", "_literal")

    def __init__(self) -> None:
        self._expected = 0  # lines of one word to come that may still belong to a conversation about a password
        self._literal = False  # the next line is the rest of one with a password, whatever it looks like

    def entered(self, line: str, prompt: str = "") -> bool:
        """A line is sent. Whether it may hold a password. `prompt`: the peer's unfinished line that it answers."""
        stripped = line.strip()
        continues = self._literal or (self._expected > 0 and " " not in stripped)
        secret = continues or is_secret(line) or asks_for_secret(prompt)
        self._literal = secret and re.match(_LITERAL, stripped) is not None
        if re.match(_TO_BE_CONTINUED, stripped, _FLAGS):
            self._expected = _MOST_LINES
        else:
            self._expected = max(0, self._expected - 1) if continues else 0
        return secret
