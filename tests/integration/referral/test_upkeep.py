"""The worker's loops: capacity is checked and audited, gauges are set, and the inbox is trimmed by age."""

import time
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from sqlalchemy import insert, select, update

from services.kit.sql.lease import Lease
from services.referral.adapters.tables import ReferralRow, inbox, leases
from services.referral.entrypoints.sweeping import sweep_once
from services.referral.entrypoints.upkeep import INBOX_MS, audit_once, set_gauges, upkeep
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
    async with upkeep(replace(country.service, settings=settings)):
        await eventually(lambda: gauge() == 2)
        await country.service.repair()
        assert await eventually(lambda: gauge() == 0)


async def test_the_inbox_forgets_what_cannot_come_again(country: Country) -> None:
    now = int(time.time() * 1000)
    days = 86_400_000
    ages = {"ancient": INBOX_MS + days, "republished": 38 * days, "new": 0}
    values = [{"consumer": "t", "event_id": name, "received_at": now - age} for name, age in ages.items()]
    await country.service.database.write(lambda session: session.execute(insert(inbox.rows), values))
    mine = select(inbox.rows.c.event_id).where(inbox.rows.c.consumer == "t")

    async def kept() -> bool:
        found = await country.service.database.read(lambda session: set(session.execute(mine).scalars()))
        return found == {"republished", "new"}

    async with upkeep(country.service):
        assert await eventually(kept)


async def test_the_worker_is_not_ready_while_capacity_has_no_data(country: Country, redis: Redis, prefix: str) -> None:
    rebuilder = country.service.rebuilder
    await rebuilder.check()
    await redis.delete(f"{{{prefix}}}:programmes")
    elsewhere = Lease(country.service.database, leases, "rebuild", 60_000)
    assert await elsewhere.acquire()
    assert not await rebuilder.rebuild_if_needed()
    with pytest.raises(RuntimeError, match="rebuilding"):
        await rebuilder.check()
    assert REGISTRY.get_sample_value("joldama_capacity_rebuilding") == 1
    await elsewhere.release()
    async with upkeep(country.service):
        await eventually(lambda: not rebuilder.rebuilding)
    await rebuilder.check()
    assert REGISTRY.get_sample_value("joldama_capacity_rebuilding") == 0


async def test_the_escalated_and_the_lost_are_counted(country: Country) -> None:
    await country.submit(1)  # no center accepts the child: unplaceable, and so escalated
    await set_gauges(country.service)
    assert REGISTRY.get_sample_value("joldama_referrals_escalated", {"reason": "unplaceable"}) == 1
    assert REGISTRY.get_sample_value("joldama_referrals_without_deadline") == 0
    lose = update(ReferralRow).values(due_at=None)
    await country.service.database.write(lambda session: session.execute(lose))
    async with upkeep(country.service):
        await eventually(lambda: REGISTRY.get_sample_value("joldama_referrals_without_deadline") == 1)


async def test_an_audit_that_fails_and_a_sweep_that_another_does_are_no_last_ones(
    country: Country, redis: Redis, prefix: str
) -> None:
    def moments() -> list[float | None]:
        names = "joldama_audit_last_timestamp_seconds", "joldama_sweep_last_timestamp_seconds"
        return [REGISTRY.get_sample_value(one) for one in names]

    async def refused() -> bool:
        return False

    await audit_once(country.service)
    await sweep_once(country.service)
    before = moments()
    assert all(before), "both have just been"
    await redis.delete(f"{{{prefix}}}:programmes")
    await audit_once(country.service)
    await sweep_once(replace(country.service, sweep=replace(country.service.sweep, may_go_on=refused)))
    assert moments() == before
