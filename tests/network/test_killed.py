"""kill -9 of any part in the middle of 500 submissions: no child is lost, no place is given twice."""

import asyncio

import pytest

from tests.support import books
from tests.support.children import demo, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

pytestmark = [pytest.mark.network, pytest.mark.faults]

CHILDREN = 500
EVERYWHERE = {"modalities": ["inpatient", "day_stay", "outpatient", "home_care"], "max_distance_km": None}
"""Some programme takes each of them: the national center is for all, wherever they live."""
PARTS = ("intake", "intake-relay", "referral-worker", "referral-relay", "capacity", "capacity-relay", "valkey", "kafka")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("part", PARTS)
async def test_no_child_is_lost_when_a_part_is_killed(country: RunningNetwork, part: str) -> None:
    await eventually(lambda: books.undecided(country) == 0, "nothing of another test is under way", within=60)
    known = set(books.recorded(country))
    bodies = [one | EVERYWHERE for one in demo(CHILDREN, seed=PARTS.index(part) + 100)]
    submitting = asyncio.create_task(submit_all(country, bodies))
    await eventually(lambda: len(books.recorded(country)) > len(known) + 50, "the first are routed", within=60)
    killed = await asyncio.to_thread(country.kill, part)
    ids = await submitting
    assert len(set(ids)) == CHILDREN
    await asyncio.to_thread(country.wait_restarted, part, killed)

    await eventually(lambda: set(ids) <= set(books.recorded(country)), "every child has a referral", within=90)
    await eventually(lambda: books.unsent(country) == 0, "the outboxes are empty", within=60)
    await eventually(lambda: _one_story(country), "record and capacity tell one story", within=60)
    found = books.recorded(country)
    assert {found[one].state for one in ids} <= {"offered", "waiting"}
    assert set(found) - known == set(ids)
    offered = books.offers_open_per_referral(country)
    assert all(offered[one] == (found[one].state == "offered") for one in ids)


async def _one_story(country: RunningNetwork) -> bool:
    assert await books.differences(country) == []
    return True
