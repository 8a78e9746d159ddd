"""Opening in the background: on a thread, because it may take long, with a way to end its waits.

The engine blocks, and asyncio cannot end a thread. It need not: every wait of the engine takes an Interrupt.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from sockcli.base.connect_options import DialOptions, ListenOptions
from sockcli.base.interrupts import Cancellation
from sockcli.base.poller import Interrupt
from sockcli.engine import Answer, Engine
from sockcli.net.listen import TcpListener
from sockcli.net.transport import Transport
from sockcli.net.udp import UdpReceiver
from sockcli.policy import Grant

T = TypeVar("T")

MakeEngine = Callable[[Interrupt], Engine]


class BackgroundOpener:
    """Awaits what an engine opens. Its methods raise what the engine's raise, and can be cancelled."""

    def __init__(self, make_engine: MakeEngine) -> None:
        self._make_engine = make_engine

    async def connection(self, grant: Grant, options: DialOptions) -> Transport:
        return await opened(lambda interrupt: self._make_engine(interrupt).open(grant, options), _close)

    async def listener(self, grant: Grant, options: ListenOptions) -> TcpListener:
        return await opened(lambda interrupt: self._make_engine(interrupt).listen(grant, options), _close)

    async def receiver(self, grant: Grant, options: ListenOptions) -> UdpReceiver:
        return await opened(lambda interrupt: self._make_engine(interrupt).bind(grant, options), _close)

    async def addresses(self, grant: Grant, family: int) -> Sequence[Answer]:
        """The addresses that its host has, and for each whether it may be used."""
        return await opened(
            lambda interrupt: self._make_engine(interrupt).resolve(grant, family=family), lambda _: None
        )


class _Open(Protocol):
    def close(self) -> None: ...


def _close(what: _Open) -> None:
    what.close()


async def opened(work: Callable[[Interrupt], T], discard: Callable[[T], None]) -> T:
    """The result of `work`, which runs on a thread. Raises what it raises.

    Cancelled, it ends within a moment: `work` is interrupted. What it opened all the same is given to `discard`.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()
    cancellation = Cancellation()

    def deliver(value: T | None, error: BaseException | None) -> None:
        cancellation.close()
        if not result.cancelled():
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(value)  # type: ignore[arg-type]  # there is one where there is no error
        elif error is None:
            discard(value)  # type: ignore[arg-type]

    def body() -> None:
        value, error = None, None
        try:
            value = work(cancellation)
        except BaseException as exc:  # noqa: BLE001  # not for this thread to judge
            error = exc
        with suppress(RuntimeError):  # the loop is closed: the process is ending
            loop.call_soon_threadsafe(deliver, value, error)

    # A daemon: a lookup that hangs must not keep the process from ending.
    threading.Thread(target=body, name="sockcli opening", daemon=True).start()
    try:
        return await result
    except asyncio.CancelledError:
        cancellation.cancel()
        if not result.cancelled() and result.exception() is None:
            discard(result.result())  # it was opened in the same moment
        raise
