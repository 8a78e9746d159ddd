"""No terminal answers what was filtered, nor changes its title: asked of an emulator, and of a real one (tmux)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyte
import pytest

from tests.terminal.corpus import DANGEROUS, variants
from tests.terminal.emulator import Screen
from tests.terminal.tools import SAFE_MODES, SafeMode, whole
from tests.waiting import until


def acts(data: bytes) -> list[str]:
    screen = Screen()
    pyte.ByteStream(screen).feed(data)
    return screen.acted


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_an_emulator_does_nothing_but_draw(mode: SafeMode) -> None:
    for name, data in variants():
        assert acts(whole(mode, [data])) == [], name


@pytest.mark.parametrize("name", ["device attributes", "status report", "cursor report", "title", "window title"])
def test_unfiltered_it_does(name: str) -> None:
    assert acts(DANGEROUS[name])


# Runs in the pane: writes each piece, then asks for the status. Answers come in order, so that when the status is
# there, every earlier answer is too.
PROBE: Final = r"""
import json, os, subprocess, sys, tty
pieces = [bytes.fromhex(line) for line in open(sys.argv[1])]
tty.setraw(0)
replies = []
for piece in pieces:
    os.write(1, piece + b"\x18\x1b[5n")
    reply = b""
    while not reply.endswith(b"\x1b[0n"):
        reply += os.read(0, 1000)
    replies.append(reply.removesuffix(b"\x1b[0n").hex())
title = subprocess.check_output(["tmux", "display-message", "-p", "-t", os.environ["TMUX_PANE"], "#{pane_title}"])
with open(sys.argv[2] + ".part", "w") as file:
    json.dump([replies, title.decode().strip()], file)
os.rename(sys.argv[2] + ".part", sys.argv[2])
"""


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    """The beginning of a command line for a tmux of the test's own."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    command = [program, "-f", "/dev/null", "-S", str(tmp_path / "socket")]
    yield command
    subprocess.run([*command, "kill-server"], check=False, stderr=subprocess.DEVNULL)


def ask(tmux: list[str], directory: Path, pieces: list[bytes]) -> tuple[list[str], str]:
    """What the terminal answers to each of the pieces, and its title afterwards."""
    script, given, taken = (directory / name for name in ("probe.py", "pieces", "replies"))
    script.write_text(PROBE)
    given.write_text("".join(f"{piece.hex()}\n" for piece in pieces))
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    command = [sys.executable, str(script), str(given), str(taken)]
    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "24", *command], check=True, env=environment)
    until(taken.exists, "the probe in tmux", 40)
    replies, title = json.loads(taken.read_text())
    return replies, title


@pytest.mark.parametrize("mode", SAFE_MODES)
def test_a_real_terminal_answers_nothing(mode: SafeMode, tmux: list[str], tmp_path: Path) -> None:
    names, sequences = zip(*variants(), strict=True)
    replies, title = ask(tmux, tmp_path, [whole(mode, [data]) for data in sequences])
    assert [name for name, reply in zip(names, replies, strict=True) if reply] == []
    assert "pwned" not in title


def test_unfiltered_a_real_terminal_does(tmux: list[str], tmp_path: Path) -> None:
    names = ["device attributes", "secondary device attributes", "terminal name (XTVERSION)", "cursor report", "title"]
    replies, title = ask(tmux, tmp_path, [DANGEROUS[name] for name in names])
    assert all(replies[:-1])
    assert "pwned" in title
