"""Commands that make sessions, choose among them, wait for them and end them."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from sockcli.base.endpoint import Operation
from sockcli.base.escaping import printable
from sockcli.base.formatting import table
from sockcli.commands import word_parser
from sockcli.commands.model import Call
from sockcli.commands.shell import Shell
from sockcli.errors import TimedOut
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.session import Session
from sockcli.sessions.targets import Target

# Seconds, as on the command line: longer than any run, and no clock overflows.
MOST_SECONDS: Final = 1e9

_MISSING: Final = {"tcp": "the peer did not end it", "udp": "no reply came", "udp-bind": "nothing came"}


# Seconds until the user is told what is being opened. Most connections are open before that.
QUIET: Final = 0.3


async def open_session(shell: Shell, target: Target) -> Session:
    """Open a session; where that takes longer than QUIET, show what is being opened. Raises SockcliError."""
    doing = f"connecting to {target.request.endpoint} (Ctrl-C cancels)"
    timer = asyncio.get_running_loop().call_later(QUIET, shell.progress, lambda: doing)
    try:
        return await shell.manager.open(target)
    finally:
        timer.cancel()
        shell.progress(None)


async def connect(call: Call) -> None:
    """`tcp`, `udp` and `listen`: open what their words ask for."""
    target = call.shell.command_line.parse_target([call.name, *word_parser.split_words(call.rest)])
    session = await open_session(call.shell, target)
    # A port that the system chose is shown in any case. Anything else is as it was asked for.
    tell = call.shell.show if session.request.port == 0 else call.shell.notice
    tell(session.announcement)


async def sessions(call: Call) -> None:
    call.words(most=0)
    manager = call.shell.manager
    if not manager.sessions:
        call.shell.show("no sessions; tcp HOST PORT or udp HOST PORT opens one")
        return
    rows: list[tuple[str, ...]] = [("", "session", "", "sent", "received", "unread")]
    rows += [_row(session, session is manager.current) for session in manager.sessions.values()]
    call.shell.show(table(rows))


def _row(session: Session, current: bool) -> tuple[str, ...]:
    state = "lost" if session.failure is not None else "ended" if session.over else "open"
    counts = (session.sent, session.received, session.inbox.unread)
    return (f"{'*' if current else ' '}{session.number}", session.title, state, *(f"{count:,}" for count in counts))


async def use(call: Call) -> None:
    words = call.words(most=1)
    if not words:
        raise call.usage("the session's number is missing")
    session = call.session(words[0])
    call.shell.manager.use(session.number)
    call.shell.notice(session.name)


async def close(call: Call) -> None:
    """What the session has still to send goes first, as long as the peer takes it."""
    session = call.session(*call.words(most=1))
    manager = call.shell.manager
    try:
        await manager.flush(session)
        left = 0 if session.over else session.unsent
    finally:
        # Also if Ctrl-C ended the wait: to close it is what was asked for.
        if session.number in manager.sessions:
            manager.close(session.number)
    if left:
        raise TimedOut(f"session {session.number} is closed; the peer did not take the last {left:,} bytes")
    choice = f"; {manager.choice}" if manager.current is None and manager.sessions else ""
    call.shell.notice(f"session {session.number} closed{choice}")


async def wait(call: Call) -> None:
    """Wait until the peer ends; on UDP, which has no end, for the given seconds."""
    words = call.words(most=1)
    seconds = _seconds(call, words[0]) if words else None
    session: Session | None = None
    try:
        async with asyncio.timeout(seconds):
            session = await _session_to_wait_for(call.shell.manager)
            if seconds is None and session.kind != "tcp":
                raise call.usage("datagrams have no end: say for how many seconds")
            await call.shell.manager.until(session, lambda: False)
    except TimeoutError:
        if session is not None and _answered(session):
            return
        what = f"session {session.number}: {_MISSING[session.kind]}" if session is not None else "nobody connected"
        raise TimedOut(f"{what} within {seconds:g} s") from None
    if session.failure is not None:
        raise session.failure


async def _session_to_wait_for(manager: SessionManager) -> Session:
    """The current session; if there is none, the first that a listener accepts. Raises UsageError."""
    if manager.current is None:
        listeners = [session for session in manager.sessions.values() if session.kind == "tcp-listen"]
        if listeners and not _accepted(manager):
            await manager.until(listeners[-1], lambda: bool(_accepted(manager)))
        for session in _accepted(manager)[:1]:
            manager.use(session.number)
    return manager.get()


def _accepted(manager: SessionManager) -> list[Session]:
    return [
        session
        for session in manager.sessions.values()
        if session.kind == "tcp" and session.request.operation is Operation.TCP_LISTEN
    ]


def _answered(session: Session) -> bool:
    """Whether a datagram came since the last one was sent."""
    if session.kind == "tcp" or session.last_received is None:
        return False
    return session.last_sent is None or session.last_received >= session.last_sent


def _seconds(call: Call, text: str) -> float:
    try:
        seconds = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MOST_SECONDS:
        raise call.usage(f'"{printable(text)}" is not a number of seconds')
    return seconds


async def suspend(call: Call) -> None:
    call.words(most=0)
    call.shell.suspend()


async def leave(call: Call) -> None:
    call.words(most=0)
    call.shell.quit()
