"""A figure that is not confirmed: shown stale, ordered behind by policy, and fresh again as soon as it is confirmed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlmodel import select

from services.contracts.vocabulary import ReferralState
from services.referral.adapters.tables import ProgrammeRow
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Country, programme_body

OFFERED = ReferralState.OFFERED


@pytest.fixture
def settings(settings: ReferralSettings) -> ReferralSettings:
    return settings.model_copy(update={"stale_behind_km": 25.0})


async def open_next(country: Country, places: int) -> None:
    await country.register("next", programme_body("next", places), latitude=44.1)
    await country.carry()


async def open_both(country: Country) -> None:
    """`near` and, a few kilometers farther, `next`, of ten places each."""
    await country.open("near", places=10)
    await open_next(country, 10)


async def confirmed(country: Country) -> dict[str, tuple[datetime, datetime]]:
    """By programme: when its figure was confirmed, by capacity and by the registry."""
    snapshot = await country.capacity.places.snapshot(country.clock.now)
    rows = await country.service.database.read(lambda session: session.scalars(select(ProgrammeRow)).all())
    registry = {row.id: row.confirmed_at for row in rows}
    return {one.programme_id: (one.confirmed_at, registry[one.programme_id]) for one in snapshot.figures}


async def version(country: Country) -> int:
    return (await country.service.registry.network()).version


async def test_the_same_number_again_confirms_the_figure_in_capacity_and_in_the_registry(country: Country) -> None:
    await open_both(country)
    before = await confirmed(country)
    country.clock.now += timedelta(days=3)
    await country.set_places("near", 10)
    await country.carry()
    after = await confirmed(country)
    assert after["near"][0] == after["near"][1] >= before["near"][0] + timedelta(days=3)
    assert after["next"] == before["next"]
    assert (await country.figures())["near"] == (10, 0, 0)


async def test_a_figure_that_nobody_confirmed_goes_behind_a_fresh_one_and_comes_back_when_confirmed(
    country: Country,
) -> None:
    await open_both(country)
    await country.submit(1)
    country.clock.now += timedelta(days=5)
    await country.set_places("next", 10)
    await country.carry()
    country.clock.now += timedelta(days=3)
    await country.submit(2)
    await country.set_places("near", 10)
    await country.submit(3)
    await country.carry()
    await country.submit(4)
    places = [await country.where(number) for number in (1, 2, 3, 4)]
    assert places == [(OFFERED, "near"), (OFFERED, "next"), (OFFERED, "next"), (OFFERED, "near")]
    decision = (await country.story(2)).decision
    assert decision
    assert [(one.programme_id, one.stale, one.behind_km) for one in decision.candidates] == [
        ("next", False, None), ("near", True, 25.0),
    ]  # fmt: skip
    assert decision.candidates[1].kilometers < decision.candidates[0].kilometers


async def test_the_registrys_version_moves_when_a_stale_figure_is_confirmed_and_not_for_every_confirmation(
    country: Country,
) -> None:
    await open_both(country)
    first = await version(country)
    for _ in range(3):
        country.clock.now += timedelta(days=6)
        await country.set_places("near", 10)
        await country.carry()
    assert await version(country) == first
    await country.set_places("next", 10)  # three weeks after its registration
    await country.carry()
    assert await version(country) == first + 1


async def test_who_confirms_in_time_is_never_taken_for_stale(country: Country) -> None:
    """Confirmations move no version: the network that is remembered is read again when a figure would be stale."""
    await open_both(country)
    for number in range(1, 6):
        country.clock.now += timedelta(days=4)
        await country.set_places("near", 10)
        await country.carry()
        await country.submit(number)
        assert await country.where(number) == (OFFERED, "near")
        network = await country.service.registry.network()
        assert (await country.service.registry.network()) is network


async def test_the_network_is_remembered_while_a_stale_figure_stays_stale(country: Country) -> None:
    await open_both(country)
    country.clock.now += timedelta(days=30)
    registry = country.service.registry
    assert await registry.network() is await registry.network()


async def test_whom_a_stale_programme_accepts_does_not_change(country: Country) -> None:
    await country.open("near", places=0)
    country.clock.now += timedelta(days=30)
    await country.submit(1)
    assert await country.queue("near") == [1]
    await country.set_places("near", 1)
    await country.carry()
    assert await country.where(1) == (OFFERED, "near")


async def test_who_waits_joins_a_new_center_in_the_order_of_the_policy(country: Country) -> None:
    await country.open("near", places=0)
    country.clock.now += timedelta(days=30)
    await country.submit(1)
    await open_next(country, 0)
    decision = (await country.story(1)).decision
    assert decision
    assert [(one.programme_id, one.stale) for one in decision.candidates] == [("next", False), ("near", True)]


async def test_the_forecast_says_that_a_figure_is_stale(
    country: Country, api: FastAPI, client: Callable[..., httpx2.AsyncClient]
) -> None:
    await open_both(country)
    country.clock.now += timedelta(days=8)
    await country.set_places("next", 10)
    await country.carry()
    api.state.service = country.service
    items = (await client("operator").get("/v1/forecast")).json()["items"]
    assert {one["programme_id"]: one["stale"] for one in items} == {"near": True, "next": False}
    await country.submit(1)
    story = (await client("operator").get(f"/v1/referrals/{UUID(int=1)}")).json()
    assert [one["stale"] for one in story["decision"]["candidates"]] == [False, True]
