"""Routing on the country's own network equals a brute-force oracle that was written apart."""

import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from services.cli.demo_children import REFERENCE_DAY, demo_children, read_incidence
from services.contracts.reference import read_centers, read_programmes, read_settlements, rows
from services.contracts.vocabulary import ReferralState
from services.kit.settings import CHECKOUT
from services.referral.adapters.rows import read_candidates
from services.referral.adapters.tables import DecisionRow, ReferralRow
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Country
from tests.integration.referral.oracle import Oracle
from tests.unit.referral.samples import diagnosis, event

DATA = CHECKOUT / "data"
CHILDREN, BATCH = 2000, 200


@pytest.fixture
def settings(settings: ReferralSettings) -> ReferralSettings:
    return settings.model_copy(update={"data": DATA})


def children(seed: int) -> list[dict[str, Any]]:
    """Made-up children as the router sees them."""
    settlements, codes = list(read_settlements(DATA).values()), [row["code"] for row in rows(DATA / "diagnoses.csv")]
    made = demo_children(CHILDREN, seed, settlements, read_incidence(DATA), codes)
    return [
        {
            "age_months": _months(date.fromisoformat(one["child"]["birth_date"])),
            "icd10": one["diagnosis"]["icd10"],
            **{name: one.get(name) for name in ("settlement_id", "modalities", "max_distance_km")},
        }
        for one in made
    ]


def _months(born: date) -> int:
    days = REFERENCE_DAY - timedelta(days=born.day - 1)
    return (days.year - born.year) * 12 + days.month - born.month


async def register_all(country: Country, oracle: Oracle) -> None:
    programmes = read_programmes(DATA).values()
    for center in read_centers(DATA).values():
        mine = [
            one.model_dump(exclude={"center_id"}) | {"places": oracle.free[one.id], "suspended": False}
            for one in programmes
            if one.center_id == center.id
        ]
        await country.register(center.id, *mine, **center.model_dump(exclude={"id"}))
    await country.deliver()


async def place_all(country: Country, submitted: list[dict[str, Any]]) -> None:
    now = country.clock.now
    for start in range(0, CHILDREN, BATCH):
        await country.handle(
            [event(diagnosis(n, submitted_at=now, **submitted[n])) for n in range(start, start + BATCH)]
        )


async def test_two_thousand_children_go_where_the_oracle_says(country: Country) -> None:
    oracle, submitted = Oracle(DATA), children(seed=20261101)
    await register_all(country, oracle)
    await place_all(country, submitted)
    found, reasons = await _found(country)
    expected = [oracle.place(child) for child in submitted]
    assert found == [_as_recorded(best, accepting) for best, accepting in expected]
    assert reasons == [accepting for _, accepting in expected]
    assert {state for state, _ in found} == {
        ReferralState.OFFERED, ReferralState.WAITING, ReferralState.UNPLACEABLE,
    }  # fmt: skip
    assert {id: one[0] - one[1] for id, one in (await country.figures()).items()} == oracle.free


class TestPolicy:
    """A figure that nobody has confirmed for a week stands 25 km farther."""

    @pytest.fixture
    def settings(self, settings: ReferralSettings) -> ReferralSettings:
        return settings.model_copy(update={"stale_behind_km": 25.0})

    async def test_with_half_the_figures_stale_they_go_where_the_oracle_says(self, country: Country) -> None:
        oracle, submitted = Oracle(DATA, behind_meters=25_000), children(seed=20261102)
        await register_all(country, oracle)
        oracle.stale = frozenset(random.Random(4).sample(sorted(oracle.programmes), len(oracle.programmes) // 2))
        country.clock.now += timedelta(days=8)
        for id in oracle.programmes.keys() - oracle.stale:
            await country.set_places(id, oracle.free[id])
        await country.deliver()
        await place_all(country, submitted)
        found, reasons = await _found(country)
        expected = [oracle.place(child) for child in submitted]
        assert found == [_as_recorded(best, accepting) for best, accepting in expected]
        assert reasons == [accepting for _, accepting in expected]
        without = Oracle(DATA)
        assert found != [_as_recorded(*without.place(child)) for child in submitted]


def _as_recorded(best: str | None, accepting: set[str]) -> tuple[ReferralState, str | None]:
    if best:
        return ReferralState.OFFERED, best
    return (ReferralState.WAITING if accepting else ReferralState.UNPLACEABLE), None


async def _found(country: Country) -> tuple[list[tuple[ReferralState, str | None]], list[set[str]]]:
    """By child: state and programme, and the candidates of the decision."""
    referrals = await country.service.database.read(lambda session: session.scalars(select(ReferralRow)).all())
    decisions = await country.service.database.read(lambda session: session.scalars(select(DecisionRow)).all())
    by_number = {UUID(one.id).int: (ReferralState(one.state), one.programme_id) for one in referrals}
    named = {UUID(one.referral_id).int: read_candidates(one.candidates) for one in decisions}
    numbers = range(CHILDREN)
    return [by_number[n] for n in numbers], [{one.programme_id for one in named[n]} for n in numbers]
