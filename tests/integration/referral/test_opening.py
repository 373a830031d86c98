"""A center opens, or its entry changes: who may go there by now comes by rank, whatever it did till then."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.vocabulary import ReferralState
from services.kit.errors import Conflict, TransientError
from services.referral.domain.life import Command
from tests.integration.referral.country import Country, offers, programme_body

S, C = ReferralState, Command


@pytest.mark.parametrize("known", [False, True])
async def test_an_unplaceable_child_is_not_overtaken_where_it_becomes_welcome(country: Country, known: bool) -> None:
    await country.open("far", places=0, settlement="far")
    if known:
        await country.open("near", places=1, age_from_months=120)
    await country.submit(1, max_distance_km=200.0)
    country.clock.now += timedelta(days=3)
    await country.submit(2, submitted_at=country.clock())
    await country.submit(3, max_distance_km=200.0, submitted_at=country.clock())
    await country.carry()
    assert [(await country.where(number))[0] for number in (1, 2, 3)] == [S.UNPLACEABLE, S.WAITING, S.UNPLACEABLE]
    await country.register("near", programme_body("near", 1))
    assert offers(await country.carry()) == [(1, "near")]
    assert (await country.queue("near"), await country.queue("far")) == ([2, 3], [2])


async def test_a_crash_before_the_first_place_is_given_costs_no_unplaceable_child_its_turn(country: Country) -> None:
    await country.open("other", icd10_prefixes=["F84"])
    await country.submit(1, 2)
    await country.register("near", programme_body("near", 1))
    told, claims = await country.told(), country.service.open_center.claims
    opened = claims.open_programme

    async def crash(*_: object) -> None:
        claims.open_programme = opened  # type: ignore[method-assign]
        raise TransientError("crash")

    claims.open_programme = crash  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="crash"):
        await country.take(told)
    await country.take(told)
    assert offers(await country.carry()) == [(1, "near")]
    assert await country.queue("near") == [2]


async def test_who_may_go_elsewhere_as_well_by_now_is_looked_at_again(country: Country) -> None:
    await country.open("toddlers", places=0, age_from_months=36, settlement="far")
    await country.submit(1, age_months=35)
    country.clock.now += timedelta(days=31)
    await country.register("near", programme_body("near", 0))
    await country.carry()
    assert (await country.queue("near"), await country.queue("toddlers")) == ([1], [])
    assert await country.pass_time(seconds=1) == {C.REVIEW: 1}
    await country.carry()
    assert (await country.queue("near"), await country.queue("toddlers")) == ([1], [1])


async def test_who_is_set_aside_while_a_center_opens_for_it_is_routed_again(country: Country) -> None:
    await country.open("other", icd10_prefixes=["F84"])
    referrals = country.service.place_children.referrals
    save = referrals.save

    async def late(*args: Any, **more: Any) -> None:
        referrals.save = save  # type: ignore[method-assign]
        await country.register("near", programme_body("near", 1))
        await country.carry()
        await save(*args, **more)

    referrals.save = late  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        await country.submit(1)
    await country.submit(1)
    assert await country.where(1) == (S.OFFERED, "near")


async def test_a_center_that_is_told_again_is_looked_at_once(country: Country) -> None:
    await country.open("near", places=0)
    await country.submit(1)
    await country.register("near", programme_body("near", 0, course_days=14))
    told, referrals = await country.told(), country.service.open_center.referrals
    seeking, looks = referrals.seeking, 0

    async def counted(*args: Any) -> Any:
        nonlocal looks
        looks += 1
        return await seeking(*args)

    referrals.seeking = counted  # type: ignore[method-assign]
    for _ in range(3):
        await country.take(told)
    assert looks == 1
