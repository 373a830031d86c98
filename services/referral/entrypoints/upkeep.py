"""The loops in the worker that keep capacity true: rebuild, audit, trimming of the inbox, retention, and gauges."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from services.kit.errors import TransientError, reason_of
from services.kit.loops import Progress, background, run_periodically
from services.kit.retention import keep_sweeping
from services.referral.adapters.tables import inbox
from services.referral.bootstrap import ReferralService
from services.referral.domain.referral import Escalation
from services.referral.metrics import (
    audit_differences,
    audit_last,
    audit_unsettled,
    audits,
    escalated,
    without_deadline,
)

log = structlog.get_logger()
STALLED_AFTER = 120.0
"""Seconds without a check of capacity that turn readiness red; a rebuild may take long."""
INBOX_MS = 45 * 86_400_000
"""How long the inbox remembers: the outboxes publish again what is 30 days old, and Kafka keeps that for 7 more."""
TRIM_EVERY, GAUGES_EVERY = 3600.0, 30.0


async def audit_once(service: ReferralService) -> None:
    """Audit, and log each difference as an error."""
    try:
        report = await service.reconcile()
    except TransientError as error:
        audits.labels("failed").inc()
        log.warning("audit.failed", reason=reason_of(error))
        return
    audit_differences.set(len(report.differences))
    audit_unsettled.set(report.unsettled)
    audit_last.set_to_current_time()
    audits.labels("differs" if report.differences else "agrees").inc()
    for one in report.differences[:50]:
        log.error(
            "audit.difference", kind=one.kind.value, programme=one.programme_id, referral=str(one.referral_id),
            record=one.record, capacity=one.capacity,
        )  # fmt: skip


async def _audit_in_turn(service: ReferralService) -> None:
    """Of all workers one audits in each period: the first to acquire the period's lease."""
    await asyncio.sleep(service.settings.audit_every)
    if await service.audit_lease.acquire():
        await audit_once(service)


async def set_gauges(service: ReferralService) -> None:
    """The gauges behind the alarms: referrals that need an operator, and lost ones."""
    counts = await service.reading.worklists.escalated()
    for reason in Escalation:
        escalated.labels(reason.value).set(counts.get(reason, 0))
    lost = await service.deadlines.lost()
    without_deadline.set(len(lost))
    if lost:
        log.error("referrals.without_deadline", referrals=[str(one) for one in lost[:50]])


async def _trim(service: ReferralService) -> None:
    before = int(time.time() * 1000) - INBOX_MS
    await service.database.write(partial(inbox.trim, before=before))


@asynccontextmanager
async def upkeep(service: ReferralService) -> AsyncIterator[Progress]:
    """The loops run while the context is open; yields the rebuilder's progress."""
    progress = Progress(STALLED_AFTER)
    service.rebuilder.progress = progress
    async with background(
        service.rebuilder.run(),
        run_periodically("audit", lambda: _audit_in_turn(service), 0),
        run_periodically("trim", lambda: _trim(service), TRIM_EVERY),
        keep_sweeping(service.retention, service.retention_lease),
        run_periodically("gauges", lambda: set_gauges(service), GAUGES_EVERY),
    ):
        yield progress
