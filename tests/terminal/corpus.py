"""Sequences that did harm in some terminal, each with the reason it is here.

Every one is tried as it stands, with its 7-bit introducer as a C1 byte and as C1 in UTF-8, cut at every byte,
without its end, and inside another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

DANGEROUS: Final = {
    "device attributes": b"\x1b[c",
    "device attributes, with a number": b"\x1b[0c",
    "secondary device attributes": b"\x1b[>c",
    "tertiary device attributes": b"\x1b[=c",
    "terminal name (XTVERSION)": b"\x1b[>q",
    "identify (DECID)": b"\x1bZ",
    "answerback (ENQ)": b"\x05",
    "status report": b"\x1b[5n",
    "cursor report": b"\x1b[6n",
    "private cursor report": b"\x1b[?6n",
    "printer report": b"\x1b[?15n",
    "terminal parameters (DECREQTPARM)": b"\x1b[x",
    "mode report (DECRQM)": b"\x1b[?25$p",
    "checksum of the screen (DECRQCRA)": b"\x1b[1;1;1;1;80;24*y",
    "presentation report (DECRQPSR)": b"\x1b[1$w",
    "graphics report": b"\x1b[?1;1;0S",
    "keyboard flags (kitty)": b"\x1b[?u",
    "push keyboard flags (kitty)": b"\x1b[>1u",
    "modified keys (XTMODKEYS)": b"\x1b[>4;2m",
    "report modified keys": b"\x1b[?4m",
    "title report": b"\x1b[21t",
    "size report": b"\x1b[18t",
    "iconify": b"\x1b[2t",
    "move the window": b"\x1b[3;0;0t",
    "resize": b"\x1b[8;1;1t",
    "save the title": b"\x1b[22;0t",
    "title": b"\x1b]0;pwned\x07",
    "icon name": b"\x1b]1;pwned\x07",
    "window title": b"\x1b]2;pwned\x1b\\",
    "title of screen and tmux": b"\x1bkpwned\x1b\\",
    "palette report": b"\x1b]4;1;?\x07",
    "palette": b"\x1b]4;0;#ffffff\x07",
    "working directory": b"\x1b]7;file://h/etc\x07",
    "hyperlink": b"\x1b]8;;http://evil.test\x07click\x1b]8;;\x07",
    "notification": b"\x1b]9;pwned\x07",
    "foreground report": b"\x1b]10;?\x07",
    "background report": b"\x1b]11;?\x1b\\",
    "font report (CVE-2022-45063)": b"\x1b]50;?\x07",
    "clipboard": b"\x1b]52;c;cHduZWQ=\x07",
    "clipboard report": b"\x1b]52;c;?\x07",
    "prompt mark": b"\x1b]133;A\x07",
    "notification of urxvt": b"\x1b]777;notify;a;b\x07",
    "file of iTerm2": b"\x1b]1337;File=name=YQ==:YQ==\x07",
    "palette of the Linux console": b"\x1b]P0ffffff",
    "request for a setting (DECRQSS)": b"\x1bP$q\x0acd\x0a\x1b\\",
    "request for a capability (XTGETTCAP)": b"\x1bP+q544e\x1b\\",
    "user-defined keys (DECUDK)": b"\x1bP0;1|17/0a636174\x1b\\",
    "sixel": b"\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\",
    "through tmux": b"\x1bPtmux;\x1b\x1b]52;c;cHduZWQ=\x07\x1b\\",
    "application command": b"\x1b_Gi=1,a=q;AAAA\x1b\\",
    "privacy message": b"\x1b^pwned\x1b\\",
    "start of string": b"\x1bXpwned\x1b\\",
    "mouse": b"\x1b[?1000h",
    "any motion": b"\x1b[?1003;1006h",
    "focus": b"\x1b[?1004h",
    "highlight tracking": b"\x1b[1;1;1;1;1T",
    "locator": b"\x1b[1;2'z",
    "paste marks": b"\x1b[?2004h",
    "restore modes": b"\x1b[?1000r",
    "save modes": b"\x1b[?1000s",
    "synchronized output": b"\x1b[?2026h",
    "132 columns": b"\x1b[?3h",
    "reverse video": b"\x1b[?5h",
    "left and right margins": b"\x1b[?69h\x1b[5;10s",
    "keyboard lock": b"\x1b[2h",
    "no local echo": b"\x1b[12h",
    "newline mode": b"\x1b[20h",
    "print the screen": b"\x1b[i",
    "printer on": b"\x1b[5i",
    "keyboard lights": b"\x1b[1q",
    "protected text": b'\x1b[1"q',
    "compatibility level": b'\x1b[61"p',
    "soft reset": b"\x1b[!p",
    "reset": b"\x1bc",
    "alignment pattern": b"\x1b#8",
    "double height": b"\x1b#3",
    "8-bit answers": b"\x1b G",
    "another character set": b"\x1b%@",
    "British": b"\x1b(A",
    "Linux console's own set": b"\x1b(K",
    "locking shift": b"\x1bn",
    "scrollback erased": b"\x1b[3J",
    "tab stops": b"\x1b[3g",
    "bell pitch of the Linux console": b"\x1b[10;50]",
    "blanking of the Linux console": b"\x1b[9;1]",
    "console switch of the Linux console": b"\x1b[12;3]",
    "hidden text": b"\x1b[8mpassword",
    "hidden text, among others": b"\x1b[0;08;1mpassword",
    "hidden text, as an underline's colour": b"\x1b[58;5;8mpassword",
    "controls printed (Linux console)": b"\x1b[11m",
    "too many parameters": b"\x1b[" + b"1;" * 200 + b"m",
    "a huge number": b"\x1b[99999999999999999999C",
    "a huge repetition": b"x\x1b[99999999b",
}


def variants() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every sequence in each of its forms."""
    for name, sequence in DANGEROUS.items():
        yield name, sequence
        if len(sequence) > 1 and sequence[0] == 0x1B and 0x40 <= sequence[1] <= 0x5F:
            c1 = sequence[1] + 0x40
            yield f"{name}, C1 byte", bytes([c1]) + sequence[2:]
            yield f"{name}, C1 in UTF-8", bytes([0xC2, c1]) + sequence[2:]
            yield f"{name}, C1 in overlong UTF-8", bytes([0xE0, 0x82, c1]) + sequence[2:]
        for cut in range(1, len(sequence)):
            yield f"{name}, the first {cut} bytes, then a line", sequence[:cut] + b"\nline\r\n"
            yield f"{name}, CAN after {cut} bytes", sequence[:cut] + b"\x18" + sequence[cut:]
            yield f"{name}, itself after {cut} bytes", sequence[:cut] + sequence
            yield f"{name}, a control after {cut} bytes", sequence[:cut] + b"\x00" + sequence[cut:]
        yield f"{name}, in a title", b"\x1b]0;" + sequence + b"\x07"
        yield f"{name}, in a colour", b"\x1b[3" + sequence + b"1m"
        yield f"{name}, after a string that never ends", b"\x1bP" + b"x" * 5000 + sequence
