"""The numbers of RFC 854 and of the options, with the names that people use for them.

Commands stand between 236 and 255; an option is any byte. Nothing here decides anything.
"""

from __future__ import annotations

from typing import Final

from sockcli.errors import UsageError

EOF: Final = 236
SUSP: Final = 237
ABORT: Final = 238
EOR: Final = 239
SE: Final = 240
NOP: Final = 241
DM: Final = 242
BRK: Final = 243
IP: Final = 244
AO: Final = 245
AYT: Final = 246
EC: Final = 247
EL: Final = 248
GA: Final = 249
SB: Final = 250
WILL: Final = 251
WONT: Final = 252
DO: Final = 253
DONT: Final = 254
IAC: Final = 255

VERBS: Final = frozenset({WILL, WONT, DO, DONT})

IAC_BYTE: Final = bytes([IAC])
IAC_IAC: Final = bytes([IAC, IAC])

BINARY: Final = 0
ECHO: Final = 1
SGA: Final = 3
TIMING_MARK: Final = 6
TTYPE: Final = 24
END_OF_RECORD: Final = 25
NAWS: Final = 31
NEW_ENVIRON: Final = 39
CHARSET: Final = 42
COM_PORT: Final = 44
MSDP: Final = 69
MSSP: Final = 70
MCCP2: Final = 86
GMCP: Final = 201

COMMAND_NAMES: Final = {
    EOF: "EOF",
    SUSP: "SUSP",
    ABORT: "ABORT",
    EOR: "EOR",
    SE: "SE",
    NOP: "NOP",
    DM: "DM",
    BRK: "BRK",
    IP: "IP",
    AO: "AO",
    AYT: "AYT",
    EC: "EC",
    EL: "EL",
    GA: "GA",
    SB: "SB",
    WILL: "WILL",
    WONT: "WONT",
    DO: "DO",
    DONT: "DONT",
    IAC: "IAC",
}

# Those that stand alone. SE, SB and the four verbs are parts of longer sequences, and a DM that is not
# sent as urgent data means nothing.
SENDABLE: Final = {name.lower(): code for code, name in COMMAND_NAMES.items() if code not in VERBS | {SE, DM, SB, IAC}}

OPTION_NAMES: Final = {
    BINARY: "BINARY",
    ECHO: "ECHO",
    SGA: "SGA",
    5: "STATUS",
    TIMING_MARK: "TIMING-MARK",
    18: "LOGOUT",
    TTYPE: "TTYPE",
    END_OF_RECORD: "EOR",
    NAWS: "NAWS",
    32: "TSPEED",
    33: "LFLOW",
    34: "LINEMODE",
    35: "XDISPLOC",
    36: "ENVIRON",
    37: "AUTHENTICATION",
    38: "ENCRYPT",
    NEW_ENVIRON: "NEW-ENVIRON",
    CHARSET: "CHARSET",
    COM_PORT: "COM-PORT",
    MSDP: "MSDP",
    MSSP: "MSSP",
    85: "MCCP1",
    MCCP2: "MCCP2",
    91: "MXP",
    GMCP: "GMCP",
}
_OPTION_CODES: Final = {name: code for code, name in OPTION_NAMES.items()}


def option_name(code: int) -> str:
    """The option as people write it; an unknown one by its number."""
    return OPTION_NAMES.get(code, str(code))


def parse_option(text: str) -> int:
    """An option given by its name, in any case, or its number. Raises UsageError."""
    code = _OPTION_CODES.get(text.upper())
    if code is not None:
        return code
    if text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 255:
        return int(text)
    raise UsageError(
        f"no such telnet option: {text!a}",
        hint=f"a number from 0 to 255, or one of: {', '.join(OPTION_NAMES.values())}",
    )
