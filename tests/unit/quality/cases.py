"""Small made-up countries and their children; the same seed, the same case."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.contracts.vocabulary import Modality, Priority
from services.referral.domain.network import Network
from tests.quality.children import Child
from tests.quality.country import DAY, Country, country_of
from tests.quality.policies import Policy, comparison
from tests.quality.prices import LearnedPrices
from tests.unit.referral.samples import NOW, figure, needs, network, programme

MODALITIES = (Modality.DAY_STAY, Modality.OUTPATIENT)
WISHES = (MODALITIES[:1], MODALITIES[1:], MODALITIES)
SEEDS = range(40)


@dataclass(frozen=True)
class Case:
    """A country, its children by arrival, when its places are free for the first time, and the end of the run."""

    country: Country
    children: Sequence[Child]
    free_from: dict[str, list[int]]
    end: int

    def policies(self) -> dict[str, Policy]:
        return comparison(LearnedPrices(self.country, self.children), seed=1)


def case_of(seed: int, most_programmes: int = 4, most_children: int = 40, longest_days: int = 60) -> Case:
    """Some programmes are equally near; courses are short beside the run, so that places are given again."""
    chance = random.Random(seed)
    country = _country(chance, chance.randint(1, most_programmes))
    free_from = {
        name: [chance.choice((0, 0, chance.randrange(10 * DAY))) for _ in range(many)]
        for name, many in country.places.items()
    }
    days = chance.randint(20, longest_days)
    arrived = sorted(chance.randrange(days * DAY) for _ in range(chance.randint(1, most_children)))
    children = [_child(chance, country.network, number, minute) for number, minute in enumerate(arrived)]
    return Case(country, [one for one in children if one.decision.candidates], free_from, days * DAY)


def small_case(seed: int) -> Case:
    """Small enough to try every schedule, with children enough for some to be left out."""
    return case_of(seed, most_programmes=2, most_children=6, longest_days=30)


def _country(chance: random.Random, many: int) -> Country:
    names = [f"p{number}" for number in range(many)]
    offered = [programme(name, modality=chance.choice(MODALITIES), course_days=chance.randint(1, 10)) for name in names]
    near = {f"center-{name}": chance.choice((10.0, 10.0, 300.0, 900.0)) for name in names}
    figures = [figure(name, chance.randint(1, 3)) for name in names]
    return country_of(network(offered, near, figures=figures))


def _child(chance: random.Random, network: Network, number: int, arrived: int) -> Child:
    child = needs(
        modalities=frozenset(chance.choice(WISHES)),
        priority=chance.choice(list(Priority)),
        max_distance_km=chance.choice((None, None, 500.0)),
        submitted_at=NOW + timedelta(minutes=arrived),
    )
    declines = frozenset(name for name in network.programmes if chance.random() < 0.15)
    return Child(number, arrived, child, network, declines)
