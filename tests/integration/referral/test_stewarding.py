"""The worker's loops: capacity is looked at, audited and told of, and the inbox forgets by age."""

import time
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from sqlalchemy import insert, select, update

from services.referral.adapters.tables import ReferralRow, inbox
from services.referral.entrypoints import counting
from services.referral.entrypoints.stewarding import INBOX_MS, stewarding
from tests.integration.referral.country import Country
from tests.integration.referral.test_audit import Drifting, country, redis
from tests.support.eventually import eventually

__all__ = ["country", "redis"]


def gauge() -> float | None:
    return REGISTRY.get_sample_value("joldama_audit_differences")


async def test_a_difference_turns_the_metric_red_and_a_repair_clears_it(
    country: Country, redis: Redis, prefix: str
) -> None:
    await country.open("near", places=1)
    await country.submit(1)
    settings = country.service.settings.model_copy(update={"audit_every": 0.2})
    await redis.delete(Drifting(redis, prefix).claim(1))
    async with stewarding(replace(country.service, settings=settings)):
        await eventually(lambda: gauge() == 2)
        await country.service.mend()
        await eventually(lambda: gauge() == 0)


async def test_the_inbox_forgets_what_is_older_than_all_that_may_come_again(country: Country) -> None:
    now = int(time.time() * 1000)
    days = 86_400_000
    ages = {"ancient": INBOX_MS + days, "republished": 38 * days, "new": 0}
    values = [{"consumer": "t", "event_id": name, "received_at": now - age} for name, age in ages.items()]
    await country.service.database.write(lambda session: session.execute(insert(inbox.rows), values))
    mine = select(inbox.rows.c.event_id).where(inbox.rows.c.consumer == "t")

    async def kept() -> bool:
        found = await country.service.database.read(lambda session: set(session.execute(mine).scalars()))
        return found == {"republished", "new"}

    async with stewarding(country.service):
        await eventually(kept)


async def test_the_worker_is_not_ready_while_capacity_has_no_data(country: Country, redis: Redis, prefix: str) -> None:
    steward = country.service.steward
    await steward.check()
    await redis.delete(f"{{{prefix}}}:programmes")
    await steward._is_whole()
    with pytest.raises(RuntimeError, match="rebuilding"):
        await steward.check()
    assert REGISTRY.get_sample_value("joldama_capacity_rebuilding") == 1
    async with stewarding(country.service):
        await eventually(lambda: not steward.rebuilding)
    await steward.check()
    assert REGISTRY.get_sample_value("joldama_capacity_rebuilding") == 0


async def test_who_needs_an_operator_and_who_is_lost_is_counted(country: Country) -> None:
    await country.submit(1)  # no center takes it: unplaceable, and so escalated
    await counting.count_once(country.service)
    assert REGISTRY.get_sample_value("joldama_referrals_escalated", {"reason": "unplaceable"}) == 1
    assert REGISTRY.get_sample_value("joldama_referrals_without_deadline") == 0
    lose = update(ReferralRow).values(due_at=None)
    await country.service.database.write(lambda session: session.execute(lose))
    async with stewarding(country.service):
        await eventually(lambda: REGISTRY.get_sample_value("joldama_referrals_without_deadline") == 1)
