"""What every command shares: which manifest, how much to say, and where ours is said (stderr, never stdout)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sockcli.base.escaping import printable
from sockcli.base.formatting import counted
from sockcli.stdio.descriptors import STDERR

if TYPE_CHECKING:
    from sockcli.base.endpoint import Address
    from sockcli.policy import Policy


class RunSettings:
    """The options that stand before or after a command's name, and the messages they govern."""

    def __init__(self) -> None:
        self.manifest: str | None = None
        self.verbose = False
        self.quiet = False

    def load_policy(self) -> Policy:
        """The policy of the manifest in force. Raises ManifestError."""
        from sockcli.policy.locate import find_manifest, load_manifest

        located = find_manifest(self.manifest)
        policy = load_manifest(located)
        self.detail(f"manifest {located.path}, {counted(len(policy.rules), 'rule')}")
        return policy

    def notice(self, text: str) -> None:
        """Something the user wants to know in a normal run."""
        if not self.quiet:
            say(f"sockcli: {text}")

    def listening(self, address: Address, *, chosen: bool) -> None:
        """Where a run listens: to be told where the system chose the port, or to a person; else as silent as nc."""
        tell = self.notice if chosen or os.isatty(STDERR) else self.detail
        tell(f"listening on {address}")

    def detail(self, text: str) -> None:
        """Something only `-v` asks for."""
        if self.verbose and not self.quiet:
            say(f"sockcli: {text}")


pass_settings = click.make_pass_decorator(RunSettings, ensure=True)


def say(*lines: str) -> None:
    """Write lines of ours to stderr, with everything in them made safe for a terminal: also what would forge a line.

    os.write, because sys.stderr is None where descriptor 2 was closed, and a message must not wait in a buffer
    while the peer's bytes pass it by.
    """
    data = "".join(f"{printable(line)}\n" for line in lines).encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(STDERR, data) :]
        except OSError:
            return  # nobody reads it, and there is nowhere else to say so


def report(*lines: str, hint: str | None = None) -> None:
    """An error, then what to do about it."""
    say(*(f"sockcli: error: {line}" for line in lines), *([f"hint: {hint}"] if hint else []))
