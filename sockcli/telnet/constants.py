"""The numbers of telnet's commands and options, and their names.

Commands are RFC 854's (240 to 255), RFC 885's EOR and RFC 1184's (236 to 238). An option is any byte.
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

# The first byte of a subnegotiation of TTYPE (RFC 1091) and NEW_ENVIRON (RFC 1572).
IS: Final = 0
SEND: Final = 1

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

# The commands that can be sent alone. SE, SB and the four verbs are parts of longer sequences, and a DM means nothing
# unless it is sent as urgent data.
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
    """The option's name in capitals, or its number in decimal where it has no name here."""
    return OPTION_NAMES.get(code, str(code))


def parse_option(text: str) -> int:
    """The option that `text` names, in any case, or gives as a decimal number from 0 to 255. Raises UsageError."""
    code = _OPTION_CODES.get(text.upper())
    if code is not None:
        return code
    if text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 255:
        return int(text)
    raise UsageError(
        f"no such telnet option: {text!a}",
        hint=f"a number from 0 to 255, or one of: {', '.join(OPTION_NAMES.values())}",
    )
