"""Repair: when the reconciliation finds a difference, capacity is rebuilt from the record as a new generation."""

import asyncio
import time
from dataclasses import dataclass

import structlog

from services.contracts.rebuild import Opened
from services.kit.errors import PermanentError, TransientError
from services.referral.handlers.rebuild import CapacityRebuilder
from services.referral.handlers.reconcile import Reconciliation, Report

log = structlog.get_logger()
WAIT = 30.0
"""Seconds that a repair waits for a rebuild that is under way already."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """`before` names the differences; `opened` is None when there was none and nothing was done."""

    before: Report
    opened: Opened | None
    after: Report


@dataclass(frozen=True)
class Repair:
    """A new generation, and not a patch: grants and hand-overs meanwhile are fenced off with the old one (ADR 6)."""

    reconcile: Reconciliation
    rebuilder: CapacityRebuilder
    wait: float = WAIT

    async def __call__(self) -> Repaired:
        """Reconcile, rebuild when there is a difference, and reconcile again. Raises TransientError."""
        before = await self.reconcile()
        if not before.differences:
            return Repaired(before, None, before)
        log.warning("audit.repairing", differences=len(before.differences))
        async with self.rebuilder.lock:
            opened = await self._rebuild()
        return Repaired(before, opened, await self.reconcile())

    async def _rebuild(self) -> Opened:
        lease, give_up = self.rebuilder.record.lease, time.monotonic() + self.wait
        while not await lease.acquire():
            if time.monotonic() > give_up:
                raise TransientError("another process rebuilds")
            await asyncio.sleep(0.25)
        try:
            return await self.rebuilder.rebuild()
        except PermanentError as error:
            raise TransientError(str(error)) from error
        finally:
            await lease.release()
