"""The loops in the worker that keep capacity true: the steward, the audit, and the trimming of the inbox."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from prometheus_client import Counter, Gauge

from services.kit.errors import TransientError
from services.kit.http.health import Progress
from services.kit.loops import run_periodically
from services.referral.adapters.tables import inbox
from services.referral.bootstrap import ReferralService
from services.referral.entrypoints.counting import EVERY as COUNT_EVERY
from services.referral.entrypoints.counting import count_once

log = structlog.get_logger()
STALLED_AFTER = 120.0
"""Seconds without a look at capacity that turn readiness red; a rebuild may take long."""
INBOX_MS = 45 * 86_400_000
"""How long the inbox remembers: the outboxes publish again what is 30 days old, and Kafka keeps that for 7 more."""
TRIM_EVERY = 3600.0
AUDIT_LEASE = "audit"

differences = Gauge("joldama_audit_differences", "Differences between record and capacity at the last audit")
unsettled = Gauge("joldama_audit_unsettled", "Differences that may still have been on their way at the last audit")
last_audit = Gauge("joldama_audit_last_timestamp_seconds", "When this worker last audited to the end")
audits = Counter("joldama_audits_total", "Audits by how they ended", ["outcome"])


async def audit_once(service: ReferralService) -> None:
    """Audit, and say it loudly when something differs."""
    try:
        report = await service.audit()
    except TransientError as error:
        audits.labels("failed").inc()
        log.warning("audit.failed", reason=str(error)[:300])
        return
    differences.set(len(report.differences))
    unsettled.set(report.unsettled)
    last_audit.set_to_current_time()
    audits.labels("differs" if report.differences else "agrees").inc()
    for one in report.differences[:50]:
        log.error(
            "audit.difference", kind=one.kind.value, programme=one.programme_id, referral=str(one.referral_id),
            record=one.record, capacity=one.capacity,
        )  # fmt: skip


async def _audit_in_turn(service: ReferralService) -> None:
    """One worker of all audits each period: whoever takes the period's lease."""
    every = service.settings.audit_every
    await asyncio.sleep(every)
    if await service.record.take_lease(service.steward.owner, AUDIT_LEASE, round(every * 1000)):
        await audit_once(service)


async def _trim(service: ReferralService) -> None:
    before = int(time.time() * 1000) - INBOX_MS
    await service.database.write(partial(inbox.trim, before=before))


@asynccontextmanager
async def stewarding(service: ReferralService) -> AsyncIterator[Progress]:
    """The loops run while the context is open; yields the steward's progress."""
    progress = Progress(STALLED_AFTER)
    service.steward.progressed = progress
    loops: tuple[Coroutine[Any, Any, None], ...] = (
        service.steward.run(),
        run_periodically("audit", lambda: _audit_in_turn(service), 0),
        run_periodically("trim", lambda: _trim(service), TRIM_EVERY),
        run_periodically("count", lambda: count_once(service), COUNT_EVERY),
    )  # fmt: skip
    tasks = {asyncio.create_task(one) for one in loops}
    try:
        yield progress
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
