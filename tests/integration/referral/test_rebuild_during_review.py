"""Redis is lost during a review: the queue positions are in the record, and nobody is overtaken."""

from collections.abc import AsyncIterator

import pytest

from services.contracts.vocabulary import ReferralState
from services.referral.domain.life import Command
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Country, offers, programme_body
from tests.integration.referral.harness import Harness, open_harness

S, C = ReferralState, Command


@pytest.fixture
async def harness(settings: ReferralSettings, valkey: str, prefix: str) -> AsyncIterator[Harness]:
    async with open_harness(settings, valkey, prefix) as harness:
        await harness.clear()
        await harness.country.service.rebuilder.rebuild_if_needed()
        yield harness


async def review_one(country: Country) -> None:
    """9 is in care at `all`; 1 waits there and has grown too old for `infants`, 2 is behind it."""
    await country.open("infants", places=0, age_under_months=36)
    await country.open("all", places=1, settlement="far")
    await country.submit(9, age_months=20)
    await country.submit(1, age_months=35)
    await country.submit(2, age_months=20)
    await country.deliver()
    await country.admit(9)
    await country.deliver()
    await country.pass_time(days=31)
    assert (await country.where(1))[0] is S.SUBMITTED


async def test_a_rebuild_gives_no_place_of_a_center_whose_queue_is_not_joined_yet(harness: Harness) -> None:
    country = harness.country
    await country.open("all", places=0, settlement="far")
    await country.submit(1)
    await country.deliver()
    await country.register("near", programme_body("near", 1))
    await harness.flush()
    assert await country.service.rebuilder.rebuild_if_needed()
    await country.submit(2)
    assert offers(await country.deliver()) == [(1, "near")]
    assert [(await country.where(number))[0] for number in (1, 2)] == [S.OFFERED, S.WAITING]


async def test_a_place_that_came_free_meanwhile_goes_to_the_reviewed_child(harness: Harness) -> None:
    country = harness.country
    await review_one(country)
    await country.act(9, C.DISCHARGE, "improved")
    await harness.flush()
    assert await country.service.rebuilder.rebuild_if_needed()
    assert offers(await country.deliver()) == [(1, "all")]
    assert (await country.queue("infants"), await country.queue("all")) == ([2], [2])


async def test_its_queue_positions_are_restored_and_the_audit_agrees(harness: Harness) -> None:
    country = harness.country
    await review_one(country)
    assert (await country.queue("infants"), await country.queue("all")) == ([1, 2], [1, 2])
    assert (await country.service.reconcile()).differences == ()
    await harness.flush()
    assert await country.service.rebuilder.rebuild_if_needed()
    assert (await country.queue("infants"), await country.queue("all")) == ([1, 2], [1, 2])
    assert (await country.service.reconcile()).differences == ()


@pytest.mark.parametrize("how", ["declined", "unplaceable"])
async def test_a_child_in_no_queue_is_restored_without_one(harness: Harness, how: str) -> None:
    country = harness.country
    await country.open("near", places=1, icd10_prefixes=["F84" if how == "unplaceable" else "G80"])
    await country.submit(1)
    await country.act(1, C.DECLINE if how == "declined" else C.OFFER_AGAIN, "no_capacity")
    assert (await country.where(1))[0] is S.SUBMITTED
    (recorded,) = await country.service.record.open_referrals(None, 10)
    assert (recorded.claim.state, recorded.claim.programme_ids) == ("none", ())
