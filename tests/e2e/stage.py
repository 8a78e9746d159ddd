"""Terminals with sockcli, or with GNU telnet, in them, and telnet servers whose login is any program."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests import telnet_servers
from tests.e2e.runner import Sockcli
from tests.e2e.terminal import Terminal
from tests.servers import program

TEXT: Final = "".join(
    f"line {number}: {'the quick brown fox, ünïcödé 世界 ' * (number % 3)}\n" for number in range(1, 99)
)
# Each login has a copy of the file in a directory of its own.
PRELUDE: Final = """#!/bin/sh
export LC_ALL=C.UTF-8 HOME={directory}
cd "$(mktemp -d {directory}/login.XXXXXX)" && cp ../text .
"""


class Stage:
    """A directory with a file called text, telnet servers whose login is a program, and terminals to look at them."""

    def __init__(self, sockcli: Sockcli, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._sockcli = sockcli
        self._stack = stack
        directory.mkdir()
        (directory / "text").write_text(TEXT)

    def server(self, login: str) -> int:
        """The port of one; `login` is shell, and may name the `{directory}`."""
        script = (PRELUDE + login).replace("{directory}", str(self.directory))
        return self._stack.enter_context(telnet_servers.telnetd(self.directory / "telnetd", script)).port

    def terminal(self, *command: str, env: Mapping[str, str] | None = None) -> Terminal:
        terminal = Terminal(command, directory=self.directory, env=env)
        self._stack.callback(terminal.close)
        return terminal

    def gnu(self, port: int) -> Terminal:
        return self.terminal(program("telnet"), "127.0.0.1", str(port))

    def ours(self, port: int, *options: str) -> Terminal:
        return self.terminal(*self.command(port, *options))

    def command(self, port: int, *options: str) -> list[str]:
        manifest = str(self._sockcli.manifest)
        return [sys.executable, "-m", "sockcli", "--manifest", manifest, "tcp", *options, "127.0.0.1", str(port)]
