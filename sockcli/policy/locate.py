"""Which file is the manifest, whether it may be trusted, and its bytes: the one file here that looks at the disk.

The file is opened once and everything is checked on the open descriptor, so that what was checked is what is read,
whoever swaps a link meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from sockcli.base.formatting import system_reason
from sockcli.errors import ManifestError, ManifestProblem

VARIABLE: Final = "SOCKCLI_MANIFEST"
FILE_NAME: Final = "manifest.json"
# What root allows at most. A constant: no option and no variable may lead elsewhere.
CEILING: Final = "/etc/sockcli/ceiling.json"
# 100,000 rules are about 4 MiB. What is larger is not a manifest, and would be memory an attacker chooses.
MAX_BYTES: Final = 16 * 1024 * 1024

_EXAMPLE: Final = '{"permissions": [{"socket": ["tcp-connect:localhost:4000"]}]}'
# NONBLOCK: opening a FIFO must not wait for a writer. NOCTTY: a terminal must not become ours.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ACL: Final = "system.posix_acl_access"
_PASSWD: Final = "/etc/passwd"
_PASSWD_FIELDS: Final = 7  # passwd(5): name, password, uid, gid, comment, home, shell


class Located(NamedTuple):
    """Where the manifest is. One that was not `named` was found in a usual place, and must be one to trust.

    `hides` is the user's own manifest, where there is one and that of the current directory is used instead of it.
    """

    path: str
    named: bool
    hides: str | None = None


def find_manifest(
    explicit: str | None = None, environ: Mapping[str, str] | None = None, *, directory: str = ""
) -> Located:
    """The manifest to use: the one named, or the first that exists. Raises ManifestError where there is none.

    One that was named is used even if it does not exist: going on to another would grant what nobody asked for.
    `directory` stands for the current one.
    """
    environ = os.environ if environ is None else environ
    located = look_for_manifest(explicit, environ, directory=directory)
    if located is not None:
        return located
    problem = ManifestProblem("", None, "there is no manifest, so nothing is allowed")
    places = " or ".join(_usual_places(environ, directory))
    ways = f"name one with --manifest or ${VARIABLE}, or write {places}; a short one: {_EXAMPLE}"
    hint = f"{ways}; `sockcli demo` has one of its own"
    raise ManifestError(FILE_NAME, [problem], hint=hint)


def manifest_places(explicit: str | None = None, environ: Mapping[str, str] | None = None) -> list[str]:
    """Every path where a manifest is looked for, in this run or in the next without the option: they may be missing."""
    environ = os.environ if environ is None else environ
    named = [path for path in (explicit, environ.get(VARIABLE)) if path]
    return [*named, *_usual_places(environ), CEILING]


def look_for_manifest(
    explicit: str | None, environ: Mapping[str, str] | None = None, *, directory: str = ""
) -> Located | None:
    """As `find_manifest`; None where none was named and none is in the usual places."""
    environ = os.environ if environ is None else environ
    named = explicit if explicit is not None else environ.get(VARIABLE) or None
    if named is not None:
        return Located(named, named=True)
    usual = [path for path in _usual_places(environ, directory) if _exists(path)]
    if not usual:
        return None
    hidden = next((path for path in usual[1:] if not _is_same(path, usual[0])), None)
    return Located(usual[0], named=False, hides=hidden)


def read_ceiling() -> bytes | None:
    """The bytes of the ceiling; None where there is none. Raises ManifestError where it is not root's alone.

    Where there is none, that is one system call.
    """
    located = Located(CEILING, named=True)
    try:
        os.lstat(CEILING)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise _error(located, f"cannot be looked at: {system_reason(exc)}") from exc
    try:
        return _read(located, _check_root_alone, os.O_NOFOLLOW)
    except OSError as exc:
        raise _error(located, f"cannot be read: {system_reason(exc)}") from exc


def read_manifest(located: Located) -> bytes:
    """Open it, check it, read it. Raises ManifestError."""
    try:
        return _read(located, _accept_named if located.named else _check_trust)
    except (OSError, ValueError) as exc:
        raise _error(located, f"cannot be read: {system_reason(exc)}") from exc


def _usual_places(environ: Mapping[str, str], directory: str = "") -> list[str]:
    return [os.path.join(directory, FILE_NAME), *_user_manifest(environ)]


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


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


_Check = Callable[[Located, os.stat_result, int, os.stat_result], None]


def _read(located: Located, check: _Check, flags: int = 0) -> bytes:
    """`check` gets what lstat() says of the path, the open descriptor, and what fstat() says of that."""
    before = os.lstat(located.path)
    descriptor = os.open(located.path, _FLAGS | flags)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _error(located, "is not a regular file")
        check(located, before, descriptor, found)
        data = b""
        # One byte more than allowed, and not the size that fstat tells: the file may be growing.
        while len(data) <= MAX_BYTES and (chunk := os.read(descriptor, MAX_BYTES + 1 - len(data))):
            data += chunk
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise _error(located, f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    return data


def _accept_named(located: Located, before: os.stat_result, descriptor: int, found: os.stat_result) -> None:
    """Whoever names a file answers for it."""


def _check_root_alone(located: Located, before: os.stat_result, descriptor: int, found: os.stat_result) -> None:
    """The ceiling binds every user, so only root may be able to change it, or to put another in its place."""
    del before, descriptor
    hint = f"chown root {located.path} and chmod go-w {located.path}, and its directory likewise"
    for what, status in (("", found), ("its directory ", os.stat(os.path.dirname(located.path)))):
        if status.st_uid != 0:
            raise _error(located, f"{what}belongs to uid {status.st_uid} and not to root, so it is not trusted", hint)
        # With an access list, the group's bits are its mask: without this one, nobody on it can write.
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _error(located, f"{what}can be written by others than root, so it is not trusted", hint)


def _check_trust(located: Located, before: os.stat_result, descriptor: int, found: os.stat_result) -> None:
    """A file that nobody named must be the user's or root's, and nobody else may be able to write or replace it."""
    hint = f"name it with --manifest if it is to be used: --manifest {located.path}"
    user = os.geteuid()
    if found.st_uid not in (user, 0):
        raise _error(located, f"belongs to another user (uid {found.st_uid}), so it is not trusted", hint)
    if found.st_mode & stat.S_IWOTH:
        raise _error(located, "can be written by everybody, so it is not trusted", f"chmod o-w {located.path}")
    if _group_can_write(found, descriptor, user):
        reason = f"can be written by others than uid {user} (by gid {found.st_gid}, or by its access list)"
        raise _error(located, f"{reason}, so it is not trusted", f"chmod g-w {located.path}")
    if stat.S_ISLNK(before.st_mode):
        # Somebody else's link makes any file of the user's the policy, in a directory where they may create files.
        if before.st_uid not in (user, 0):
            raise _error(located, f"is a link that another user made (uid {before.st_uid}), so it is not trusted", hint)
    elif (before.st_dev, before.st_ino) != (found.st_dev, found.st_ino):
        raise _error(located, "was replaced while it was opened, so it is not trusted", hint)
    _check_directory(located, os.path.dirname(located.path) or os.curdir, found, hint)


def _check_directory(located: Located, directory: str, found: os.stat_result, hint: str) -> None:
    """Who may write the directory may put another file in the place of this one, unless it is sticky (as /tmp is)."""
    status = os.stat(directory)
    user = os.geteuid()
    if status.st_uid not in (user, 0):
        raise _error(located, f"its directory belongs to another user (uid {status.st_uid}): not trusted", hint)
    if not (status.st_mode & stat.S_IWOTH or _group_can_write(status, directory, user)):
        return
    if not status.st_mode & stat.S_ISVTX:
        raise _error(located, "its directory can be written by others, so it is not trusted", hint)
    if found.st_nlink > 1:
        # A hard link, which they could make of any file of the user's and which keeps its owner.
        raise _error(located, "has another name and is in a directory that others can write: not trusted", hint)


def _group_can_write(status: os.stat_result, path: str | int, user: int) -> bool:
    return bool(status.st_mode & stat.S_IWGRP) and (status.st_gid != _primary_group(user) or _has_acl(path))


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


def _has_acl(path: str | int) -> bool:
    """With an access list, the group's bits are what any user or group on the list may have at most (acl(5)).

    A system that is not Linux keeps its lists elsewhere. There may be one then, which is the safe answer.
    """
    if not hasattr(os, "getxattr"):
        return True
    try:
        os.getxattr(path, _ACL)
    except OSError:
        return False
    return True
