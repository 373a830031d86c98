"""Retention: what goes after how long, swept in small steps by one process at a time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from services.kit.errors import TransientError, reason_of
from services.kit.loops import run_periodically
from services.kit.sql.lease import Lease

log = structlog.get_logger()
EVERY = 3600.0
"""Seconds between two sweeps."""
LEASE_MS = round(EVERY * 900)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind of what is kept: for how long (None: for ever), how much is due now, and how much was swept in all."""

    what: str
    keep: timedelta | None
    due: int
    swept: int = 0
    swept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sweep: how much it swept, by kind, and where the next one goes on; None at the end."""

    swept: Mapping[str, int] = field(default_factory=dict)
    next: UUID | None = None


class Retention(Protocol):
    """One service's retention."""

    async def status(self) -> Sequence[Kept]: ...

    async def sweep(self, after: UUID | None) -> Step:
        """Sweep a batch. Raises TransientError while it cannot be known what is due."""
        ...


async def sweep_all(retention: Retention) -> None:
    """Step by step to the end; what was swept is logged."""
    step = await retention.sweep(None)
    while True:
        if any(step.swept.values()):
            log.info("retention.swept", **step.swept)
        if step.next is None:
            return
        step = await retention.sweep(step.next)


async def keep_sweeping(retention: Retention, lease: Lease, every: float = EVERY) -> None:
    """Until cancelled. Of all processes one sweeps in each period: the first to acquire the period's lease.

    What fails is tried again in the next period, and does not make the process unready: nobody waits for it.
    """

    async def in_turn() -> None:
        await asyncio.sleep(every)
        try:
            if await lease.acquire():
                await sweep_all(retention)
        except TransientError as error:
            log.warning("retention.put_off", reason=reason_of(error))

    await run_periodically("retention", in_turn, 0)


def days(number: int) -> timedelta | None:
    """A setting's number of days; 0 is for ever."""
    return timedelta(days=number) if number else None
