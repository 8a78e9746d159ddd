"""Cuts text into tokens: clean text, runs of controls, escape sequences, control strings.

It follows the state machine of the VT500 (vt100.net/emu/dec_ansi_parser): a control inside a sequence takes effect at
once, CAN and SUB end the sequence, ESC ends it and begins the next one. It is one regular expression for each rule set;
a loop over characters would be slower by far.
"""

from __future__ import annotations

import re
from typing import Final

from sockcli.terminal.characters import C1, JOINERS, KEYCAP, VISIBLE

# The longest sequence that real programs send, two 24-bit colours with attributes, has about 60 characters.
MAX_SEQUENCE: Final = 256
MAX_INTERMEDIATES: Final = 16
# A control string (title, clipboard, image) that does not end would hide the rest of the session. After so many
# characters, or at the end of the line, what follows is taken as text again. To show rubbish after a long image is the
# smaller evil.
MAX_STRING: Final = 4096

# OSC, DCS, PM, APC, SOS, and the title sequence of screen and tmux, which ends as they do.
STRINGS: Final = {"]": "OSC", "P": "DCS", "^": "PM", "_": "APC", "X": "SOS", "k": "title"}

_INSIDE: Final = r"\x00-\x17\x19\x1c-\x1f\x7f"  # the controls that may stand in a sequence without ending it
CONTROLS_INSIDE: Final = re.compile(rf"[{_INSIDE}]+")
_CONTROLS: Final = rf"\x00-\x0c\x0e-\x1a\x1c-\x1f\x7f{C1}"  # all but ESC and CR

_STRINGS: Final = r"\]PX^_k"
_CSI: Final = rf"\[[{_INSIDE}\x20-\x3f]{{0,{MAX_SEQUENCE}}}+"  # up to the final character
_OTHER: Final = rf"[{_INSIDE}\x20-\x2f]{{0,{MAX_INTERMEDIATES}}}+"  # of an escape sequence that is no CSI
_BEFORE: Final = rf"[{_INSIDE}]{{0,{MAX_INTERMEDIATES}}}+"  # controls between ESC and what introduces a CSI or a string
_IN_STRING: Final = r"[^\x07\x18\x1a\x1b\n\x9c]"
# ESC begins the next sequence, and a line feed is not lost with the string: no real string has one, and it is what
# brings a lost reader back.
_STRING_END: Final = r"(?:[\x07\x18\x1a\x9c]|\x1b\\|(?=\x1b[^\\])|(?=\n))"
_BODY: Final = rf"(?:{_IN_STRING}{{0,{MAX_STRING - 1}}}+{_STRING_END}|{_IN_STRING}{{{MAX_STRING}}})"
# The Linux console's own OSC P and R, for its palette, have no end: their length is fixed.
_PALETTE: Final = rf"\](?:P(?:{_IN_STRING}{{7}}|{_IN_STRING}{{0,6}}+{_STRING_END})|R)"
# Everything that starts with ESC. A sequence is complete, or is broken off by what follows it; at the end of the text,
# without its final character, it is neither. The first three are only for speed: runs of ESC and CSI that the next one
# breaks off, runs of strings that it does, and the usual CSI.
_ESCAPE: Final = (
    r"\x1b(?:(?:\[?\x1b)*\[?(?=\x1b)"
    rf"|(?:[{_STRINGS}]\x1b)*[{_STRINGS}](?=\x1b[^\\])"
    rf"|\[[0-?]{{0,{MAX_SEQUENCE}}}+[@-~]"
    rf"|(?!{_BEFORE}[\[{_STRINGS}]){_OTHER}(?:[0-~]|(?!\Z))"
    rf"|{_BEFORE}(?:{_CSI}(?:[@-~]|(?!\Z))|(?!\][PR])[{_STRINGS}]{_BODY}|{_PALETTE}))"
)
EMPTY_STRINGS: Final = re.compile(rf"(?:\x1b[{_STRINGS}])+")
# The string at the start of such a token: the controls in its introducer, its kind, and all the rest of it.
STRING: Final = re.compile(
    rf"\x1b({_BEFORE})([{_STRINGS}])(?:(?<=\])(?:R|P(?:{_IN_STRING}{{7}}|{_IN_STRING}{{0,6}}+(?:[^\x1b]|\x1b\\?)?))"
    rf"|{_IN_STRING}{{{MAX_STRING}}}|{_IN_STRING}{{0,{MAX_STRING - 1}}}+(?:[^\x1b]|\x1b\\?)?)"
)
# What may stand at the end of the text and has to wait for more.
INCOMPLETE: Final = re.compile(
    rf"\x1b(?:{_BEFORE}{_CSI}|{_OTHER}"
    rf"|{_BEFORE}(?:\]P{_IN_STRING}{{0,6}}|(?!\][PR])[{_STRINGS}]{_IN_STRING}{{0,{MAX_STRING - 1}}})\x1b?)"
)
# All CRs of a run but one that has an LF behind it, or may have.
_CRS: Final = r"\r(?:\r*(?=[^\r\n])|\r*(?=\r\n|\r\Z))"


def token_pattern(plain: str, *, waits_after_cr: bool) -> re.Pattern[str]:
    """For `findall`: cuts all of a text into tokens. `plain` has the ASCII characters that may stand in clean text.

    With `waits_after_cr`, CR LF is clean, and no other CR. Joiners behind a sequence or a string belong to it: what
    they would join is not text. Only the last token can be `INCOMPLETE`, or a CR that has to wait.
    """
    # The alternatives are in the order of how often they are met, and each is told by its first character.
    plain_text = rf"[{plain}]++(?![{JOINERS}])"
    unclean = re.sub(rf"[{plain}\r\x1b]", "", "".join(map(chr, range(32)))) + "\x7f"
    controls = rf"[{re.escape(unclean)}{C1}][{_CONTROLS}]*" + (rf"|\r\n|{_CRS}" if waits_after_cr else "")
    text = rf"(?:[{plain}]++(?:{KEYCAP})?|{VISIBLE})+"
    invisible = r"[^\r\x1b]"  # what is left
    return re.compile(
        rf"{plain_text}|{_ESCAPE}[{JOINERS}]*|{controls}|{text}|[{JOINERS}]+|{invisible}|[\r\x1b].*",
        re.DOTALL,
    )
