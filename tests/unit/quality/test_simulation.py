"""Whatever the policy, no place is used twice at once and no child is lost; the network's own does as capacity."""

import asyncio

import pytest

from tests.quality.policies import Nearest
from tests.quality.simulation import Simulation
from tests.unit.quality.capacity_run import CapacityRun
from tests.unit.quality.cases import SEEDS, case_of


def most_at_once(uses: list[tuple[int, int]]) -> int:
    """The greatest number of uses, each from a minute until another, that overlap."""
    return max((sum(begun <= at < until for begun, until in uses) for at, _ in uses), default=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_place_is_used_twice_at_once(seed: int) -> None:
    case = case_of(seed)
    for policy_name, policy in case.policies().items():
        outcome = Simulation(case.country, case.children, case.free_from, policy).run(case.end)
        for name, places in case.country.places.items():
            uses = [(0, until) for until in case.free_from[name]]
            uses += [(at, until) for used, at, until in outcome.uses if used == name]
            assert most_at_once(uses) <= places, f"{policy_name}: {name} has {places} places"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_child_is_placed_once_or_still_in_hand(seed: int) -> None:
    case = case_of(seed)
    for policy_name, policy in case.policies().items():
        simulation = Simulation(case.country, case.children, case.free_from, policy)
        placements = simulation.run(case.end).placements
        placed = [one.child.number for one in placements]
        assert len(placed) == len(set(placed)), f"{policy_name}: nobody is placed twice"
        assert simulation.unsettled().isdisjoint(placed), f"{policy_name}: who is placed is nowhere else"
        everybody = {one.number for one in case.children}
        assert simulation.unsettled() | set(placed) == everybody, f"{policy_name}: nobody is lost"


@pytest.mark.parametrize("seed", SEEDS)
def test_children_are_placed_before_the_end_where_they_are_accepted_and_not_declined(seed: int) -> None:
    case = case_of(seed)
    for policy_name, policy in case.policies().items():
        for one in Simulation(case.country, case.children, case.free_from, policy).run(case.end).placements:
            assert one.child.arrived <= one.at < case.end, policy_name
            assert one.programme_id in one.child.meters.keys() - one.child.declines, policy_name


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_waits_in_the_queue_of_a_programme_with_a_free_place(seed: int) -> None:
    """Where places are given together: once they were."""
    case = case_of(seed)
    for policy_name, policy in case.policies().items():
        simulation = Simulation(case.country, case.children, case.free_from, policy)
        simulation.run(case.end - case.end % (policy.window or 1) + 1)
        free = [name for name, many in simulation.free.items() if many and simulation.queues.first(name)]
        assert free == [], policy_name


@pytest.mark.parametrize("seed", SEEDS)
def test_the_networks_own_policy_does_what_capacity_does(seed: int) -> None:
    case = case_of(seed)
    outcome = Simulation(case.country, case.children, case.free_from, Nearest()).run(case.end)
    there = CapacityRun(case)
    asyncio.run(there.run())
    assert [(one.child.number, one.programme_id, one.at) for one in outcome.placements] == there.placements


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_case_gives_the_same_placements(seed: int) -> None:
    case = case_of(seed)
    for name in case.policies():
        first, second = (
            Simulation(case.country, case.children, case.free_from, case.policies()[name]).run(case.end) for _ in "ab"
        )
        assert first == second, name
