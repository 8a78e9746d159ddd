"""What a session is opened with, and what can be set while it runs: typed values, made by whoever parses words.

The command line, the REPL's own commands and a script all make these, so that they mean the same everywhere.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, Self

from sockcli.clock import NEVER, Deadline
from sockcli.errors import UsageError
from sockcli.options import DialOptions, ListenOptions
from sockcli.policy import Request
from sockcli.telnet import TelnetOptions
from sockcli.telnet.newline import EOLS
from sockcli.text import canonical_encoding, printable

# auto: once the peer does, and from the start on port 23. piped: from the start, as in a pipe, which has no keyboard.
TelnetUse = Literal["auto", "on", "piped", "off"]

# What `set` can change, with the values that completion offers; an encoding may be any that Python knows.
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "eol": ("auto", *EOLS),
    "encoding": ("utf-8", "latin-1", "cp437", "cp1252", "koi8-r", "shift_jis", "gb18030"),
    "view": ("text", "hex", "both"),
    "timestamps": ("on", "off"),
    "terminal": ("auto", "safe", "screen", "raw"),
}

_DEFAULTS: Final = {"eol": "auto", "encoding": "utf-8", "view": "text", "timestamps": "off", "terminal": "auto"}


class Settings:
    """How a session shows and sends. `set` changes them one at a time, by the words in CHOICES."""

    __slots__ = ("_chosen", "encoding", "eol", "terminal", "timestamps", "view")

    def __init__(
        self,
        *,
        eol: str | None = None,
        encoding: str | None = None,
        view: str | None = None,
        timestamps: str | None = None,
        terminal: str | None = None,
    ) -> None:
        """`eol` auto: as telnet's mode has it, else LF. `terminal` auto: screen in character mode, else safe.

        None is what there is where nobody chooses. Raises UsageError.
        """
        given = {"eol": eol, "encoding": encoding, "view": view, "timestamps": timestamps, "terminal": terminal}
        self._chosen = {name: value for name, value in given.items() if value is not None}
        self.eol = self.encoding = self.view = self.timestamps = self.terminal = ""
        for name, value in {**_DEFAULTS, **self._chosen}.items():
            self.change(name, value)

    def change(self, name: str, value: str) -> None:
        """Raises UsageError, and then changes nothing."""
        choices = CHOICES.get(name)
        if choices is None:
            raise UsageError(f'no such setting: "{printable(name)}"', hint=f"one of: {', '.join(CHOICES)}")
        if name == "encoding":
            value = canonical_encoding(value)
        elif value not in choices:
            raise UsageError(f'{name} "{printable(value)}": {_either(choices)}')
        setattr(self, name, value)

    def values(self) -> dict[str, str]:
        """All of them, as `change` takes them."""
        return {name: getattr(self, name) for name in CHOICES}

    def copy(self) -> Self:
        return type(self)(**self.values())

    def over(self, others: Settings) -> Settings:
        """These as they were given, and for the rest the others."""
        return Settings(**{**others.values(), **self._chosen})


def _either(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


class Limits(NamedTuple):
    """When a session ends by itself, with exit 7; seconds. The names are those of `sockcli tcp`'s options."""

    deadline: Deadline = NEVER
    idle_timeout: float | None = None
    linger: float | None = None


class TcpTarget(NamedTuple):
    """A TCP connection to make."""

    request: Request
    dial: DialOptions = DialOptions()
    telnet: TelnetUse = "auto"
    telnet_options: TelnetOptions = TelnetOptions()  # terminal type, size, eol and mode are set by the session
    settings: Settings | None = None  # None: as the REPL has them
    limits: Limits = Limits()
    shutdown: bool = True  # FIN at the end of input
    hex_dump: str | None = None
    log: str | None = None


class UdpTarget(NamedTuple):
    """A connected UDP socket. A line is a datagram, its newline with it unless `chomp`."""

    request: Request
    dial: DialOptions = DialOptions()
    settings: Settings | None = None
    limits: Limits = Limits()
    chomp: bool = False
    hex_dump: str | None = None
    log: str | None = None


class ListenTarget(NamedTuple):
    """TCP_LISTEN: each peer becomes a session of its own, as `peer` has it. UDP_BIND: datagrams from anyone."""

    request: Request
    listen: ListenOptions = ListenOptions()
    settings: Settings | None = None
    peer: TcpTarget | None = None
    hex_dump: str | None = None
    log: str | None = None


Target = TcpTarget | UdpTarget | ListenTarget


class EscapeKey(NamedTuple):
    """The key that gives the command prompt: its byte, and how it is written."""

    byte: bytes
    name: str


# Enter, Tab, Backspace and Esc are keys that every session needs, or the first byte of many others.
_NEEDED: Final = frozenset(b"\t\n\r\b\x1b\x7f")


def parse_escape(text: str) -> EscapeKey | None:
    """`^]`, `C-]` or a single character; `none` for no such key. Raises UsageError."""
    if text == "none":
        return None
    if text[:1] == "^" and len(text) == 2:
        letter = text[1]
    elif text[:2].lower() == "c-" and len(text) == 3:
        letter = text[2]
    elif len(text) == 1 and text.isascii() and (text.isprintable() and text != " "):
        return EscapeKey(text.encode("ascii"), text)
    elif len(text) == 1 and text < " ":
        letter = chr(ord(text) | 0x40)
    else:
        raise _no_escape(text)
    code = ord(letter.upper()) ^ 0x40
    if not code < 0x20 or code in _NEEDED:
        raise _no_escape(text)
    return EscapeKey(bytes([code]), f"^{letter.upper()}")


def _no_escape(text: str) -> UsageError:
    return UsageError(
        f'"{printable(text)}" cannot be the escape key',
        hint="^] or C-] for Ctrl and a key (not Enter, Tab, Backspace or Esc), a single character, or none",
    )
