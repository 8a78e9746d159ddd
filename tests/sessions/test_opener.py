"""Opening on a thread, and giving up on it at any moment."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable

import pytest

from sockcli.base.deadline import NEVER
from sockcli.base.poller import Interrupt, wait
from sockcli.errors import Interrupted
from sockcli.sessions.opener import opened


async def start(work: Callable[[Interrupt], str], discarded: list[str]) -> asyncio.Task[str]:
    task = asyncio.ensure_future(opened(work, discarded.append))
    await asyncio.sleep(0)
    return task


def join() -> None:
    """Wait for the thread. What it has to say is then the next thing that the loop will hear."""
    for thread in threading.enumerate():
        if thread.name == "sockcli opening":
            thread.join()


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


async def give_up_before_it_is_heard(task: asyncio.Task[str]) -> None:
    join()
    task.cancel()


async def give_up_just_after(task: asyncio.Task[str]) -> None:
    join()
    asyncio.get_running_loop().call_soon(task.cancel)


@pytest.mark.parametrize("give_up", [give_up_before_it_is_heard, give_up_just_after])
def test_what_was_opened_all_the_same_is_closed(give_up: Callable[[asyncio.Task[str]], Awaitable[None]]) -> None:
    discarded: list[str] = []

    async def main() -> None:
        before = descriptors()
        task = await start(lambda _: "opened", discarded)
        await give_up(task)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert descriptors() == before

    asyncio.run(main())
    assert discarded == ["opened"]


def test_giving_up_ends_its_waits() -> None:
    ended = threading.Event()

    def work(interrupt: Interrupt) -> str:
        try:
            wait((), NEVER, interrupt)
        except Interrupted:
            ended.set()
            raise
        return "never"

    async def main() -> None:
        task = await start(work, [])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        join()

    asyncio.run(main())
    assert ended.is_set()
