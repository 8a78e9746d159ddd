"""How the command line gets here: one session that is the program, or the command prompt."""

from __future__ import annotations

from collections.abc import Callable

from sockcli.engine import Engine
from sockcli.policy import Policy
from sockcli.record import open_records
from sockcli.repl.app import Repl
from sockcli.repl.options import EscapeKey, Settings, Target, TcpTarget, UdpTarget
from sockcli.repl.shell import MakeRunner, ParseTarget
from sockcli.signals import SignalInterrupt
from sockcli.wait import Interrupt

Say = Callable[[str], None]
MakeEngine = Callable[[Interrupt], Engine]


def run_session(
    policy: Policy,
    target: TcpTarget | UdpTarget,
    make_runner: MakeRunner,
    parse: ParseTarget,
    *,
    notice: Say,
    detail: Say,
    settings: Settings | None = None,
    escape: EscapeKey | None = None,
    make_engine: MakeEngine | None = None,
) -> int:
    """`sockcli tcp` or `udp` on a terminal. Over with its session; the exit code, where nothing is raised.

    `notice` and `detail` say something beside the session: before the terminal is taken, and after it is given back.
    Raises SockcliError: nothing could be opened, or what the session failed with; Interrupted for a signal.
    """
    policy.authorize(target.request)
    taps = open_records(target.hex_dump, target.log)
    with SignalInterrupt() as interrupt:
        engine = make_engine(interrupt) if make_engine else Engine(policy, interrupt=interrupt)
        transport = engine.open(target.request, target.dial)
    grant = transport.grant
    detail(f"{transport.local} is connected with {transport.peer}, allowed by {grant.rule} ({grant.source})")
    key = f"; {escape.name} gives a command prompt" if escape is not None else ""
    notice(f"{'connected with' if isinstance(target, TcpTarget) else 'sending to'} {transport.peer}{key}")
    repl = Repl(policy, make_runner, parse, settings=settings, escape=escape, single=True, make_engine=make_engine)

    async def begin(repl: Repl) -> None:
        repl.hub.adopt(transport, target, taps)

    try:
        return repl.run(begin)
    finally:
        for line in repl.farewell:
            notice(line)


def run_repl(
    policy: Policy,
    target: Target | None,
    make_runner: MakeRunner,
    parse: ParseTarget,
    *,
    notice: Say,
    settings: Settings | None = None,
    escape: EscapeKey | None = None,
    make_engine: MakeEngine | None = None,
) -> int:
    """`sockcli repl` on a terminal, first in a session with `target` where there is one. Raises Interrupted."""
    repl = Repl(policy, make_runner, parse, settings=settings, escape=escape, make_engine=make_engine)

    async def begin(repl: Repl) -> None:
        if target is not None:
            await repl.hub.open(target)

    try:
        return repl.run(begin)
    finally:
        for line in repl.farewell:
            notice(line)
