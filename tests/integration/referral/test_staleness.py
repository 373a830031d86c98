"""A figure that is not confirmed: shown stale, ordered behind by policy, and fresh again as soon as it is confirmed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from services.contracts.vocabulary import ReferralState
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Country, programme_body
from tests.unit.referral.samples import needs

OFFERED = ReferralState.OFFERED


@pytest.fixture
def settings(settings: ReferralSettings) -> ReferralSettings:
    return settings.model_copy(update={"stale_behind_km": 25.0})


async def open_next(country: Country, places: int) -> None:
    await country.register("next", programme_body("next", places), latitude=44.1)
    await country.deliver()


async def open_both(country: Country) -> None:
    """`near` and, a few kilometers farther, `next`, of ten places each."""
    await country.open("near", places=10)
    await open_next(country, 10)


async def confirmed(country: Country) -> dict[str, tuple[datetime | None, datetime]]:
    """By programme: when its figure was confirmed, by capacity and by the registry."""
    snapshot = await country.capacity.programmes.snapshot(country.clock.now)
    registry = (await country.service.registry.network()).figures
    return {one.programme_id: (one.confirmed_at, registry[one.programme_id].confirmed_at) for one in snapshot.figures}


async def test_the_same_number_again_confirms_the_figure_in_capacity_and_in_the_registry(country: Country) -> None:
    await open_both(country)
    before = await confirmed(country)
    country.clock.now += timedelta(days=3)
    await country.set_places("near", 10)
    await country.deliver()
    after = await confirmed(country)
    assert after["near"][0] == after["near"][1] >= before["near"][1] + timedelta(days=3)
    assert after["next"] == before["next"]
    assert (await country.figures())["near"] == (10, 0, 0)


async def test_a_figure_that_nobody_confirmed_is_ordered_behind_a_fresh_one_and_comes_back_when_confirmed(
    country: Country,
) -> None:
    await open_both(country)
    await country.submit(1)
    country.clock.now += timedelta(days=5)
    await country.set_places("next", 10)
    await country.deliver()
    country.clock.now += timedelta(days=3)
    await country.submit(2)
    await country.set_places("near", 10)
    await country.submit(3)
    places = [await country.where(number) for number in (1, 2, 3)]
    assert places == [(OFFERED, "near"), (OFFERED, "next"), (OFFERED, "near")]
    decision = (await country.story(2)).decision
    assert decision
    assert [(one.programme_id, one.stale, one.behind_km) for one in decision.candidates] == [
        ("next", False, None), ("near", True, 25.0),
    ]  # fmt: skip
    assert decision.candidates[1].kilometers < decision.candidates[0].kilometers


async def test_a_confirmation_is_read_anew_and_leaves_programmes_and_distances_as_they_were(country: Country) -> None:
    await open_both(country)
    registry = country.service.registry
    before = await registry.network()
    known = before.decide(needs(), country.clock()).common
    country.clock.now += timedelta(days=30)
    assert await registry.network() is before, "what is stale by now is no reason to read anything"
    await country.set_places("near", 10)
    after = await registry.network()
    assert after.figures["near"].version == before.figures["near"].version + 1
    assert after.figures["next"] is before.figures["next"]
    assert after.version == before.version
    assert after.decide(needs(), country.clock()).common is known


async def test_a_stale_programme_accepts_the_same_children(country: Country) -> None:
    await country.open("near", places=0)
    country.clock.now += timedelta(days=30)
    await country.submit(1)
    assert await country.queue("near") == [1]
    await country.set_places("near", 1)
    await country.deliver()
    assert await country.where(1) == (OFFERED, "near")


async def test_the_forecast_says_that_a_figure_is_stale(
    country: Country, api: FastAPI, client: Callable[..., httpx2.AsyncClient]
) -> None:
    await open_both(country)
    country.clock.now += timedelta(days=8)
    await country.set_places("next", 10)
    await country.deliver()
    api.state.service = country.service
    items = (await client("operator").get("/v1/forecast")).json()["items"]
    assert {one["programme_id"]: one["stale"] for one in items} == {"near": True, "next": False}
    await country.submit(1)
    story = (await client("operator").get(f"/v1/referrals/{UUID(int=1)}")).json()
    assert [one["stale"] for one in story["decision"]["candidates"]] == [False, True]
