"""The children of a run: who comes when, where each may go by the service's ranking, and who would decline it."""

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from services.cli.demo_children import demo_children, read_incidence
from services.contracts.days import day_of
from services.contracts.reference import rows
from services.contracts.vocabulary import Gmfcs, Modality, Priority
from services.intake.domain.ages import age_in_months
from services.intake.domain.priorities import decide_priority
from services.referral.domain.network import Network
from services.referral.domain.programmes import Needs
from services.referral.domain.routing import Decision, queue_rank
from tests.quality.country import DAY, Country

OPENS, CLOSES = 9 * 60, 18 * 60
"""Polyclinics submit from Monday to Friday between these minutes of the day; assumed."""
DECLINED = 0.05
"""The share of pairs of a child and a programme in which the center would decline; assumed."""


@dataclass(frozen=True)
class Child:
    """A child that arrives at a minute of the run. `declines`: the programmes that would decline it, if asked."""

    number: int
    arrived: int
    needs: Needs
    network: Network
    declines: frozenset[str]

    def decide(self, excluded_ids: Collection[str] = ()) -> Decision:
        """The service's ranking; its age stays that of the arrival."""
        return self.network.decide(self.needs, self.needs.submitted_at, excluded_ids)

    @cached_property
    def decision(self) -> Decision:
        return self.decide()

    @cached_property
    def meters(self) -> dict[str, int]:
        """From home to each programme that accepts the child."""
        return {one.programme_id: round(one.kilometers * 1000) for one in self.decision.candidates}

    @cached_property
    def rank(self) -> int:
        return queue_rank(self.needs)


@dataclass(frozen=True)
class Arrivals:
    """Children whom some programme accepts, in order of arrival, and how many were drawn whom none does."""

    children: tuple[Child, ...]
    unplaceable: int


def arrivals(country: Country, data: Path, start: datetime, days: int, load: float, seed: int) -> Arrivals:
    """So many children in `days` from `start`, a Monday's midnight, that `load` of all places are in use on average."""
    wanted = round(load * country.courses_a_day * days)
    chance = random.Random(f"{seed} arrivals")
    minutes = sorted(_working_minute(chance, days) for _ in range(wanted))
    bodies = _bodies(country, data, start, seed)
    children, unplaceable = list[Child](), 0
    while len(children) < wanted:
        arrived = minutes[len(children)]
        needs = _needs(next(bodies), country.network, start, arrived)
        one = Child(len(children), arrived, needs, country.network, _declines(chance, country))
        if one.decision.candidates:
            children.append(one)
        else:
            unplaceable += 1
    return Arrivals(tuple(children), unplaceable)


def _bodies(country: Country, data: Path, start: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """Demo children without end; the generator has a limit of its own, so each thousand has another seed."""
    settlements, incidence = list(country.network.settlements.values()), read_incidence(data)
    codes = [row["code"] for row in rows(data / "diagnoses.csv")]
    for part in count(seed * 100_000):
        yield from demo_children(1_000, part, settlements, incidence, codes, day_of(start))


def _needs(body: dict[str, Any], network: Network, start: datetime, arrived: int) -> Needs:
    born = datetime.fromisoformat(body["child"]["birth_date"]).date()
    age, asked = age_in_months(born, day_of(start)), body.get("priority")
    gmfcs, home = body["diagnosis"].get("gmfcs"), body["settlement_id"]
    return Needs(
        age_months=age,
        settlement_id=home,
        region_id=network.settlements[home].region_id,
        icd10=body["diagnosis"]["icd10"],
        gmfcs=Gmfcs(gmfcs) if gmfcs else None,
        modalities=frozenset(map(Modality, body["modalities"])),
        max_distance_km=body.get("max_distance_km"),
        priority=decide_priority(age, Priority(asked) if asked else None),
        submitted_at=start + timedelta(minutes=arrived),
    )


def _working_minute(chance: random.Random, days: int) -> int:
    """A minute of polyclinics' hours in the first `days` days, of which the first is a Monday."""
    workdays = [day for day in range(days) if day % 7 < 5]
    return chance.choice(workdays) * DAY + chance.randrange(OPENS, CLOSES)


def _declines(chance: random.Random, country: Country) -> frozenset[str]:
    return frozenset(name for name in country.places if chance.random() < DECLINED)
