"""What every command shares: which manifest, how much to say, and our own messages (stderr, never stdout)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from sockcli.base.escaping import printable
from sockcli.base.formatting import counted
from sockcli.errors import UsageError
from sockcli.stdio.descriptors import STDERR, STDOUT

if TYPE_CHECKING:
    from sockcli.base.endpoint import Address
    from sockcli.observers.audit import Audit
    from sockcli.observers.audit_forms import FormName
    from sockcli.policy import Policy
    from sockcli.policy.manifest import Manifest
    from sockcli.stdio.files import FileRules, ProtectedFile


AUDIT_VARIABLE: Final = "SOCKCLI_AUDIT"
_AUDIT_OPTION: Final = "--audit"


class RunSettings:
    """The options that may stand before or after a command's name, and the messages that depend on them."""

    def __init__(self, *, is_process: bool = False) -> None:
        """`is_process`: the process is there for this run alone, so that the run may confine it for good."""
        self.is_process = is_process
        self.manifest: str | None = None
        self.verbose = False
        self.quiet = False
        self.plain = False
        self.messages: int | None = None  # --messages; None: stderr
        self.no_files = False
        self.audit: str | None = None  # --audit
        self.audit_format: FormName = "sockcli"
        self._audits: Sequence[str] = ()  # where it goes, once it is open
        self.no_history = False

    def load_policy(self) -> Policy:
        """The policy of the manifest in force, each decision of which goes into the audit.

        Raises ManifestError; LocalFailure or UsageError where the audit cannot be written.
        """
        manifest = self.read_manifest()
        audit = self._open_audit(manifest)
        if audit is not None:
            manifest.policy.observe(audit)
        return manifest.policy

    def read_manifest(self) -> Manifest:
        """The manifest in force, for whoever only looks at it: what its policy decides is told nobody.

        Raises ManifestError.
        """
        from sockcli.policy.manifest import Manifest

        manifest = Manifest.in_force(self.manifest)
        policy = manifest.policy
        if manifest.hides:
            self.notice(f"the manifest is ./{manifest.path} here, and not your own {manifest.hides}")
        self.detail(f"manifest {manifest.path}, {counted(len(policy.rules), 'rule')}")
        if policy.ceiling is not None:
            self.detail(f"ceiling {policy.ceiling.manifest}, {counted(len(policy.ceiling.rules), 'rule')}")
        return manifest

    def _open_audit(self, manifest: Manifest) -> Audit | None:
        """The logs that the ceiling, the option or else the variable asks for; None where nobody does."""
        wanted = self._wanted_audits(manifest.policy)
        if not wanted:
            return None
        from hashlib import sha256

        from sockcli.observers.audit import Audit, AuditSubject
        from sockcli.observers.audit_log import is_file, open_audit
        from sockcli.stdio.files import FileRules

        places = FileRules(self._manifest_places())
        logs = []
        for option, to, required in wanted:
            rules = places._replace(none_named=self.no_files and option == _AUDIT_OPTION)
            logs.append(open_audit(to, required, option=option, rules=rules, warn=self.notice))
        self._audits = [to for _, to, _ in wanted if is_file(to)]
        subject = AuditSubject(manifest.path, sha256(manifest.data).hexdigest())
        return Audit(logs, subject, form=self.audit_format)

    def _wanted_audits(self, policy: Policy) -> list[tuple[str, str, bool]]:
        """Who asks for an audit, where it is to go, and whether nothing may happen without."""
        wanted: list[tuple[str, str, bool]] = []
        ceiling = policy.ceiling_audit
        if ceiling is not None:
            wanted.append(("the ceiling's audit", ceiling.to, ceiling.required))
        if self.audit is not None:
            wanted.append((_AUDIT_OPTION, self.audit, True))
        elif named := os.environ.get(AUDIT_VARIABLE):
            wanted.append((f"${AUDIT_VARIABLE}", named, True))
        return wanted

    def file_rules(self) -> FileRules:
        """What options and commands may do with files: nothing with --no-files, and never write a manifest."""
        from sockcli.stdio.files import FileRules, ProtectedFile

        audits = [ProtectedFile(path, "the audit of this run") for path in self._audits]
        return FileRules([*self._manifest_places(), *audits], self.no_files)

    def _manifest_places(self) -> list[ProtectedFile]:
        from sockcli.policy.locate import manifest_places
        from sockcli.stdio.files import ProtectedFile

        return [ProtectedFile(path, "a manifest of this run or the next") for path in manifest_places(self.manifest)]

    def check_files(self, named: Mapping[str, str | None]) -> None:
        """Before anything is done: no option may name a file with --no-files; `-` is none. Raises UsageError."""
        for option, path in named.items():
            if self.no_files and path not in (None, "-"):
                self.file_rules().check_naming(option)

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


class _MessageOutput:
    """Where our own messages go, for the whole process."""

    fd = STDERR


def send_messages_to(fd: int) -> None:
    """Have them go to this descriptor from now on (`--messages`). Raises UsageError if it cannot be written to."""
    if fd == STDOUT:
        raise UsageError(
            "--messages 1: stdout is for what the peer sends", hint="open another, as in --messages 3 3>file"
        )
    import fcntl

    try:
        writable = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:
        writable = False
    if not writable:
        raise UsageError(f"--messages {fd}: it is not open for writing", hint="open it, as in --messages 3 3>file")
    _MessageOutput.fd = fd


def say(*lines: str) -> None:
    """Write lines to stderr, or where `--messages` says.

    Control characters in them are made visible, newlines too, so that no text fakes a line. With os.write, because
    sys.stderr is None if descriptor 2 was closed at the start, and because a message must not wait in a buffer while
    the peer's bytes go out.
    """
    data = "".join(f"{printable(line)}\n" for line in lines).encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(_MessageOutput.fd, data) :]
        except OSError:
            return  # it cannot be written, and there is no other place for a message


def report(*lines: str, hint: str | None = None) -> None:
    """An error, then what to do about it."""
    say(*(f"sockcli: error: {line}" for line in lines), *([f"hint: {hint}"] if hint else []))
