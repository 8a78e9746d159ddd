"""Records what full-screen programs write, for test_real_programs.py: `python -m tests.terminal.record`.

The recordings are kept, so that the tests need neither the programs nor the same versions of them. It needs root,
for a process list in which nothing but `top` is.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pexpect  # type: ignore[import-untyped]

from tests.terminal.emulator import COLUMNS, ROWS

RECORDINGS: Final = Path(__file__).parent / "recordings"
QUIET: Final = 0.4  # nothing written for so long: the program waits for a key

BOXES: Final = """
import curses
def main(screen):
    if curses.has_colors():
        curses.init_pair(1, curses.COLOR_YELLOW, curses.COLOR_BLUE)
    for size in range(3, 20, 4):
        window = screen.subwin(size, size * 3, 1, 1)
        if curses.has_colors():
            window.bkgd(" ", curses.color_pair(1))
        window.box()
        window.addstr(1, 1, "box", curses.A_REVERSE)
        window.refresh()
        screen.getch()
    screen.scrollok(True)
    screen.setscrreg(5, 15)
    screen.scroll(3)
    screen.insstr(2, 2, "inserted")
    screen.refresh()
    screen.getch()
curses.wrapper(main)
"""


class Session(NamedTuple):
    """A program, its terminal, and the keys typed, each when the program has gone quiet."""

    name: str
    term: str
    argv: Sequence[str]
    keys: Sequence[str]


TMUX_CONFIG: Final = "set -g status-right ''\nset -g default-command 'less text'\n"
TMUX: Final = ["tmux", "-f", "config", "-L", "record", "new"]
TOP: Final = ["unshare", "--fork", "--pid", "--mount-proc", "top", "-d", "60"]
VI: Final = ["vim.tiny", "-u", "NONE", "-N", "-c", "set ruler showcmd nowrap", "text"]
VI_KEYS: Final = ["\x1bOB\x1bOC", "ihello \x1b", "dd", "5p", "\x04", "\x15", "GA tail\x1b", "/fox\r", ":q!\r"]
SESSIONS: Final = [
    Session("less", "xterm-256color", ["less", "text"], [" ", " ", "b", "/line 3\r", "n", "G", "q"]),
    Session("top", "xterm-256color", TOP, ["z", "x", "h", "\x1b", "q"]),
    Session("vi-xterm", "xterm-256color", VI, VI_KEYS),
    Session("vi-linux", "linux", VI, VI_KEYS),
    Session("vi-vt100", "vt100", VI, VI_KEYS),
    Session("boxes-xterm", "xterm-256color", [sys.executable, "-c", BOXES], "123456"),
    Session("boxes-vt100", "vt100", [sys.executable, "-c", BOXES], "123456"),
    Session("tmux", "xterm-256color", TMUX, [" ", "\x02%", " ", '\x02"', "q", "q", "q"]),
]


def record(session: Session, directory: str) -> bytes:
    """What the program writes until it ends."""
    environment = {"TERM": session.term, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": directory}
    command, *arguments = session.argv
    child = pexpect.spawn(command, arguments, env=environment, dimensions=(ROWS, COLUMNS), cwd=directory)
    written = b""
    for keys in (*session.keys, None):
        try:
            while True:
                written += child.read_nonblocking(65_536, timeout=QUIET)
        except pexpect.TIMEOUT:
            child.send(keys)
        except pexpect.EOF:
            break
    child.close()
    return written


def main() -> None:
    RECORDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        lines = [f"line {number}: {'the quick brown fox, ünïcödé 世界 ' * (number % 3)}" for number in range(1, 99)]
        Path(directory, "text").write_text("\n".join(lines), encoding="utf-8")
        Path(directory, "config").write_text(TMUX_CONFIG, encoding="utf-8")
        for session in SESSIONS:
            Path(RECORDINGS, f"{session.name}.bin").write_bytes(record(session, directory))


if __name__ == "__main__":
    main()
