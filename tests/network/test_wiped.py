"""Redis flushed, Kafka's topics recreated, in the middle of 500 submissions: SQL alone is precious."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from services.kit.settings import CHECKOUT
from tests.network.test_killed import EVERYWHERE
from tests.support import record_queries
from tests.support.children import submissions, submit_all
from tests.support.data_loss import flush_redis, recreate_topics
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork
from tests.support.reconciliation import agree, audit

CHILDREN = 500


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("wipe", "seed"), [(flush_redis, 201), (recreate_topics, 202)])
async def test_no_child_is_lost_when_a_store_is_wiped(
    country: RunningNetwork, wipe: Callable[[RunningNetwork], Awaitable[None]], seed: int
) -> None:
    known = set(record_queries.referrals(country))
    bodies = [one | EVERYWHERE for one in submissions(CHILDREN, seed=seed)]
    submitting = asyncio.create_task(submit_all(country, bodies))
    await eventually(
        lambda: len(record_queries.referrals(country)) > len(known) + 50, "the first are routed", within=60
    )
    await wipe(country)
    ids = await submitting
    assert len(set(ids)) == CHILDREN

    await eventually(
        lambda: set(ids) <= set(record_queries.referrals(country)), "every child has a referral", within=120
    )
    await eventually(lambda: record_queries.unacknowledged_events(country) == 0, "the outboxes are empty", within=60)
    await eventually(lambda: agree(country), "record and capacity agree", within=60)
    found = record_queries.referrals(country)
    assert {found[one].state for one in ids} <= {"offered", "waiting"}
    assert set(found) - known == set(ids)
    offered = record_queries.open_offers(country)
    assert all(offered[one] == (found[one].state == "offered") for one in ids)
    report = await audit(country)
    assert (report["differences"], report["unsettled"]) == ([], 0)
    await asyncio.to_thread(country.network.wait_ready)


@pytest.mark.timeout(180)
async def test_a_planted_difference_is_found_and_repaired_by_the_command(country: RunningNetwork) -> None:
    ids = await submit_all(country, [one | EVERYWHERE for one in submissions(20, seed=203)])
    await eventually(lambda: set(ids) <= set(record_queries.referrals(country)), "all are routed", within=60)
    lost = next(one for one in ids if record_queries.referrals(country)[one].state in ("offered", "waiting"))
    async with Redis.from_url(country.plan.redis_url) as redis:
        await redis.delete(f"{{joldama}}:claim:{lost}")

    async def is_named() -> bool:
        return lost in {one["referral_id"] for one in (await audit(country))["differences"]}

    await eventually(is_named, "the audit names it once what is under way has settled", within=90)
    code, repaired = await command(country, "audit", "--repair", "--json")
    assert (code, repaired["audit"]["differences"]) == (0, [])
    assert lost in {one["referral_id"] for one in repaired["changed"]}
    assert await command(country, "audit", "--json") == (0, await audit(country))


async def command(country: RunningNetwork, *words: str) -> tuple[int, Any]:
    """Exit code and JSON of `joldama`."""
    environment = os.environ | {"JOLDAMA_HOME": str(country.home.root), "PYTHONPATH": str(CHECKOUT)}
    joldama = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli.main", *words, env=environment, stdout=PIPE, cwd=CHECKOUT
    )
    output, _ = await joldama.communicate()
    assert joldama.returncode is not None
    return joldama.returncode, json.loads(output)
