"""Waiting for what a session was given to send."""

from __future__ import annotations

import asyncio
from typing import Final

from sockcli.sessions.manager import SessionManager
from sockcli.sessions.session import Session

# A peer that takes nothing of what is on its way for so long will not take the rest.
STALLED: Final = 5.0


async def flush(manager: SessionManager, session: Session) -> None:
    """Wait until all of it is with the kernel, the session is over, or the peer takes nothing more."""
    while session.unsent and not session.over:
        sent = session.sent
        try:
            async with asyncio.timeout(STALLED):
                await manager.until(session, lambda: session.sent > sent or not session.unsent)  # noqa: B023
        except TimeoutError:
            return
