"""The benchmarks still run: every claim of speed stands on them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import module

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (Debian: gcc)")


def measure(*works: str) -> dict[str, Any]:
    only = [word for work in works for word in ("--only", work)]
    command = [sys.executable, "-m", "benchmarks", "--runs", "1", "--size", "2", "--json", *only]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=50).stdout
    table: dict[str, Any] = json.loads(printed)
    return table


def test_one_table() -> None:
    table = measure("pipe-tcp", "tcp-file", "both", "round-trip")
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


def test_telnet_text_takes_a_hundredth_of_the_time_that_a_loop_over_its_bytes_does() -> None:
    """So much that any machine shows it, however busy."""
    module("telnetlib3", "telnetlib3")
    rows = [row for row in measure("telnet-parser")["results"] if row["targets"]]
    assert [row["name"] for row in rows] == [
        "telnet parser, clean text",
        "telnet parser, clean text, after a login",
    ]
    for row in rows:
        assert all(row["ratios"][name] >= least for name, least in row["targets"].items()), row
