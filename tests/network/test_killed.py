"""kill -9 of any part in the middle of 500 submissions: no child is lost, no place is given twice."""

import asyncio

import pytest

from tests.support import record_queries
from tests.support.children import submissions, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork
from tests.support.reconciliation import agree

pytestmark = [pytest.mark.network, pytest.mark.faults]

CHILDREN = 500
EVERYWHERE = {"modalities": ["inpatient", "day_stay", "outpatient", "home_care"], "max_distance_km": None}
"""Wishes that some programme meets for every child: the national center accepts all, wherever they live."""
PARTS = ("intake", "intake-relay", "referral-worker", "referral-relay", "capacity", "capacity-relay", "valkey", "kafka")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("part", PARTS)
async def test_no_child_is_lost_when_a_part_is_killed(country: RunningNetwork, part: str) -> None:
    await eventually(
        lambda: record_queries.unrecorded_diagnoses(country) == 0, "nothing of another test is under way", within=60
    )
    known = set(record_queries.referrals(country))
    bodies = [one | EVERYWHERE for one in submissions(CHILDREN, seed=PARTS.index(part) + 100)]
    submitting = asyncio.create_task(submit_all(country, bodies))
    await eventually(
        lambda: len(record_queries.referrals(country)) > len(known) + 50, "the first are routed", within=60
    )
    killed = await asyncio.to_thread(country.kill, part)
    ids = await submitting
    assert len(set(ids)) == CHILDREN
    await asyncio.to_thread(country.wait_restarted, part, killed)

    await eventually(
        lambda: set(ids) <= set(record_queries.referrals(country)), "every child has a referral", within=90
    )
    await eventually(lambda: record_queries.unacknowledged_events(country) == 0, "the outboxes are empty", within=60)
    await eventually(lambda: agree(country), "record and capacity agree", within=60)
    found = record_queries.referrals(country)
    assert {found[one].state for one in ids} <= {"offered", "waiting"}
    assert set(found) - known == set(ids)
    offered = record_queries.open_offers(country)
    assert all(offered[one] == (found[one].state == "offered") for one in ids)
