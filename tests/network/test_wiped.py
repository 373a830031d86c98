"""Redis is emptied, Kafka's topics are made anew, in the middle of 500 submissions: SQL alone is precious."""

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
from tests.support import books
from tests.support.children import demo, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork
from tests.support.wiping import audit, flush_redis, make_topics_anew, one_story

CHILDREN = 500


@pytest.mark.faults
@pytest.mark.timeout(240)
@pytest.mark.parametrize(("wipe", "seed"), [(flush_redis, 201), (make_topics_anew, 202)])
async def test_no_child_is_lost_when_a_store_is_wiped(
    country: RunningNetwork, wipe: Callable[[RunningNetwork], Awaitable[None]], seed: int
) -> None:
    known = set(books.recorded(country))
    bodies = [one | EVERYWHERE for one in demo(CHILDREN, seed=seed)]
    submitting = asyncio.create_task(submit_all(country, bodies))
    await eventually(lambda: len(books.recorded(country)) > len(known) + 50, "the first are routed", within=60)
    await wipe(country)
    ids = await submitting
    assert len(set(ids)) == CHILDREN

    await eventually(lambda: set(ids) <= set(books.recorded(country)), "every child has a referral", within=120)
    await eventually(lambda: books.unsent(country) == 0, "the outboxes are empty", within=60)
    await eventually(lambda: one_story(country), "record and capacity tell one story", within=60)
    found = books.recorded(country)
    assert {found[one].state for one in ids} <= {"offered", "waiting"}
    assert set(found) - known == set(ids)
    offered = books.offers_open_per_referral(country)
    assert all(offered[one] == (found[one].state == "offered") for one in ids)
    report = await audit(country)
    assert (report["differences"], report["unsettled"]) == ([], 0)
    await asyncio.to_thread(country.network.wait_ready)


@pytest.mark.timeout(180)
async def test_a_planted_drift_is_found_and_mended_by_the_command(country: RunningNetwork) -> None:
    ids = await submit_all(country, [one | EVERYWHERE for one in demo(20, seed=203)])
    await eventually(lambda: set(ids) <= set(books.recorded(country)), "all are routed", within=60)
    lost = next(one for one in ids if books.recorded(country)[one].state in ("offered", "waiting"))
    async with Redis.from_url(country.plan.redis_url) as redis:
        await redis.delete(f"{{joldama}}:claim:{lost}")

    async def is_named() -> bool:
        return lost in {one["referral_id"] for one in (await audit(country))["differences"]}

    await eventually(is_named, "the audit names it once what is under way has settled", within=90)
    code, mended = await command(country, "audit", "--repair", "--json")
    assert (code, mended["audit"]["differences"]) == (0, [])
    assert lost in {one["referral_id"] for one in mended["changed"]}
    assert await command(country, "audit", "--json") == (0, await audit(country))


async def command(country: RunningNetwork, *words: str) -> tuple[int, Any]:
    """Exit code and JSON of `joldama`."""
    environment = os.environ | {"JOLDAMA_HOME": str(country.home.root), "PYTHONPATH": str(CHECKOUT)}
    joldama = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli.main", *words, env=environment, stdout=PIPE, cwd=CHECKOUT
    )
    told, _ = await joldama.communicate()
    assert joldama.returncode is not None
    return joldama.returncode, json.loads(told)
