"""The demo's line service: a banner, then an answer to each line, as many a TCP service has it."""

from __future__ import annotations

import re
from typing import Final

from sockcli.connection import Connection

# A longer line is no command, and nobody fills the memory with it.
MAX_LINE: Final = 1_024

HELP: Final = "commands: hello [NAME], upper TEXT, sum N…, quit"
GOODBYE: Final = "goodbye"


def serve_lines(connection: Connection) -> None:
    """Serve one peer, until `quit` or its end."""
    connection.send_all(f"sockcli demo service; {HELP}\r\n".encode())
    unread = b""
    for data in connection:
        *lines, unread = (unread + data).split(b"\n")
        for line in lines:
            reply = answer(line[:MAX_LINE].decode("utf-8", "replace").strip())
            connection.send_all(f"{reply}\r\n".encode())
            if reply == GOODBYE:
                return
        unread = unread[:MAX_LINE]


def answer(line: str) -> str:
    """The reply to one line."""
    verb, _, rest = line.partition(" ")
    if verb == "hello":
        return f"hello, {rest or 'world'}"
    if verb == "upper":
        return rest.upper()
    if verb == "sum":
        words = rest.split()
        if all(re.fullmatch(r"-?[0-9]{1,15}", word) for word in words):
            return str(sum(map(int, words)))
        return "sum takes whole numbers"
    if verb == "quit":
        return GOODBYE
    return HELP
