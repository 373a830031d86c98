"""The loop in the worker that counts what an alarm is rung for: referrals that need a person, and lost ones."""

import structlog
from prometheus_client import Gauge

from services.referral.adapters.sql_views import Scope
from services.referral.adapters.sql_worklists import Worklist
from services.referral.bootstrap import ReferralService

log = structlog.get_logger()
EVERY = 30.0

escalated = Gauge("joldama_referrals_escalated", "Referrals on the operators' worklist")
without_deadline = Gauge("joldama_referrals_without_deadline", "Open referrals that nobody owns or would look at again")


async def count_once(service: ReferralService) -> None:
    escalated.set((await service.worklists.page(Worklist.ESCALATED, Scope(), None, 1)).total)
    lost = await service.deadlines.open_without_deadline()
    without_deadline.set(len(lost))
    if lost:
        log.error("referrals.without_deadline", referrals=[str(one) for one in lost[:50]])
