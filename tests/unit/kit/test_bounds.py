"""Bounds of what is read: what is beyond them is found, after few steps; and a budget of processor time."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.handlers.parsing import BOUNDS
from services.kit.bounds import MOST_ERRORS, Bounds, excesses
from services.kit.budget import TooMuchWork, budget, check

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text(max_size=6), some, max_size=4),
    max_leaves=8,
)


@given(anything)
def test_bounds_find_what_is_beyond_them_and_nothing_else(value: Any) -> None:
    small = Bounds(text=3, members=2, depth=2, values=5)
    found = excesses(value, small)
    assert len(found) <= MOST_ERRORS
    assert bool(found) == _beyond(value, small)


def _beyond(value: Any, bounds: Bounds) -> bool:
    """Oracle, by recursion; `values` counts what containers within the depth hold."""

    def count(one: Any) -> int:
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        return len(inner) + sum(map(count, inner))

    def beyond(one: Any, depth: int) -> bool:
        if isinstance(one, str):
            return len(one) > bounds.text
        if not isinstance(one, dict | list):
            return False
        inner = one.values() if isinstance(one, dict) else one
        return depth == bounds.depth or len(one) > bounds.members or any(beyond(each, depth + 1) for each in inner)

    return beyond(value, 0) or count(value) > bounds.values


class Visited(list[Any]):
    """A list that counts how many members of all such lists are looked at."""

    looks = 0

    def __iter__(self) -> Iterator[Any]:
        for one in super().__iter__():
            Visited.looks += 1
            yield one


def test_a_bomb_is_found_after_few_of_its_values() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = Visited([deep])
    wide, fields = Visited([0] * 1_000_000), {str(n): Visited([n]) for n in range(300_000)}
    texts, many = Visited([Visited(["x" * 300] * 50)] * 50), Visited([Visited([Visited([0] * 40)] * 40)] * 40)
    codes = ["json_too_deep", "too_many_members", "too_many_members", "text_too_long", "too_many_values"]
    for value, code in zip((deep, wide, fields, texts, many), codes, strict=True):
        Visited.looks = 0
        found = excesses(value, BOUNDS)
        assert ({one.code for one in found}, len(found) <= MOST_ERRORS) == ({code}, True)
        assert Visited.looks <= 2 * BOUNDS.values, "once to see that it is too large, once to say where"
    while isinstance(deep, list):  # without the recursion of a deallocation
        deep = deep[0]


def test_a_budget_ends_what_takes_too_long() -> None:
    check()
    with budget(10):
        check()
    with budget(0.01), pytest.raises(TooMuchWork):
        work()
    check()


def work() -> None:
    while True:
        check()
