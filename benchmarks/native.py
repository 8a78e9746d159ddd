"""The two C programs: `peer`, the other end that is never the bottleneck, and `floor`, which only splices."""

from __future__ import annotations

import compileall
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

_HERE = Path(__file__).parent


def compile_all(directory: Path) -> None:
    """Build both into `directory`, and sockcli's bytecode beside its sources.

    pip does that when it installs. A checkout may lack it, and then each start would compile what it loads.
    """
    compileall.compile_dir(_HERE.parent / "sockcli", quiet=1)
    for name in ("peer", "floor"):
        subprocess.run(
            ["cc", "-O2", "-pthread", "-Wno-unused-result", "-o", directory / name, _HERE / f"{name}.c"], check=True
        )


class Peer:
    """A running `peer` that listens; `finish` gives what it counted."""

    def __init__(self, program: Path, mode: str, *arguments: int) -> None:
        self._process = subprocess.Popen(
            [program, mode, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def finish(self) -> list[int]:
        """Let it end, and read the numbers it printed last."""
        printed, _ = self._process.communicate(timeout=60)
        return [int(word) for word in printed.split()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
