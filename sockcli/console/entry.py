"""How the command line gets here: one session that is the program, or the command prompt."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sockcli import __version__
from sockcli.base.interrupts import SignalInterrupt
from sockcli.console.options import ConsoleOptions
from sockcli.console.tty_claim import claimed_tty
from sockcli.engine import Engine, failure_told
from sockcli.policy import Policy
from sockcli.sessions.targets import Target, TcpTarget, UdpTarget
from sockcli.stdio.recording import open_records

if TYPE_CHECKING:
    from sockcli.commands.shell import MakeCommandLine
    from sockcli.console.app import Repl

Say = Callable[[str], None]


def run_session(
    policy: Policy,
    target: TcpTarget | UdpTarget,
    make_command_line: MakeCommandLine,
    options: ConsoleOptions,
    *,
    notice: Say,
    detail: Say,
) -> int:
    """`sockcli tcp` or `udp` on a terminal, until its session is over. The exit code, where nothing is raised.

    `notice` and `detail` say something beside the session: before the terminal is taken, and after it is given back.
    Raises SockcliError: nothing could be opened, or what the session failed with; Interrupted for a signal.
    """
    grant = policy.authorize(target.request)  # before a file is made for what is denied
    with failure_told(grant):
        taps = open_records(target.hex_dump, target.log, rules=options.files)
    with claimed_tty(plain=options.plain) as claimed:
        with SignalInterrupt(claimed.discipline.restore) as interrupt:
            transport = Engine(policy, interrupt=interrupt).open(grant, target.dial)
        detail(f"{transport.local} is connected with {transport.peer}, allowed by {grant.rule} ({grant.source})")
        key = f"; {options.escape.name} gives a command prompt" if options.escape is not None else ""
        notice(f"{'connected with' if isinstance(target, TcpTarget) else 'sending to'} {transport.peer}{key}")

        async def begin(repl: Repl) -> None:
            repl.manager.adopt(transport, target, taps)

        with _no_collection():
            from sockcli.console.app import Repl

            repl = Repl(policy, make_command_line, claimed, options, single=True)
            return _run(repl, begin, notice)


def run_repl(
    policy: Policy,
    target: Target | None,
    make_command_line: MakeCommandLine,
    options: ConsoleOptions,
    *,
    notice: Say,
) -> int:
    """`sockcli repl` on a terminal, first in a session with `target` where there is one. Raises Interrupted."""

    async def begin(repl: Repl) -> None:
        if target is not None:
            from sockcli.commands.handlers.connections import open_session

            session = await open_session(repl, target)
            repl.notice(session.announcement)

    with claimed_tty(plain=options.plain) as claimed, _no_collection():
        key = f"; {options.escape.name} in a session comes back to this prompt" if options.escape is not None else ""
        notice(f"{__version__}, manifest {policy.manifest}")
        notice(f"help lists the commands{key}")
        from sockcli.console.app import Repl

        return _run(Repl(policy, make_command_line, claimed, options), begin, notice)


def _run(repl: Repl, begin: Callable[[Repl], Coroutine[None, None, None]], notice: Say) -> int:
    try:
        return repl.run(begin)
    finally:
        for line in repl.farewell:
            notice(line)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage until the first prompt (the Repl turns it on again). What is loaded until then stays, and to
    look through it again and again would take a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
