"""What every command shares: which manifest, how much to say, and our own messages (stderr, never stdout)."""

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
    """The options that may stand before or after a command's name, and the messages that depend on them."""

    def __init__(self) -> None:
        self.manifest: str | None = None
        self.verbose = False
        self.quiet = False
        self.no_history = False

    def load_policy(self) -> Policy:
        """The policy of the manifest in force. Raises ManifestError."""
        from sockcli.policy.locate import find_manifest
        from sockcli.policy.manifest import Manifest

        located = find_manifest(self.manifest)
        policy = Manifest.read(located).policy
        self.detail(f"manifest {located.path}, {counted(len(policy.rules), 'rule')}")
        return policy

    def notice(self, text: str) -> None:
        """Say something on stderr, unless --quiet."""
        if not self.quiet:
            say(f"sockcli: {text}")

    def listening(self, address: Address, *, chosen: bool) -> None:
        """Say where a run listens if the system chose the port or stderr is a terminal, else only with -v."""
        tell = self.notice if chosen or os.isatty(STDERR) else self.detail
        tell(f"listening on {address}")

    def detail(self, text: str) -> None:
        """Say something on stderr with --verbose, unless --quiet."""
        if self.verbose and not self.quiet:
            say(f"sockcli: {text}")


pass_settings = click.make_pass_decorator(RunSettings, ensure=True)


def say(*lines: str) -> None:
    """Write lines to stderr. Control characters in them are made visible, newlines too, so that no text fakes a line.

    With os.write, because sys.stderr is None if descriptor 2 was closed at the start, and because a message must not
    wait in a buffer while the peer's bytes go out.
    """
    data = "".join(f"{printable(line)}\n" for line in lines).encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(STDERR, data) :]
        except OSError:
            return  # stderr cannot be written, and there is no other place for a message


def report(*lines: str, hint: str | None = None) -> None:
    """An error, then what to do about it."""
    say(*(f"sockcli: error: {line}" for line in lines), *([f"hint: {hint}"] if hint else []))
