"""Colours and attributes (SGR, `CSI … m`): which parameters pass.

A list of what is allowed, as everywhere here. Not on it: 8, which hides text; 11 to 20, since 11 and 12 make the
Linux console print controls and set the eighth bit, and 0 does not undo that; what no terminal knows. Text in the
colour of its background can still be written: which colours are alike only the terminal knows.
"""

from __future__ import annotations

import re
from typing import Final

MAX_PARAMETERS: Final = 32

# 58, the underline's colour, only with colons: a terminal that does not know it would read 58;5;8 as 8 besides.
# One that does not know the colons ignores the sequence.
_UNIT: Final = (
    r"(?:0{0,2}(?:[0-79]|10|2[1-9]|3[0-79]|4[0-79]|5[1-5]|59|7[345]|9[0-7]|10[0-7])"
    r"|[34]8;5;[0-9]{1,3}|[34]8;2(?:;[0-9]{1,3}){3}"
    r"|[345]8:5:[0-9]{1,3}|[345]8:2:[0-9]{0,3}(?::[0-9]{1,3}){3}|[345]8:2(?::[0-9]{1,3}){3}"
    r"|4:[0-5]"
    r"|)"
)
_AT_MOST: Final = rf"(?=(?:[0-9]{{0,5}}[;:]){{0,{MAX_PARAMETERS - 1}}}[0-9]{{0,5}}m)"
_COUNTED: Final = re.compile(rf"\x1b\[{_AT_MOST}([0-9;:]*)m")
# A colour that may not pass goes with its own parameters: they are not attributes.
_PART: Final = re.compile(rf"({_UNIT});|(?:[345]8;5;[0-9]*|[345]8;2(?:;[0-9]*){{3}}|[^;]*);")


def allowed_colours(sequence: str) -> str | None:
    """`sequence` with the parameters that may pass, empty if none may; None if it is no SGR at all, or too long."""
    match = _COUNTED.fullmatch(sequence)
    if match is None:
        return None
    parts = [part[1] for part in _PART.finditer(match[1] + ";") if part[1] is not None]
    return f"\x1b[{';'.join(parts)}m" if parts else ""
