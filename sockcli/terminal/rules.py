"""What becomes of each token of a peer's output: the text that is shown for it, and what else follows.

`RuleSet` is what the two sets have in common. A set says which ASCII is plain, and what becomes of a run of controls
and of an escape sequence. Each answer depends on the token alone, so it is remembered: a peer that floods us repeats
itself, and then a token costs one look into a table.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from sockcli.terminal.characters import JOINERS, is_invisible, shown
from sockcli.terminal.modes import Mode, Modes
from sockcli.terminal.omissions import Omissions
from sockcli.terminal.tokens import CONTROLS_INSIDE, EMPTY_STRINGS, STRING, STRINGS, token_pattern

# Characters of a token that is remembered, and of clean text that is: longer ones take little time for their length.
_LONGEST: Final = 128
_LONGEST_CLEAN: Final = 8
_MOST: Final = 2_048  # tokens

Counts = tuple[tuple[str, int], ...]  # how often something of a kind is left out, as Omissions counts it
ModeChanges = tuple[tuple[Mode, str], ...]


class Shown(NamedTuple):
    """What becomes of a token."""

    text: str  # what is written to the terminal
    omitted: Counts = ()  # what is left out
    modes: ModeChanges = ()  # the modes that `text` changes, each with the sequence that does it


class RuleSet(ABC):
    """What passes, and in which form."""

    # The ASCII characters that pass as they are, as the inside of a character class.
    plain: ClassVar[str]
    # Whether what becomes of a CR depends on what follows it. Then CR LF passes, and no other CR.
    waits_after_cr: ClassVar[bool]
    # Made of these two: for `findall`, and for a quick test of a whole read.
    tokens: ClassVar[re.Pattern[str]]
    plain_bytes: ClassVar[bytes]

    def __init_subclass__(cls) -> None:
        cls.tokens = token_pattern(cls.plain, waits_after_cr=cls.waits_after_cr)
        cls.plain_bytes = re.sub(rf"[^{cls.plain}\r]", "", bytes(range(128)).decode()).encode()

    def __init__(self, omissions: Omissions, modes: Modes) -> None:
        self._omissions = omissions
        self._modes = modes
        self._texts = _Texts(self)
        self._effects: dict[str, Shown] = {}  # the tokens from which more follows than a text
        self._passing: list[str] = []  # those of them that are too long to be kept
        self._changes_modes = False  # whether a mode is changed by any of them

    @abstractmethod
    def controls(self, run: str) -> Shown:
        """Controls, C1, joiners and invisible characters, none of which is ESC."""

    @abstractmethod
    def sequence(self, sequence: str) -> Shown:
        """ESC and what belongs to it, complete or broken off; without the controls that stood inside."""

    def show(self, tokens: Sequence[str]) -> str:
        """The text for these tokens, in order. What else follows from them is done."""
        text = "".join(map(self._texts.__getitem__, tokens))
        if not self._effects.keys().isdisjoint(tokens):
            self._apply(tokens)
        while self._passing:
            del self._effects[self._passing.pop()]
        if len(self._texts) > _MOST or len(self._effects) > _MOST:
            self._texts.clear()
            self._effects.clear()
            self._changes_modes = False
        return text

    def show_one(self, token: str) -> Shown:
        """What becomes of a token, worked out."""
        if token[0] == "\x1b":
            return self._escape(token)
        return Shown(token) if self._is_clean(token) else self.controls(token)

    def look_up(self, token: str) -> str:
        """The text for a token that is not in the table, and what follows from it into the table."""
        becomes = self.show_one(token)
        if len(token) <= (_LONGEST_CLEAN if becomes.text is token else _LONGEST):
            self._texts[token] = becomes.text
        if becomes.omitted or becomes.modes:
            if token not in self._effects and len(token) > _LONGEST:
                self._passing.append(token)
            self._effects[token] = becomes
            self._changes_modes |= bool(becomes.modes)
        return becomes.text

    def _is_clean(self, token: str) -> bool:
        first = token[0]
        if first == "\r" and self.waits_after_cr:
            return token == "\r\n"
        if first < "\x80":
            return ord(first) in self.plain_bytes
        if first <= "\x9f" or first in JOINERS:
            return False
        return len(token) > 1 or not is_invisible(token)  # an invisible character is a token by itself

    def _escape(self, token: str) -> Shown:
        if EMPTY_STRINGS.fullmatch(token):
            kinds = Counter(token.replace("\x1b", ""))
            return Shown("", tuple((STRINGS[kind], count) for kind, count in kinds.items()))
        if string := STRING.match(token):
            # Swallowed to its end. The controls in its introducer take effect, as in any sequence.
            before = self.controls(string[1]) if string[1] else Shown("")
            joiners = token[string.end() :]
            return before._replace(text=before.text + "".join(map(shown, joiners)), omitted=((STRINGS[string[2]], 1),))
        sequence = token.rstrip(JOINERS)
        # There is nothing that they could join.
        joiners = "".join(map(shown, token[len(sequence) :]))
        if sequence.count("\x1b") > 1:
            return self._broken_off(sequence)
        inside = "".join(CONTROLS_INSIDE.findall(sequence))
        before = self.controls(inside) if inside else Shown("")
        sequence = CONTROLS_INSIDE.sub("", sequence) if inside else sequence
        # ESC \ is the end of a string that was over already.
        after = self.sequence(sequence) if sequence != "\x1b\\" else Shown("")
        return Shown(before.text + after.text + joiners, after.omitted, before.modes + after.modes)

    def _broken_off(self, run: str) -> Shown:
        """A run of ESC and CSI, each broken off by the next one."""
        introducer, escape = self.sequence("\x1b["), self.sequence("\x1b")
        text = run.replace("\x1b[", introducer.text).replace("\x1b", escape.text)
        return Shown(text, tuple((kind, run.count("\x1b")) for kind, _ in escape.omitted))

    def _apply(self, tokens: Sequence[str]) -> None:
        """Count what was left out, and note the modes that were changed."""
        for token, count in Counter(tokens).items():
            if effect := self._effects.get(token):
                for kind, times in effect.omitted:
                    self._omissions.count(kind, times * count)
        if self._changes_modes:
            # In the order in which they were met last: of a mode, only the last change matters.
            for token in reversed(dict.fromkeys(reversed(tokens))):
                if effect := self._effects.get(token):
                    for mode, sequence in effect.modes:
                        self._modes.note(mode, sequence)


class _Texts(dict[str, str]):
    """The text for each token, worked out where it is not known."""

    def __init__(self, rules: RuleSet) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, token: str) -> str:
        return self._rules.look_up(token)
