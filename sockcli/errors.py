"""What can go wrong, and the exit code of each.

This module knows no I/O and no command line. An error carries data, of which it builds its sentence (`message`);
`hint` says what to do. `sockcli.__main__` is the only place that prints one or turns it into an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar, NamedTuple


class ExitCode(IntEnum):
    """The process's exit codes, as scripts rely on them."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    DENIED = 3
    MANIFEST = 4
    UNRESOLVED = 5
    UNREACHABLE = 6
    TIMEOUT = 7
    PROTOCOL = 8
    UNMET = 9
    FINDINGS = 10
    SIGHUP = 129
    SIGINT = 130
    SIGQUIT = 131
    SIGPIPE = 141
    SIGTERM = 143


class SockcliError(Exception):
    """The root of every error that a user is told about in one line."""

    kind: ClassVar[str] = "failure"
    exit_code: ExitCode = ExitCode.FAILURE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def lines(self) -> Sequence[str]:
        """The message as it is shown: one line, unless it lists several faults."""
        return (self.message,)

    def __str__(self) -> str:
        return self.message


class LocalFailure(SockcliError):
    """A fault on this machine: output full, file unreadable, datagram too large, no descriptors left."""


class UsageError(SockcliError):
    """The request is malformed; nothing was done."""

    kind = "usage"
    exit_code = ExitCode.USAGE


_PREPOSITIONS = {"tcp-listen": "on", "udp-bind": "on"}


class Denied(SockcliError):
    """The manifest, or the ceiling, does not allow it. Nothing was looked up or sent but what it does allow.

    `suggestion` is the rule, in canonical form, that would allow the request; None where a deny rule
    decided, which is then in `rule` and its place in `source`. `manifest` is the file that denies: the manifest, or the
    machine's ceiling if `by_ceiling`.
    """

    kind = "denied"
    exit_code = ExitCode.DENIED

    def __init__(
        self,
        operation: str,
        endpoint: str,
        reason: str,
        *,
        suggestion: str | None = None,
        rule: str | None = None,
        source: str | None = None,
        manifest: str | None = None,
        by_ceiling: bool = False,
    ) -> None:
        self.operation = operation
        self.endpoint = endpoint
        self.reason = reason
        self.suggestion = suggestion
        self.rule = rule
        self.source = source
        self.manifest = manifest
        self.by_ceiling = by_ceiling
        target = f"{operation} {_PREPOSITIONS.get(operation, 'to')} {endpoint}" if endpoint else operation
        place = f"{'ceiling' if by_ceiling else 'manifest'}: {manifest}" if manifest else "there is no manifest"
        super().__init__(f"{target} denied: {reason} ({place})", hint=self._advice())

    def _advice(self) -> str | None:
        if self.suggestion is None:
            return None
        if self.by_ceiling:
            return f'no manifest can allow it: only root can, by this rule in {self.manifest}: "{self.suggestion}"'
        return f'to allow it, add this rule to the manifest: "{self.suggestion}"'


class ManifestProblem(NamedTuple):
    """One fault in a manifest: where it stands (`permissions[0].socket[2]`), the text found there, and why."""

    place: str
    text: str | None
    reason: str

    def __str__(self) -> str:
        quoted = f'"{self.text}": ' if self.text is not None else ""
        return f"{self.place}: {quoted}{self.reason}" if self.place else f"{quoted}{self.reason}"


class ManifestError(SockcliError):
    """The manifest is missing, unreadable, not to be trusted, or invalid.

    `problems` lists its faults; of those past the first hundred, `more` is the number.
    """

    kind = "manifest"
    exit_code = ExitCode.MANIFEST

    def __init__(
        self, manifest: str, problems: Sequence[ManifestProblem], *, more: int = 0, hint: str | None = None
    ) -> None:
        self.manifest = manifest
        self.problems = tuple(problems)
        self.more = more
        super().__init__("\n".join(self.lines), hint=hint)

    @property
    def lines(self) -> Sequence[str]:
        listed = [f"{self.manifest}: {problem}" for problem in self.problems]
        rest = f"{self.manifest}: and {self.more:,} more {'fault' if self.more == 1 else 'faults'}"
        return [*listed, rest] if self.more else listed


class Unresolved(SockcliError):
    """The name has no address. If `temporary`, no server answered, so that it may have one after all."""

    kind = "unresolved"
    exit_code = ExitCode.UNRESOLVED

    def __init__(self, message: str, *, hint: str | None = None, temporary: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.temporary = temporary


class Unreachable(SockcliError):
    """Refused, unreachable, reset, or the connection was lost."""

    kind = "unreachable"
    exit_code = ExitCode.UNREACHABLE


class TimedOut(SockcliError):
    """A time limit passed, or no reply came."""

    kind = "timeout"
    exit_code = ExitCode.TIMEOUT


class ProtocolError(SockcliError):
    """The peer does not keep to the protocol that was asked for."""

    kind = "protocol"
    exit_code = ExitCode.PROTOCOL


class OutputGone(SockcliError):
    """The program that read stdout has gone. As other tools do, say nothing."""

    exit_code = ExitCode.SIGPIPE


class Interrupted(SockcliError):
    """A signal (or, in the REPL, the user) asked to stop what is running."""

    kind = "signal"

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self.exit_code = ExitCode(128 + signum)  # as a shell shows it
        super().__init__(f"interrupted by signal {signum}")
