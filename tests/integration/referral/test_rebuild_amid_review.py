"""Redis is lost while a child is looked at again: its turn is in the record, and nobody gets ahead of it."""

from collections.abc import AsyncIterator, Callable

import pytest

from services.contracts.vocabulary import ReferralState
from services.referral.domain.life import Command
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Country, offers
from tests.integration.referral.stage import Stage, open_stage

S, C = ReferralState, Command


@pytest.fixture
async def stage(
    settings: ReferralSettings, valkey: str, prefix: str, token: Callable[..., str]
) -> AsyncIterator[Stage]:
    async with open_stage(settings, valkey, prefix, token) as stage:
        await stage.clear()
        await stage.country.service.steward.look()
        yield stage


async def look_at_again(country: Country) -> None:
    """9 is in care at `all`; 1 waits there and has grown too old for `infants`, 2 is behind it."""
    await country.open("infants", places=0, age_under_months=36)
    await country.open("all", places=1, settlement="far")
    await country.submit(9, age_months=20)
    await country.submit(1, age_months=35)
    await country.submit(2, age_months=20)
    await country.carry()
    await country.admit(9)
    await country.carry()
    await country.pass_time(days=31)
    assert (await country.where(1))[0] is S.SUBMITTED


async def test_a_place_that_came_free_meanwhile_goes_to_the_child_that_is_looked_at_again(stage: Stage) -> None:
    country = stage.country
    await look_at_again(country)
    await country.act(9, C.DISCHARGE, "improved")
    await stage.flush()
    assert await country.service.steward.look()
    assert offers(await country.carry()) == [(1, "all")]
    assert (await country.queue("infants"), await country.queue("all")) == ([2], [2])


async def test_its_turn_is_restored_as_it_was_and_the_audit_agrees(stage: Stage) -> None:
    country = stage.country
    await look_at_again(country)
    assert (await country.queue("infants"), await country.queue("all")) == ([1, 2], [1, 2])
    assert (await country.service.audit()).differences == ()
    await stage.flush()
    assert await country.service.steward.look()
    assert (await country.queue("infants"), await country.queue("all")) == ([1, 2], [1, 2])
    assert (await country.service.audit()).differences == ()


@pytest.mark.parametrize("how", ["declined", "unplaceable"])
async def test_who_goes_on_without_a_turn_is_restored_without_one(stage: Stage, how: str) -> None:
    country = stage.country
    await country.open("near", places=1, **({"icd10_prefixes": ["F84"]} if how == "unplaceable" else {}))
    await country.submit(1)
    await country.act(1, C.DECLINE if how == "declined" else C.OFFER_AGAIN, "no_capacity")
    assert (await country.where(1))[0] is S.SUBMITTED
    (claim,) = await country.service.record.claims(None, 10)
    assert (claim.state, claim.programme_ids) == ("none", ())
