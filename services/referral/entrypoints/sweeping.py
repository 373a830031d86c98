"""The loop in the worker that keeps deadlines. Every worker runs it: two at once do no harm."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from prometheus_client import Counter, Gauge

from services.kit.http.health import Progress
from services.kit.loops import run_periodically
from services.referral.bootstrap import ReferralService

log = structlog.get_logger()
EVERY = 1.0
"""Seconds between two sweeps."""
STALLED_AFTER = 60.0
"""Seconds without a sweep that turn readiness red."""

swept = Counter("referral_deadlines_total", "Steps that the sweep took", ["command"])
last = Gauge("joldama_sweep_last_timestamp_seconds", "When deadlines were last looked through to the end")


async def sweep_once(service: ReferralService, progressed: Callable[[], None] = lambda: None) -> None:
    for command, number in (await service.sweep(service.clock(), progressed)).items():
        swept.labels(command.value).inc(number)
        log.info("deadlines.kept", command=command.value, number=number)
    last.set_to_current_time()


@asynccontextmanager
async def keeping_deadlines(service: ReferralService) -> AsyncIterator[Progress]:
    """Sweeps while the context is open; yields its progress."""
    progress = Progress(STALLED_AFTER)
    task = asyncio.create_task(run_periodically("sweep", lambda: sweep_once(service, progress), EVERY, progress))
    try:
        yield progress
    finally:
        task.cancel()
        await asyncio.wait({task})
