"""One load: the same children and the same places at the beginning for every policy, and what each came to."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import fmean

from services.contracts.days import ALMATY
from services.contracts.vocabulary import Priority
from tests.quality.children import Arrivals, Child, arrivals
from tests.quality.country import DAY, Country
from tests.quality.hindsight import Slots, optimum
from tests.quality.policies import Policy, comparison
from tests.quality.prices import PAST_WEEKS, LearnedPrices
from tests.quality.simulation import Simulation

START = datetime(2026, 11, 2, tzinfo=ALMATY)
"""A Monday."""
MONTH_DAYS = 30
HINDSIGHT = "hindsight, by rank"


@dataclass(frozen=True)
class Line:
    """A policy's figures. `ratio`: its kilometers to the fewest for the same children; None for what is no policy.

    `days` until a child is offered the place that it takes, or until the end; `urgent_days` of urgent children.
    `farthest` and `least_placed` are the regions (by id) with the greatest mean of kilometers, and share unplaced.
    """

    policy: str
    mean_km: float
    p95_km: float
    ratio: float | None
    unplaced: float
    offers: float | None
    days: float | None
    urgent_days: float | None
    farthest: tuple[str, float]
    least_placed: tuple[str, float]


@dataclass(frozen=True, repr=False)
class Run:
    """A load, so many months, a seed; `free_from` has the minutes at which each place is free for the first time."""

    country: Country
    arrivals: Arrivals
    past: Sequence[Child]
    free_from: Mapping[str, Sequence[int]]
    end: int
    seed: int

    @property
    def slots(self) -> Slots:
        return Slots(self.end, self.country.stays, self.free_from)


def make_run(country: Country, data: Path, load: float, months: int, seed: int) -> Run:
    """At the beginning so many places as the load says are in use, each until some moment of its course."""
    days, before = months * MONTH_DAYS, PAST_WEEKS * 7
    came = arrivals(country, data, START, days, load, 2 * seed)
    past = arrivals(country, data, START, before, load, 2 * seed + 1)
    earlier = [replace(one, number=-1 - one.number, arrived=one.arrived - before * DAY) for one in past.children]
    chance, stays = random.Random(f"{seed} in use"), country.stays
    free_from = {
        name: [chance.randrange(stays[name]) if chance.random() < load else 0 for _ in range(many)]
        for name, many in country.places.items()
    }
    end = days * DAY + 1  # midnight of the last day is in
    return Run(country, came, [*earlier, *came.children], free_from, end, seed)


def compare(run: Run, advance: Callable[[str], None]) -> list[Line]:
    """The table of one load; `advance` is told each line's name before it is computed."""
    lines, prices = list[Line](), LearnedPrices(run.country, run.past)
    for name, policy in comparison(prices, run.seed).items():
        advance(name)
        lines.append(_simulated(run, name, policy))
    advance(HINDSIGHT)
    by_rank = sorted(run.arrivals.children, key=lambda one: (one.rank, one.number))
    best = optimum(run.slots, by_rank)
    return [*lines, _line(run, HINDSIGHT, best)]


def _simulated(run: Run, name: str, policy: Policy) -> Line:
    children = run.arrivals.children
    outcome = Simulation(run.country, children, run.free_from, policy).run(run.end)
    placed = {one.child.number: one for one in outcome.placements}
    meters = {number: one.child.meters[one.programme_id] for number, one in placed.items()}
    best = optimum(run.slots, [one.child for one in outcome.placements])
    until = {one.number: placed[one.number].at if one.number in placed else run.end for one in children}
    urgent = [one for one in children if one.needs.priority is Priority.URGENT]
    return replace(
        _line(run, name, meters),
        ratio=sum(meters.values()) / sum(best.values()),
        offers=outcome.offers / len(placed),
        days=fmean(until[one.number] - one.arrived for one in children) / DAY,
        urgent_days=fmean(until[one.number] - one.arrived for one in urgent) / DAY,
    )


def _line(run: Run, name: str, meters: Mapping[int, int]) -> Line:
    """What can be said of who is placed how far."""
    children, sorted_meters = run.arrivals.children, sorted(meters.values())
    placed = [one for one in children if one.number in meters]
    return Line(
        policy=name,
        mean_km=fmean(sorted_meters) / 1000,
        p95_km=sorted_meters[int(0.95 * len(sorted_meters))] / 1000,
        ratio=None,
        unplaced=1 - len(placed) / len(children),
        offers=None,
        days=None,
        urgent_days=None,
        farthest=_worst((one.needs.region_id, meters[one.number] / 1000) for one in placed),
        least_placed=_worst((one.needs.region_id, float(one.number not in meters)) for one in children),
    )


def _worst(figures: Iterable[tuple[str, float]]) -> tuple[str, float]:
    """The region with the greatest mean."""
    by_region = defaultdict[str, list[float]](list)
    for region_id, figure in figures:
        by_region[region_id].append(figure)
    return max(((region_id, fmean(found)) for region_id, found in by_region.items()), key=lambda pair: pair[1])
