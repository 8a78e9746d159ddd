"""Descriptors 0, 1 and 2 that are closed at the start."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_are_filled(closed: str) -> None:
    """So that no socket gets one of the three numbers."""
    script = (
        "import os\n"
        "from sockcli.stdio.descriptors import fill_closed_descriptors\n"
        "fill_closed_descriptors()\n"
        "seen = os.open('/dev/null', 0) > 2, len(os.read(0, 9)), os.write(1, b'')\n"
        "os.write(int(os.environ['REPORT']), b'%d %d %d' % seen)\n"
    )
    read, write = os.pipe()
    environ = {**os.environ, "REPORT": str(write)}
    command = f'exec {sys.executable} -c "$0" {closed}'
    if "<&-" not in closed:
        command += " </dev/null"
    subprocess.run(["sh", "-c", command, script], env=environ, pass_fds=[write], timeout=30, check=True)
    os.close(write)
    with open(read, "rb") as file:
        assert file.read() == b"1 0 0"
