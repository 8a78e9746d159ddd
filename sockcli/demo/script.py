"""Runs what the tour shows, in the shell that would read it: what it prints, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Final, NamedTuple

from sockcli.base.deadline import Deadline
from sockcli.base.poller import READABLE, Interrupt, Poller
from sockcli.errors import LocalFailure

# A step takes well under a second. A machine that is slow beyond this is told so, not waited for.
LIMIT: Final = 30.0
_CHUNK: Final = 65_536


class Done(NamedTuple):
    code: int
    output: str  # stdout and stderr, in the order in which a terminal shows them


def run(script: str, interrupt: Interrupt, limit: float = LIMIT) -> Done:
    """Raises LocalFailure where it does not end within `limit` seconds, Interrupted; then nothing of it is left."""
    with subprocess.Popen(
        ["/bin/sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,  # a pipeline is several processes, and all of them are to go
    ) as shell:
        assert shell.stdout is not None
        try:
            output = _read_all(shell.stdout.fileno(), Deadline(limit), interrupt)
        except BaseException:
            os.killpg(shell.pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
            raise
    return Done(shell.returncode, output.decode("utf-8", "replace"))


def _read_all(fd: int, deadline: Deadline, interrupt: Interrupt) -> bytes:
    poller = Poller(interrupt)
    poller.watch(((fd, READABLE),))
    output = b""
    while poller.wait(deadline):
        data = os.read(fd, _CHUNK)
        if not data:
            return output
        output += data
    raise LocalFailure(f"a step of the demo did not end within {deadline.seconds:g} s")
