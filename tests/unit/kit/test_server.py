"""Ending a process at a signal: its work is cancelled, again when a cancellation was swallowed."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from services.kit.http.server import until_stopped

Work = Callable[[], Awaitable[None]]


async def tidy(done: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        done.append("tidied up")


async def swallow(done: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        done.append("swallowed")
    await tidy(done)


@pytest.mark.parametrize(
    ("work", "expected"), [(tidy, ["tidied up"]), (swallow, ["swallowed", "tidied up"])]
)  # fmt: skip
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_work_however_it_takes_its_cancellation(
    work: Callable[[list[str]], Awaitable[None]], expected: list[str], number: signal.Signals
) -> None:
    done: list[str] = []
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), number)
    await asyncio.wait_for(until_stopped(work(done), again=0.05), 10)  # type: ignore[arg-type]
    assert done == expected


async def test_the_works_own_end_and_error_are_its_own() -> None:
    await until_stopped(asyncio.sleep(0))

    async def fail() -> None:
        raise LookupError("a fault of ours")

    with pytest.raises(LookupError, match="ours"):
        await until_stopped(fail())
