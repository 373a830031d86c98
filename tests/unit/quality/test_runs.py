"""A month of the real country with few children: what the table is made of."""

import pytest

from services.kit.settings import CHECKOUT
from tests.quality.country import DAY, Country, read_country
from tests.quality.report import COLUMNS, markdown
from tests.quality.runs import HINDSIGHT, START, Line, Run, compare, make_run

DATA = CHECKOUT / "data"


@pytest.fixture(scope="module")
def country() -> Country:
    return read_country(DATA, START)


@pytest.fixture(scope="module")
def run(country: Country) -> Run:
    return make_run(country, DATA, load=0.1, months=1, seed=5)


@pytest.fixture(scope="module")
def lines(run: Run) -> list[Line]:
    return compare(run, lambda _: None)


def test_the_load_is_the_share_of_the_places_time_that_is_wanted(country: Country, run: Run) -> None:
    assert len(run.arrivals.children) == round(0.1 * country.courses_a_day * 30)
    assert sum(country.places.values()) == 4130
    assert all(0 <= one.arrived < 30 * DAY for one in run.arrivals.children), "they come within the month"
    assert all(one.decision.candidates for one in run.arrivals.children), "some programme accepts each"
    assert all(one.arrived < 0 for one in run.past[: -len(run.arrivals.children)]), "prices begin with earlier weeks"


def test_the_same_seed_makes_the_same_children_and_places(country: Country, run: Run) -> None:
    again = make_run(country, DATA, load=0.1, months=1, seed=5)
    assert [(one.arrived, one.needs, one.declines) for one in again.arrivals.children] == [
        (one.arrived, one.needs, one.declines) for one in run.arrivals.children
    ]
    assert again.free_from == run.free_from


def test_no_policy_beats_hindsight(lines: list[Line]) -> None:
    *policies, hindsight = lines
    assert hindsight.policy == HINDSIGHT
    for one in policies:
        assert one.ratio is not None
        assert one.ratio >= 1, one.policy
        assert one.unplaced >= hindsight.unplaced, one.policy
        assert one.offers is not None
        assert one.offers >= 1, one.policy
        assert one.farthest[1] >= one.mean_km, f"{one.policy}: the farthest region is not nearer than the mean"


def test_the_table_has_a_line_for_each_policy_and_one_for_hindsight(run: Run, lines: list[Line]) -> None:
    table = markdown(0.1, run, lines, dict.fromkeys(country_regions(run), "Somewhere")).splitlines()
    assert table[0].startswith(f"Load 0.1, 30 days, seed 5: {len(run.arrivals.children)} children"), table[0]
    assert [row.count("|") for row in table[2:]] == [len(COLUMNS) + 1] * (len(lines) + 2)


def country_regions(run: Run) -> set[str]:
    return {one.region_id for one in run.country.network.settlements.values()}
