"""The bound is what a search of all schedules finds, and below every policy."""

from collections.abc import Iterator, Sequence
from itertools import permutations, product

import pytest

from tests.quality.children import Child
from tests.quality.hindsight import Slots, optimum
from tests.quality.simulation import Simulation
from tests.unit.quality.cases import SEEDS, Case, case_of, small_case


def fits(arrived: Sequence[int], first: Sequence[int], stay: int, end: int) -> bool:
    """Whether one programme can give these children its places before `end`: every order of them is tried."""
    return any(_in_order(order, first, stay, end) for order in permutations(arrived))


def _in_order(order: Sequence[int], first: Sequence[int], stay: int, end: int) -> bool:
    free = sorted(first)
    for minute in order:
        given = max(minute, free[0])
        if given >= end:
            return False
        free = sorted([*free[1:], given + stay])
    return True


def schedules(case: Case, children: Sequence[Child]) -> Iterator[int]:
    """The meters of each way to place all `children`."""
    options = [sorted(one.meters.keys() - one.declines) for one in children]
    for names in product(*options):
        pairs = list(zip(children, names, strict=True))
        together = {name: [one.arrived for one, at in pairs if at == name] for name in names}
        if all(fits(at, case.free_from[name], case.country.stays[name], case.end) for name, at in together.items()):
            yield sum(one.meters[name] for one, name in pairs)


def slots(case: Case) -> Slots:
    return Slots(case.end, case.country.stays, case.free_from)


@pytest.mark.parametrize("seed", range(100))
def test_the_bound_is_the_least_of_all_schedules(seed: int) -> None:
    case = small_case(seed)
    best = optimum(slots(case), case.children)
    found = min(schedules(case, [one for one in case.children if one.number in best]), default=0)
    assert sum(best.values()) == found


@pytest.mark.parametrize("seed", range(100))
def test_whom_the_bound_leaves_out_no_schedule_places_beside_those_who_are_in(seed: int) -> None:
    case = small_case(seed)
    best = optimum(slots(case), case.children)
    before = list[Child]()
    for one in case.children:
        possible = any(True for _ in schedules(case, [*before, one]))
        assert (one.number in best) is possible
        before += [one] if possible else []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_policy_places_its_children_with_fewer_kilometers_or_more_children_than_can_be(seed: int) -> None:
    case = case_of(seed)
    most = len(optimum(slots(case), case.children))
    for name, policy in case.policies().items():
        placed = Simulation(case.country, case.children, case.free_from, policy).run(case.end).placements
        best = optimum(slots(case), [one.child for one in placed])
        assert best.keys() == {one.child.number for one in placed}, f"{name}: its own schedule is a flow"
        assert sum(best.values()) <= sum(one.child.meters[one.programme_id] for one in placed), name
        assert len(placed) <= most, name
