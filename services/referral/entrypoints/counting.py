"""The loop in the worker that counts what an alarm is rung for: referrals that need a person, and lost ones."""

import structlog
from prometheus_client import Gauge

from services.referral.bootstrap import ReferralService
from services.referral.domain.referral import Escalation

log = structlog.get_logger()
EVERY = 30.0

escalated = Gauge("joldama_referrals_escalated", "Referrals on the operators' worklist", ["reason"])
without_deadline = Gauge("joldama_referrals_without_deadline", "Open referrals that nobody owns or would look at again")


async def count_once(service: ReferralService) -> None:
    counts = await service.worklists.escalated()
    for reason in Escalation:
        escalated.labels(reason.value).set(counts.get(reason, 0))
    lost = await service.deadlines.open_without_deadline()
    without_deadline.set(len(lost))
    if lost:
        log.error("referrals.without_deadline", referrals=[str(one) for one in lost[:50]])
