"""Which files a run may write, and how they are opened: private, through no link, and never its own policy.

What is written here may be a password, and where it goes may have been chosen by somebody else: by a script that
passes a name on, or by another user who left a link in a shared folder. So one function opens every file that an
option or a command names for writing:

    named                                        is
    a manifest's place, under whatever name      refused: no run may rewrite the policy that governs it
    a symbolic link                              refused: it may lead to any file of the user's
    /dev/stderr, /dev/fd/N, /proc/self/fd/N      used where it is a pipe, a terminal or a device, as `>(gzip)` is
    a new file                                   made with mode 0600
    a regular file or a FIFO of ours             used; the file gets mode 0600
    one of another user's                        refused
    a device or a terminal                       used
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence
from typing import Final, NamedTuple

from sockcli.base.escaping import printable
from sockcli.errors import LocalFailure, UsageError

# The mode of a new file: a record may have a password in it, so that only its owner may read it.
PRIVATE: Final = 0o600
_OTHERS: Final = 0o077

# No O_TRUNC: the file may be one that the run needs, which is found out only once it is open. O_NONBLOCK: open() would
# wait for the reader of a FIFO, and a signal would not end that wait, because Python starts the call again.
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

# Names of descriptors that are open already. They are links too, but made by the kernel, and the shell uses them.
_DESCRIPTOR: Final = re.compile(r"/dev/(stdout|stderr|fd/[0-9]+)|/proc/(self|thread-self|[0-9]+)/fd/[0-9]+")

# Device and inode: the same for every name of a file.
Identity = tuple[int, int]


class ProtectedFile(NamedTuple):
    """A file that no option or command may write. It need not exist."""

    path: str
    what: str  # as a message calls it


class FileRules(NamedTuple):
    """What the options and commands of one run may do with files."""

    protected: Sequence[ProtectedFile] = ()
    none_named: bool = False  # --no-files: none of them may name one

    def check_naming(self, option: str) -> None:
        """To be called before a file that `option` names is looked at. Raises UsageError with `--no-files`."""
        if self.none_named:
            raise UsageError(f"{option}: --no-files is given, so no file may be named")

    def open_for_writing(self, option: str, path: str, flags: int = os.O_WRONLY) -> int:
        """A descriptor of the file, which is made if it is not there; nothing of it is lost yet.

        It does not block. Raises UsageError and LocalFailure for what is refused, and OSError where the system does:
        ENXIO is a FIFO that nobody reads.
        """
        self.check_naming(option)
        self._refuse_place(option, path)
        fd, is_new = _open(path, flags | _FLAGS)
        try:
            # Once more: the name may lead elsewhere by now, or be a place of which the check above did not know.
            what = self._protected_as(identity_of(os.fstat(fd)))
            if what is not None:
                if is_new:
                    os.unlink(path)
                raise _is_protected(option, path, what)
            _check_owner(fd, path)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _refuse_place(self, option: str, path: str) -> None:
        """Before anything is made: even an empty manifest would hide the next one that is looked for."""
        try:
            what = self._protected_as(identity_of(os.stat(path)))
        except (OSError, ValueError):
            where = _missing_place(path)
            missing = (each.what for each in self.protected if where and _missing_place(each.path) == where)
            what = next(missing, None)
        if what is not None:
            raise _is_protected(option, path, what)

    def _protected_as(self, identity: Identity) -> str | None:
        for path, what in self.protected:
            try:
                if identity_of(os.stat(path)) == identity:
                    return what
            except (OSError, ValueError):
                continue  # it is not there, so nothing is the same file
        return None


# For whoever reads no manifest.
ANY_FILE: Final = FileRules()


def identity_of(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def make_private(fd: int) -> None:
    """Let nobody but its owner, who is the user, read a regular file."""
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
        os.fchmod(fd, PRIVATE)


def _missing_place(path: str) -> tuple[Identity, str] | None:
    """Where a file that is not there would be made: its folder, and its name in it. None where there is no folder."""
    folder, name = os.path.split(path)
    try:
        return identity_of(os.stat(folder or ".")), name
    except (OSError, ValueError):
        return None


def _is_protected(option: str, path: str, what: str) -> UsageError:
    return UsageError(f'{option} "{printable(path)}" is {what}, which no run may write')


def _open(path: str, flags: int) -> tuple[int, bool]:
    """The descriptor, and whether the file was made. Raises LocalFailure, OSError."""
    if _DESCRIPTOR.fullmatch(path):
        fd = os.open(path, flags)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _link(path)
        return fd, False
    flags |= os.O_NOFOLLOW
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, PRIVATE), True
    except FileExistsError:
        pass
    try:
        return os.open(path, flags), False
    except OSError as exc:
        if exc.errno == errno.ELOOP and os.path.islink(path):
            raise _link(path) from exc
        raise


def _link(path: str) -> LocalFailure:
    return LocalFailure(
        f'cannot write to "{printable(path)}": it is a link to a file', hint="give the name of the file itself"
    )


def _check_owner(fd: int, path: str) -> None:
    status = os.fstat(fd)
    is_file = stat.S_ISREG(status.st_mode) or (stat.S_ISFIFO(status.st_mode) and not _DESCRIPTOR.fullmatch(path))
    if is_file and status.st_uid != os.geteuid():
        raise LocalFailure(f'cannot write to "{printable(path)}": it belongs to another user (uid {status.st_uid})')
