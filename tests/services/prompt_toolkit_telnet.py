"""prompt_toolkit's telnet server: a line editor at the other end, which asks the terminal where the cursor is."""

from __future__ import annotations

import asyncio
import sys

from prompt_toolkit.contrib.telnet.server import TelnetConnection, TelnetServer
from prompt_toolkit.shortcuts import PromptSession


async def interact(connection: TelnetConnection) -> None:
    session: PromptSession[str] = PromptSession()
    line = ""
    while line != "bye":
        line = await session.prompt_async("name: ")
        connection.send(f"hello <{line}>\n")


asyncio.run(TelnetServer(interact=interact, host="127.0.0.1", port=int(sys.argv[1])).run())
