"""The flow takes in whom a search of all assignments takes in, at the same least cost."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tests.quality.flow import Flow, Row

ROWS = st.dictionaries(st.integers(0, 3), st.integers(0, 9), max_size=4).map(lambda costs: tuple(costs.items()))
CAPACITIES = st.lists(st.integers(0, 3), min_size=4, max_size=4)


def least(rows: list[Row], capacity: list[int]) -> int | None:
    """The least cost of all rows in groups that have room, by trying everything; None when there is no way."""
    ways = (way for way in product(*rows) if all(sum(g == to for to, _ in way) <= n for g, n in enumerate(capacity)))
    return min((sum(cost for _, cost in way) for way in ways), default=None)


@given(st.lists(ROWS, max_size=6), CAPACITIES)
def test_each_is_in_if_those_before_it_leave_room_and_the_cost_is_least(rows: list[Row], capacity: list[int]) -> None:
    flow, taken = Flow(capacity), list[Row]()
    for row in rows:
        cost = least([*taken, row], capacity)
        assert flow.add(row) is (cost is not None)
        if cost is not None:
            taken.append(row)
            assert flow.cost == cost
    where = flow.where()
    assert sorted(len(found) for found in where.values()) == sorted(taken.count(row) for row in set(taken))
    assert all(to in dict(row) for row, found in where.items() for to in found)


@given(st.lists(ROWS, max_size=6), CAPACITIES)
def test_a_price_is_what_one_place_more_would_save_at_most(rows: list[Row], capacity: list[int]) -> None:
    """With a group that has room for all, as the learned prices have one for those who are not placed."""
    rooms = [*capacity, len(rows)]
    every = [(*row, (4, 10)) for row in rows]
    flow = Flow(rooms)
    assert all([flow.add(row) for row in every]), "there is room for all"
    for group, price in enumerate(flow.prices[:4]):
        more = [many + (group == number) for number, many in enumerate(rooms)]
        fewer = (least(every, rooms) or 0) - (least(every, more) or 0)
        assert fewer <= price, f"one place more at group {group} saves {fewer}"
        assert price == 0 or flow.left[group] == 0, "what has a place left costs nothing"
