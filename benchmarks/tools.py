"""The contenders: which are installed, and how each is told to do the same work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

OURS = "sockcli"
FLOOR = "floor"


class Usage(NamedTuple):
    """Command lines; the words `PORT` and `MANIFEST` are filled in."""

    send: str
    receive: str
    both: str


_TCP = "{} tcp --manifest MANIFEST 127.0.0.1 PORT"

# socat waits half a second at an end unless told otherwise, and ncat leaves with its stdin: both are given
# the options under which they do all of the work and no waiting.
STREAM_USAGE = {
    OURS: Usage(_TCP, _TCP, _TCP),
    FLOOR: Usage("{} PORT", "{} PORT", "{} PORT"),
    "nc": Usage("{} -N 127.0.0.1 PORT", "{} -N 127.0.0.1 PORT", "{} -N 127.0.0.1 PORT"),
    "ncat": Usage("{} 127.0.0.1 PORT", "{} --recv-only 127.0.0.1 PORT", "{} 127.0.0.1 PORT"),
    "socat": Usage("{} -u - TCP:127.0.0.1:PORT", "{} -u TCP:127.0.0.1:PORT -", "{} -t60 - TCP:127.0.0.1:PORT"),
}


def installed(directory: Path) -> dict[str, str]:
    """The command of each contender that is here. The nc is OpenBSD's: others know no -N."""
    found = {OURS: str(Path(sys.executable).with_name("sockcli")), FLOOR: str(directory / FLOOR)}
    for name, candidates in {"nc": ("nc.openbsd", "nc"), "ncat": ("ncat",), "socat": ("socat",)}.items():
        for candidate in candidates:
            path = shutil.which(candidate)
            if path and (name != "nc" or "OpenBSD" in _help(path)):
                found[name] = path
                break
    return found


def _help(command: str) -> str:
    return subprocess.run([command, "-h"], capture_output=True, text=True, check=False).stderr


def version(name: str, command: str) -> str:
    """One line that names the version."""
    if name == "nc":
        return _help(command).splitlines()[0]
    flag = "-V" if name == "socat" else "--version"
    said = subprocess.run([command, flag], capture_output=True, text=True, check=False)
    lines = [line for line in (said.stdout + said.stderr).splitlines() if "ersion" in line]
    return lines[0] if lines else command


def filled_in(usage: str, command: str, *, port: int, manifest: os.PathLike[str]) -> list[str]:
    """`usage` as an argv."""
    words = {"{}": command, "PORT": str(port), "MANIFEST": os.fspath(manifest)}
    return [words.get(word, word.replace("PORT", str(port))) for word in usage.split()]
