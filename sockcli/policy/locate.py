"""Which file is the manifest, whether it may be trusted, and its bytes: the one file here that looks at the disk.

The file is opened once and everything is checked on the open descriptor, so that what was checked is what is read,
whoever swaps a link meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from sockcli.base.formatting import system_reason
from sockcli.errors import ManifestError, ManifestProblem

VARIABLE: Final = "SOCKCLI_MANIFEST"
FILE_NAME: Final = "manifest.json"
# What the machine's administrator allows at most. A test can put another in its place only by a mount.
CEILING_PATH: Final = "/etc/sockcli/ceiling.json"
# 100,000 rules are about 4 MiB. What is larger is not a manifest, and would be memory an attacker chooses.
MAX_BYTES: Final = 16 * 1024 * 1024

_EXAMPLE: Final = '{"permissions": [{"socket": ["tcp-connect:localhost:4000"]}]}'
# NONBLOCK: opening a FIFO must not wait for a writer. NOCTTY: a terminal must not become ours.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ACL: Final = "system.posix_acl_access"
_PASSWD: Final = "/etc/passwd"
_PASSWD_FIELDS: Final = 7  # passwd(5): name, password, uid, gid, comment, home, shell


class Located(NamedTuple):
    """Where the manifest is. One that was not `named` was found in a usual place, and must be one to trust."""

    path: str
    named: bool


def find_manifest(
    explicit: str | None = None, environ: Mapping[str, str] | None = None, *, directory: str = ""
) -> Located:
    """The manifest to use: the one named, or the first that exists. Raises ManifestError where there is none.

    One that was named is used even if it does not exist: going on to another would grant what nobody asked for.
    `directory` stands for the current one.
    """
    environ = os.environ if environ is None else environ
    named = explicit if explicit is not None else environ.get(VARIABLE) or None
    if named is not None:
        return Located(named, named=True)
    usual = [os.path.join(directory, FILE_NAME), *_user_manifest(environ)]
    for path in usual:
        if _exists(path):
            return Located(path, named=False)
    problem = ManifestProblem("", None, "there is no manifest, so nothing is allowed")
    places = " or ".join(usual)
    ways = f"name one with --manifest or ${VARIABLE}, or write {places}; a short one: {_EXAMPLE}"
    hint = f"{ways}; `sockcli demo` has one of its own"
    raise ManifestError(FILE_NAME, [problem], hint=hint)


def manifest_places(explicit: str | None = None, environ: Mapping[str, str] | None = None) -> list[str]:
    """Every path where a manifest is looked for, in this run or in the next without the option: they may be missing."""
    environ = os.environ if environ is None else environ
    named = [path for path in (explicit, environ.get(VARIABLE)) if path]
    return [*named, FILE_NAME, *_user_manifest(environ), CEILING_PATH]


def read_manifest(located: Located) -> bytes:
    """Open it, check it, read it. Raises ManifestError."""
    try:
        return _read(located)
    except (OSError, ValueError) as exc:
        raise _error(located, f"cannot be read: {system_reason(exc)}") from exc


def _user_manifest(environ: Mapping[str, str]) -> list[str]:
    config, home = environ.get("XDG_CONFIG_HOME", ""), environ.get("HOME", "")
    if not os.path.isabs(config):
        # The base directory specification: relative ones are invalid and ignored.
        config = os.path.join(home, ".config")
    return [os.path.join(config, "sockcli", FILE_NAME)] if os.path.isabs(config) else []


def _exists(path: str) -> bool:
    """A link that leads nowhere, or a file in a directory that cannot be searched, is there and unreadable."""
    try:
        os.lstat(path)
    except OSError as exc:
        return exc.errno not in (errno.ENOENT, errno.ENOTDIR)
    return True


def _error(located: Located, reason: str, hint: str | None = None) -> ManifestError:
    # A name that is empty, as of a variable that is not set, would not be seen.
    return ManifestError(located.path or '""', [ManifestProblem("", None, reason)], hint=hint)


def _read(located: Located) -> bytes:
    descriptor = os.open(located.path, _FLAGS)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _error(located, "is not a regular file")
        if not located.named:
            _check_trust(located, descriptor, found)
        data = b""
        # One byte more than allowed, and not the size that fstat tells: the file may be growing.
        while len(data) <= MAX_BYTES and (chunk := os.read(descriptor, MAX_BYTES + 1 - len(data))):
            data += chunk
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise _error(located, f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    return data


def _check_trust(located: Located, descriptor: int, found: os.stat_result) -> None:
    """A file that nobody named must be the user's or root's, and writable by nobody else."""
    hint = f"name it with --manifest if it is to be used: --manifest {located.path}"
    user = os.geteuid()
    if found.st_uid not in (user, 0):
        raise _error(located, f"belongs to another user (uid {found.st_uid}), so it is not trusted", hint)
    if found.st_mode & stat.S_IWOTH:
        raise _error(located, "can be written by everybody, so it is not trusted", f"chmod o-w {located.path}")
    if found.st_mode & stat.S_IWGRP and (found.st_gid != _primary_group(user) or _has_acl(descriptor)):
        reason = f"can be written by others than uid {user} (by gid {found.st_gid}, or by its access list)"
        raise _error(located, f"{reason}, so it is not trusted", f"chmod g-w {located.path}")


def _primary_group(user: int) -> int | None:
    """The group that is the user's own, as /etc/passwd has it; None for a user who is not in it.

    getpwuid() would do as /etc/nsswitch.conf says and might ask a server, when nothing is allowed yet. And getgid() is
    not the user's own but a shared one after newgrp, so who is not in the file is refused: that is the safe mistake.
    """
    with suppress(OSError), open(_PASSWD, "rb") as lines:
        for line in lines:
            fields = line.rstrip().split(b":")
            if len(fields) == _PASSWD_FIELDS and fields[2] == b"%d" % user and fields[3].isdigit():
                return int(fields[3])
    return None


def _has_acl(descriptor: int) -> bool:
    """With an access list, the group's bits are what any user or group on the list may have at most (acl(5)).

    A system that is not Linux keeps its lists elsewhere. There may be one then, which is the safe answer.
    """
    if not hasattr(os, "getxattr"):
        return True
    try:
        os.getxattr(descriptor, _ACL)
    except OSError:
        return False
    return True
