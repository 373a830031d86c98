"""Mending: when the audit finds a difference, capacity is made anew from the record, by the steward's own steps."""

import asyncio
import time
from dataclasses import dataclass

import structlog

from services.contracts.rebuild import Opened
from services.kit.errors import PermanentError, TransientError
from services.referral.handlers.hold_audit import Audit, Report
from services.referral.handlers.steward import Steward

log = structlog.get_logger()
WAIT = 30.0
"""Seconds that mending waits for a rebuild that is under way already."""


@dataclass(frozen=True, slots=True)
class Mended:
    """`before` names what was different; `opened` is None when nothing was and nothing was done."""

    before: Report
    opened: Opened | None
    after: Report


@dataclass(frozen=True)
class Mend:
    """A new generation, and not a patch: what is granted or handed over meanwhile is fenced off with the old one."""

    audit: Audit
    steward: Steward

    async def __call__(self) -> Mended:
        """Audit, rebuild when there is a difference, and audit again. Raises TransientError."""
        before = await self.audit()
        if not before.differences:
            return Mended(before, None, before)
        log.warning("audit.mending", differences=len(before.differences))
        async with self.steward.alone:
            opened = await self._rebuild()
        return Mended(before, opened, await self.audit())

    async def _rebuild(self) -> Opened:
        give_up = time.monotonic() + WAIT
        while not await self.steward.record.take_lease(self.steward.owner):
            if time.monotonic() > give_up:
                raise TransientError("another steward rebuilds")
            await asyncio.sleep(0.25)
        try:
            return await self.steward.rebuild()
        except PermanentError as error:
            raise TransientError(str(error)) from error
        finally:
            await self.steward.record.give_lease_back(self.steward.owner)
