"""Which machine: a figure without it says nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from benchmarks.tools import FLOOR, OURS, version


def describe(commands: dict[str, str]) -> dict[str, str]:
    known = {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    return known | {name: version(name, path) for name, path in commands.items() if name not in (OURS, FLOOR)}


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
