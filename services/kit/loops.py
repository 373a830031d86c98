"""A step taken again and again beside a process's work."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.kit.errors import TransientError

log = structlog.get_logger()


async def run_periodically(
    name: str, step: Callable[[], Awaitable[None]], every: float, progressed: Callable[[], None] = lambda: None
) -> None:
    """Take `step` until cancelled, with `every` seconds between two.

    What is away for a while is waited for. A fault of ours is said each time and ends nothing: `progressed` is not told
    of it, and so readiness turns red when it goes on.
    """
    while True:
        try:
            await step()
            progressed()
        except TransientError as error:
            log.warning("loop.retrying", loop=name, reason=str(error)[:300])
        except Exception:
            log.exception("loop.failed", loop=name)
        await asyncio.sleep(every)
