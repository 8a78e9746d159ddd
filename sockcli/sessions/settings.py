"""What can be set in a session while it runs."""

from __future__ import annotations

from typing import Final, Self

from sockcli.base.encodings import canonical_encoding
from sockcli.base.escaping import printable
from sockcli.errors import UsageError
from sockcli.telnet.line_endings import EOLS

# What `set` can change, with the values that completion offers; an encoding may be any that Python knows.
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "eol": ("auto", *EOLS),
    "encoding": ("utf-8", "latin-1", "cp437", "cp1252", "koi8-r", "shift_jis", "gb18030"),
    "view": ("text", "hex", "both"),
    "timestamps": ("on", "off"),
    "terminal": ("auto", "safe", "screen", "raw"),
}
# What `set` can change besides: it is the prompt's, and the same whichever session is the current one.
HISTORY: Final = "history"
SETTINGS: Final[dict[str, tuple[str, ...]]] = {**CHOICES, HISTORY: ("on", "off")}

_DEFAULTS: Final = {"eol": "auto", "encoding": "utf-8", "view": "text", "timestamps": "off", "terminal": "auto"}


class SessionSettings:
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

        None: not chosen, so the default, which `over` may replace. Raises UsageError.
        """
        given = {"eol": eol, "encoding": encoding, "view": view, "timestamps": timestamps, "terminal": terminal}
        self._chosen = {name: value for name, value in given.items() if value is not None}
        self.eol = self.encoding = self.view = self.timestamps = self.terminal = ""
        for name, value in {**_DEFAULTS, **self._chosen}.items():
            self.change(name, value)

    def change(self, name: str, value: str) -> None:
        """Set one. Raises UsageError, and then changes nothing."""
        choices = CHOICES.get(name)
        if choices is None:
            raise UsageError(f'no such setting: "{printable(name)}"', hint=f"one of: {', '.join(SETTINGS)}")
        if name == "encoding":
            value = canonical_encoding(value)
        elif value not in choices:
            raise not_a_choice(name, value)
        setattr(self, name, value)

    def values(self) -> dict[str, str]:
        """All of them, as `change` takes them."""
        return {name: getattr(self, name) for name in CHOICES}

    def copy(self) -> Self:
        return type(self)(**self.values())

    def over(self, others: SessionSettings) -> SessionSettings:
        """New settings: what was chosen when these were made, and for the rest what `others` have."""
        return SessionSettings(**{**others.values(), **self._chosen})


def not_a_choice(name: str, value: str) -> UsageError:
    """The error that says which values a setting has."""
    return UsageError(f'{name} "{printable(value)}": {_either(SETTINGS[name])}')


def _either(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"
