"""Start-up, whole processes: what a script pays that calls sockcli a thousand times.

The floor is what Python needs to import the library that the work cannot do without.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.measure import Bench, BenchmarkError, Row, Work, in_turns, medians, timed
from benchmarks.native import Peer

IMPORT_CLICK = [sys.executable, "-c", "import click"]
BARE_PROMPT = [sys.executable, "-c", "from prompt_toolkit import PromptSession; PromptSession().prompt('> ')"]

# prompt_toolkit switches bracketed paste on with the very write that shows the first prompt.
PROMPT_SHOWN = b"\x1b[?2004h"


def _milliseconds(argv: Sequence[str]) -> Callable[[], float]:
    return lambda: timed(argv).wall * 1000


def _compared(bench: Bench, contenders: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    # A single start is short, so more of them make the median steady at little cost.
    return medians(in_turns(contenders, bench.runs * 4))


def help_page(bench: Bench) -> Iterator[Row]:
    contenders = {
        "sockcli": _milliseconds([bench.commands["sockcli"], "--help"]),
        "floor": _milliseconds(IMPORT_CLICK),
    }
    yield Row("start: --help beside `import click`", "ms", True, _compared(bench, contenders), {"floor": 1 / 1.15})


def udp_send(bench: Bench) -> Iterator[Row]:
    with Peer(bench.peer, "count") as peer:
        port = str(peer.port)
        options = ["udp", "--manifest", str(bench.manifest), "127.0.0.1", port, "hello"]
        contenders = {
            "sockcli": _milliseconds([bench.commands["sockcli"], *options]),
            "floor": _milliseconds(IMPORT_CLICK),
        }
        figures = _compared(bench, contenders)
    yield Row("start: a UDP send beside `import click`", "ms", True, figures, {"floor": 1 / 1.25})


def _prompt(argv: Sequence[str], environment: Mapping[str, str]) -> float:
    """Milliseconds until the prompt is on the terminal."""
    ours, theirs = pty.openpty()
    started = time.perf_counter()
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    try:
        while PROMPT_SHOWN not in shown:
            shown += os.read(ours, 65536)
        return (time.perf_counter() - started) * 1000
    except OSError as exc:
        raise BenchmarkError(f"{' '.join(argv)}: no prompt: {shown!r}") from exc
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def first_prompt(bench: Bench) -> Iterator[Row]:
    # A home of its own: neither the user's history nor his configuration is read or written.
    environment = {**os.environ, "TERM": "xterm", "HOME": str(bench.directory)}
    repl = [bench.commands["sockcli"], "--manifest", str(bench.manifest), "repl"]
    contenders = {
        "sockcli": lambda: _prompt(repl, environment),
        "floor": lambda: _prompt(BARE_PROMPT, environment),
    }
    figures = _compared(bench, contenders)
    yield Row("start: the first prompt beside a bare PromptSession", "ms", True, figures, {"floor": 1 / 1.25})


WORKS: dict[str, Work] = {"help": help_page, "udp-start": udp_send, "prompt": first_prompt}
