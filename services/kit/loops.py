"""Event loops, periodic steps, and tasks beside a process's main task."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import structlog

from services.kit.errors import TransientError, reason_of

log = structlog.get_logger()
FAILING_AFTER = 120.0
"""Seconds for which a loop's steps may fail, one after the other, before readiness turns red."""
AGAIN = 30.0
"""Seconds after which a step that failed is tried again, so that one of an hour does not make a process unready."""
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


_beside = set[asyncio.Task[object]]()
_failing = WeakKeyDictionary[asyncio.Task[Any], tuple[float, str]]()


async def check_background() -> None:
    """A readiness check: raises RuntimeError when a task beside the main one has ended, or keeps failing.

    It covers all tasks of this process that `background` runs, so that no service can forget one.
    """
    for task in tuple(_beside):
        if task.done():
            error = None if task.cancelled() else task.exception()
            raise RuntimeError(f"{task.get_name()} has ended" + (f": {reason_of(error)}" if error else ""))
    now = time.monotonic()
    for since, failure in tuple(_failing.values()):
        if now - since > FAILING_AFTER:
            raise RuntimeError(f"{failure}, for {now - since:.0f} s")


@contextmanager
def noting_failures(name: str) -> Iterator[None]:
    """One step of a loop: while each one fails, the process becomes unready in the end. An error goes on."""
    task = asyncio.current_task()
    try:
        yield
    except Exception as error:
        if task:
            began, _ = _failing.get(task, (time.monotonic(), ""))
            _failing[task] = began, f"{name} keeps failing: {reason_of(error)}"
        raise
    if task:
        _failing.pop(task, None)


async def run_periodically(
    name: str, step: Callable[[], Awaitable[object]], every: float, progress: Callable[[], None] = lambda: None
) -> None:
    """Run `step` until cancelled, with `every` seconds between two; one that failed is tried again within a minute.

    An error is logged and ends nothing. `progress` is called after a success only; when no step succeeds any more,
    readiness turns red (`check_background`).
    """
    while True:
        pause = min(every, AGAIN)
        try:
            with noting_failures(name):
                await step()
            progress()
            pause = every
        except TransientError as error:
            log.warning(f"{name}.retrying", reason=reason_of(error))
        except Exception:  # a fault of ours must not end a loop that keeps others alive: logged, and unready in the end
            log.exception(f"{name}.failed")
        await asyncio.sleep(pause)


@asynccontextmanager
async def background(
    *work: Coroutine[Any, Any, object], cancel_again: float = CANCEL_AGAIN
) -> AsyncIterator[Collection[asyncio.Task[object]]]:
    """Run `work` beside the body; cancelled and awaited at its end. Yields the tasks.

    A task that ends before the body does turns readiness red (`check_background`), and is logged.
    """
    tasks = {asyncio.create_task(one, name=getattr(one, "__qualname__", "background")) for one in work}
    for task in tasks:
        task.add_done_callback(_log_failure)
    _beside.update(tasks)
    try:
        yield tasks
    finally:
        _beside.difference_update(tasks)
        await end(tasks, cancel_again)
        await asyncio.gather(*tasks, return_exceptions=True)


def _log_failure(task: asyncio.Task[object]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("background.ended", task=task.get_name(), reason=reason_of(error), exc_info=error)


async def end(tasks: Collection[asyncio.Task[Any]], cancel_again: float = CANCEL_AGAIN) -> None:
    """Cancel `tasks`, until they end: `asyncio.wait_for` of Python 3.11 can lose a cancellation."""
    while running := [one for one in tasks if not one.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=cancel_again)
