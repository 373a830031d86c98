"""Event loops, periodic steps, and tasks beside a process's main task."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from services.kit.errors import TransientError, reason_of

log = structlog.get_logger()
CANCEL_AGAIN = 5.0
"""Seconds that cancelled work has to end before it is cancelled again."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's event loop, where there is one: it takes a sixth off the worker's CPU time."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def run(main: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run` on such a loop."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main)


class Progress:
    """A readiness check of a loop, which calls it at each step: it fails `within` seconds after the last one."""

    def __init__(self, within: float) -> None:
        self._within, self._at = within, time.monotonic()

    def __call__(self) -> None:
        self._at = time.monotonic()

    async def check(self) -> None:
        age = time.monotonic() - self._at
        if age > self._within:
            raise TimeoutError(f"no progress for {age:.0f} s")


async def run_periodically(
    name: str, step: Callable[[], Awaitable[object]], every: float, progress: Callable[[], None] = lambda: None
) -> None:
    """Run `step` until cancelled, with `every` seconds between two.

    An error is logged and ends nothing; `progress` is called after a success only, so readiness turns red in the end.
    """
    while True:
        try:
            await step()
            progress()
        except TransientError as error:
            log.warning(f"{name}.retrying", reason=reason_of(error))
        except Exception:
            log.exception(f"{name}.failed")
        await asyncio.sleep(every)


@asynccontextmanager
async def background(
    *work: Coroutine[Any, Any, object], cancel_again: float = CANCEL_AGAIN
) -> AsyncIterator[Collection[asyncio.Task[object]]]:
    """Run `work` beside the body; cancelled and awaited at its end. Yields the tasks."""
    tasks = {asyncio.create_task(one) for one in work}
    try:
        yield tasks
    finally:
        await end(tasks, cancel_again)
        await asyncio.gather(*tasks, return_exceptions=True)


async def end(tasks: Collection[asyncio.Task[Any]], cancel_again: float = CANCEL_AGAIN) -> None:
    """Cancel `tasks`, until they end: `asyncio.wait_for` of Python 3.11 can lose a cancellation."""
    while running := [one for one in tasks if not one.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=cancel_again)
