"""What was typed, to be found again: commands and lines apart, in one file that only the user can read.

A line of the file is a mark and the text. What was typed while the peer had the echo is never kept, and no line that
holds a password (`sessions.secret_lines`): neither on the disk, nor to be found again in the same run.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prompt_toolkit.history import History

from sockcli.sessions.secret_lines import is_secret
from sockcli.stdio.files import PRIVATE, make_private

# Entries: more than anyone searches, and read within a millisecond or two.
KEPT: Final = 1_000
# Bytes that are read, the last ones of the file. A larger file is rewritten with the last KEPT entries: at the next
# start, or as soon as it is twice as large.
_LARGEST: Final = 256 * 1024
# Characters. A longer line was pasted, or is data, and is not kept.
_LONGEST: Final = 4_096

Entry = tuple[str, str]  # a mark and the text
COMMANDS: Final = ":"
LINES: Final = ">"


def history_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """$XDG_STATE_HOME/sockcli/history; None where there is no home either."""
    state = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # the XDG specification: a relative one is to be ignored
        return Path(state, "sockcli", "history")
    home = environ.get("HOME", "")
    return Path(home, ".local", "state", "sockcli", "history") if os.path.isabs(home) else None


class HistoryFile:
    """A regular file of the user's, which nobody else can read; anything else in its place is left alone.

    Errors of the disk are ignored: that it is full or read-only is no reason to disturb a user who is typing.
    """

    def __init__(
        self, path: Path | None, *, keeps: bool = True, refused: Callable[[str], None] = lambda _why: None
    ) -> None:
        """`keeps`: whether what is typed from now on is kept at all, in memory too; it can be changed.

        `refused(why)` is called, once, where something else than a file of the user's has its place.
        """
        self.keeps = keeps
        self._path = path
        self._refused = refused
        self._entries: list[Entry] | None = None

    def entries(self, mark: str) -> list[str]:
        """The oldest first."""
        return [text for kind, text in self._loaded() if kind == mark]

    def add(self, mark: str, text: str) -> None:
        """Append it. Several programs may do this at once: each line is one write at the end of the file."""
        entries = self._loaded()
        entries.append((mark, text))
        del entries[: -2 * KEPT]
        if self._path is not None:
            self._access(lambda path: self._append(path, _as_line((mark, text))))

    def _loaded(self) -> list[Entry]:
        if self._entries is None:
            self._entries = []
            if self._path is not None:
                self._access(self._load)
        return self._entries

    def _access(self, work: Callable[[Path], None]) -> None:
        """Do this with the file; where that fails, do without one from then on."""
        assert self._path is not None
        try:
            work(self._path)
        except FileNotFoundError:
            pass  # there is none yet
        except _NotOurs as exc:
            self._refused(f'{exc.why}: "{self._path}"')
            self._path = None
        except OSError:
            self._path = None

    def _load(self, path: Path) -> None:
        size, data = _tail(path)
        lines = data.decode("utf-8", "surrogateescape").split("\n")[:-1]
        found = [(line[0], line[1:]) for line in lines if line[:1] in (COMMANDS, LINES)][-KEPT:]
        # Version 0.1 kept passwords: they are taken out of the file.
        self._entries = [entry for entry in found if not _holds_secret(*entry)]
        if size > _LARGEST or len(self._entries) < len(found):
            _rewrite(path, self._entries)

    def _append(self, path: Path, line: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
            os.write(fd, line)
            size = os.fstat(fd).st_size
        if size > 2 * _LARGEST:
            self._load(path)  # with what other programs have added


class _NotOurs(Exception):
    """What stands at the file's place is not to be read or written."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """A descriptor of the file. Raises OSError, and _NotOurs for what is no regular file of the user's.

    O_NONBLOCK: to open a FIFO would else wait for whoever opens its other end.
    """
    try:
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC, PRIVATE)
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise _NotOurs("it is a symbolic link") from exc
        if exc.errno in (errno.ENXIO, errno.EISDIR):  # a FIFO that nobody reads, a socket; a directory
            raise _NotOurs("it is not a regular file") from exc
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _NotOurs("it is not a regular file")
        if status.st_uid != os.geteuid():
            raise _NotOurs("it belongs to another user")
        make_private(fd)
        yield fd
    finally:
        os.close(fd)


def _tail(path: Path) -> tuple[int, bytes]:
    """The file's size in bytes, and as many of its last ones as are looked at."""
    with _opened(path, os.O_RDONLY) as fd:
        size = os.fstat(fd).st_size
        return size, os.pread(fd, _LARGEST, max(0, size - _LARGEST))


def _rewrite(path: Path, entries: Iterable[Entry]) -> None:
    """Raises OSError, and then leaves the file as it was."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(fd, "wb") as file:
            file.writelines(map(_as_line, entries))
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _as_line(entry: Entry) -> bytes:
    mark, text = entry
    return f"{mark}{text}\n".encode("utf-8", "surrogateescape")


def _holds_secret(mark: str, text: str) -> bool:
    """A command may hold one behind its name, as `send --line PASS …`."""
    behind = re.sub(r"\S+\s+(?:--\w+\s+)*[\"']?", "", text, count=1) if mark == COMMANDS else ""
    return is_secret(text) or is_secret(behind)


class TypedHistory(History):
    """One of the two kinds, as prompt_toolkit asks for it."""

    def __init__(self, file: HistoryFile, mark: str) -> None:
        super().__init__()
        self._file = file
        self._mark = mark

    def remember(self, text: str) -> None:
        """Unless it was the last one already, is data, or begins with a blank, which keeps it out as in a shell."""
        if self._file.keeps and text and not text[0].isspace() and "\n" not in text and len(text) <= _LONGEST:
            if self.get_strings()[-1:] != [text]:
                self.append_string(text)
            del self._loaded_strings[KEPT:]

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._file.entries(self._mark))

    def store_string(self, string: str) -> None:
        self._file.add(self._mark, string)
