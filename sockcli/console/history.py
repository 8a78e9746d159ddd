"""What was typed, to be found again: commands and lines apart, in one file that only the user can read.

A line of the file is a mark and the text. What was typed while the peer had the echo is never kept, and no line that
holds a password (`sessions.secret_lines`): neither on the disk, nor to be found again in the same run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from prompt_toolkit.history import History

from sockcli.sessions.secret_lines import is_secret

# Entries: more than anyone searches, and read within a millisecond or two.
KEPT: Final = 1_000
# Bytes. A larger file is rewritten at the next start, with the last KEPT entries.
_LARGEST: Final = 256 * 1024
# Characters. A longer line was pasted, or is data, and is not kept.
_LONGEST: Final = 4_096

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
    """Errors of the file are ignored: a full or read-only disk is no reason to disturb a user who is typing."""

    def __init__(self, path: Path | None, *, keeps: bool = True) -> None:
        """`keeps`: whether what is typed from now on is kept at all, in memory too; it can be changed."""
        self.keeps = keeps
        self._path = path
        self._entries: list[tuple[str, str]] | None = None

    def entries(self, mark: str) -> list[str]:
        """The oldest first."""
        if self._entries is None:
            self._entries = self._read()
        return [text for kind, text in self._entries if kind == mark]

    def add(self, mark: str, text: str) -> None:
        """Append it. Several programs may do this at once: each line is one write at the end of the file."""
        if self._entries is None:
            self._entries = self._read()
        self._entries.append((mark, text))
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.write(fd, f"{mark}{text}\n".encode("utf-8", "surrogateescape"))
            finally:
                os.close(fd)
        except OSError:
            self._path = None

    def _read(self) -> list[tuple[str, str]]:
        if self._path is None:
            return []
        try:
            data = self._path.read_bytes()
        except OSError:
            return []
        lines = data[-_LARGEST:].decode("utf-8", "surrogateescape").split("\n")[:-1]
        found = [(line[0], line[1:]) for line in lines if line[:1] in (COMMANDS, LINES)][-KEPT:]
        # Version 0.1 kept passwords: they are taken out of the file.
        entries = [(mark, text) for mark, text in found if not _holds_secret(mark, text)]
        if len(data) > _LARGEST or len(entries) < len(found):
            self._rewrite(self._path, entries)
        return entries

    def _rewrite(self, path: Path, entries: Iterable[tuple[str, str]]) -> None:
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.writelines(f"{mark}{text}\n".encode("utf-8", "surrogateescape") for mark, text in entries)
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)


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
