"""Ends the process before a batch is acknowledged: Faust acknowledges when its agent returns or raises."""

import asyncio
import os
from collections.abc import Awaitable

import structlog

log = structlog.get_logger()
GRACE = 10.0
"""Seconds that a batch under way has to end when the worker is told to stop."""


async def finish(step: Awaitable[None], grace: float = GRACE) -> None:
    """Wait for `step` even when cancelled; when it does not end in time, or fails then, the process ends."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=grace)
        finally:
            if not task.done() or task.exception():
                log.warning("worker.left_a_batch", reason="it will be delivered again")
                os._exit(os.EX_TEMPFAIL)
        raise


async def hold(stopped: Awaitable[None]) -> None:
    """Keep the batch until an operator ends the worker.

    The app's own end would wait for this batch for ever, so its first step ends the process.
    """
    try:
        await stopped
    finally:
        os._exit(os.EX_TEMPFAIL)
