"""The loop in the worker that keeps deadlines. Of all workers the holder of the lease sweeps."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from services.kit.loops import Progress, background, run_periodically
from services.referral.bootstrap import ReferralService
from services.referral.metrics import deadline_steps, sweep_last

log = structlog.get_logger()
EVERY = 1.0
"""Seconds between two sweeps."""
STALLED_AFTER = 60.0
"""Seconds without a sweep that turn readiness red."""


async def sweep_once(service: ReferralService, progress: Callable[[], None] = lambda: None) -> None:
    steps = await service.sweep(service.clock(), progress)
    if steps is None:  # another worker sweeps
        return
    for command, number in steps.items():
        deadline_steps.labels(command.value).inc(number)
        log.info("deadlines.kept", command=command.value, number=number)
    sweep_last.set_to_current_time()


@asynccontextmanager
async def sweeping(service: ReferralService) -> AsyncIterator[Progress]:
    """Sweeps while the context is open; yields the progress."""
    progress = Progress(STALLED_AFTER)
    async with background(run_periodically("sweep", lambda: sweep_once(service, progress), EVERY, progress)):
        yield progress
