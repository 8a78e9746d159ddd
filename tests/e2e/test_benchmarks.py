"""The benchmarks still run: every claim of speed stands on them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (Debian: gcc)")
def test_one_table() -> None:
    works = [word for work in ("pipe-tcp", "tcp-file", "both", "round-trip") for word in ("--only", work)]
    command = [sys.executable, "-m", "benchmarks", "--runs", "1", "--size", "2", "--json", *works]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=50).stdout
    table = json.loads(printed)
    assert {"processor", "kernel", "python"} <= table["machine"].keys()
    assert [row["name"] for row in table["results"] if row["unit"] in ("GB/s", "µs")] == [
        "pipe → TCP",
        "TCP → file",
        "both ways at once, pipes",
        "64 bytes there and back",
    ]
    for row in table["results"]:
        assert {"sockcli", "floor"} <= row["figures"].keys()
        assert all(figure > 0 for figure in row["figures"].values())
        assert row["ratios"].keys() == row["figures"].keys() - {"sockcli"}
