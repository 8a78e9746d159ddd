"""Which characters a peer may put on the user's screen, and how all others are written instead.

The terminal is taken to speak UTF-8. A control shows in caret form (`^G`), a character that shows nothing or
turns the text around it by its number (`<U+202E>`). What merely looks like something else passes: no table of
ours can tell a forged letter from a foreign one.
"""

from __future__ import annotations

import re
from typing import Final

# Ranges of a regular expression's character class.
# An 8-bit control starts a sequence as ESC does, and a terminal may take it as a byte or as UTF-8 (C2 9B). The
# byte alone is not UTF-8 and becomes U+FFFD; this is the other form.
C1: Final = r"\x80-\x9f"
# Every character of Unicode's Default_Ignorable_Code_Point, the line and paragraph separators, and the format
# controls that show nothing: bidi overrides, fillers, tags, variation selectors, which all can hide or reorder text.
INVISIBLE: Final = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
)
# Zero-width (non-)joiners shape Arabic and Indic letters and build emoji; the two selectors choose between an
# emoji and a text form. They pass where they do that, and show by number in Latin text, where they only deceive.
JOINERS: Final = "\u200c\u200d\ufe0e\ufe0f"
# What passes beyond ASCII, with a joiner behind it if that passes there.
VISIBLE: Final = (
    rf"[^\x00-\x7f{C1}{INVISIBLE}{JOINERS}]++"
    r"(?:[\u200c\u200d](?<=[^\x00-\u05ff].)"
    # © and ® have an emoji form.
    r"|[\ufe0e\ufe0f](?<=[^\x00-\xa8\xaa-\xad\xaf-\u1fff].)(?:\u200d(?<=[^\x00-\u1fff]\ufe0f.))?)?"
)
KEYCAP: Final = r"(?<=[0-9#*])[\ufe0e\ufe0f]"  # a selector behind ASCII: it begins a keycap


def is_invisible(char: str) -> bool:
    return re.match(rf"[{INVISIBLE}]", char) is not None  # `re` keeps the pattern; few sessions need it


def shown(char: str) -> str:
    """How a character that may not pass is written: `^G`, `^?`, `<U+009B>`, `<U+202E>`."""
    code = ord(char)
    return "^" + chr(code ^ 0x40) if code < 0x80 else f"<U+{code:04X}>"


class ShownTable(dict[int, str]):
    """For str.translate: every character as `shown`, but for those that were given."""

    def __missing__(self, code: int) -> str:
        self[code] = text = shown(chr(code))
        return text
