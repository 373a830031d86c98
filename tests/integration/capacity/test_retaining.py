"""A claim after a review retains what was handed over meanwhile: it would be the next child's otherwise."""

import pytest

from services.capacity.ports import Store
from services.contracts.events import PlaceHeldV1
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import claim, figures, new_figure, open_programme, queue, steps, story

HELD, WAITING = ClaimState.HELD, ClaimState.WAITING


async def hand_over(store: Store, **places: int) -> None:
    """Referral 1 waited at `a` and was handed its only place; 2 is behind it."""
    for name, count in ({"a": 0} | places).items():
        await open_programme(store, name, count)
    await claim(store, 1, "a")
    await claim(store, 2, "a")
    await new_figure(store, "a", 1)


@pytest.mark.parametrize(
    ("retain", "candidates", "free_at_b", "first", "second"),
    [
        (True, ("a",), 0, (HELD, "a"), None),
        (True, ("a", "b"), 5, (HELD, "a"), None),
        (True, ("b", "a"), 0, (HELD, "a"), None),
        (True, ("b", "a"), 1, (HELD, "b"), "a"),
        (True, ("b a",), 1, (HELD, "b"), "a"),
        (True, ("a b",), 1, (HELD, "a"), None),
        (True, ("b",), 1, (HELD, "b"), "a"),
        (True, ("b",), 0, (WAITING, None), "a"),
        (False, ("a",), 0, (WAITING, None), "a"),
        (False, ("a", "b"), 1, (HELD, "b"), "a"),
    ],
)
async def test_the_next_attempt_retains_the_place_only_when_it_says_so_and_may_still_go_there(
    store: Store,
    retain: bool,
    candidates: tuple[str, ...],
    free_at_b: int,
    first: tuple[ClaimState, str | None],
    second: str | None,
) -> None:
    await hand_over(store, b=free_at_b)
    result = await claim(store, 1, *candidates, attempt=2, retain=retain)
    assert (result.state, result.programme_id, result.attempt, result.repeated) == (*first, 2, False)
    assert (await claim(store, 2, "a")).programme_id == second
    again = await claim(store, 1, *candidates, attempt=2, retain=retain)
    assert (again.state, again.programme_id, again.repeated) == (*first, True)
    found = await figures(store, "a")
    assert (found.places, found.held, found.free) == (1, 1, 0)


async def test_a_retained_place_is_emitted_without_a_change_of_counts(store: Store) -> None:
    await hand_over(store)
    before = await story(store)
    result = await claim(store, 1, "a", attempt=2, retain=True)
    assert (await story(store))[len(before) :] == ["PlaceHeld a 1"]
    held = (await steps(store))[-1].data
    assert isinstance(held, PlaceHeldV1)
    assert (held.kept, held.attempt, held.held, held.waiting, result.free) == (True, 2, 1, 1, {"a": 1})
    assert await queue(store, "a") == [2]


@pytest.mark.parametrize(("places", "suspended"), [(0, False), (1, True)])
async def test_a_place_is_retained_though_places_were_taken_away_or_the_programme_suspended_meanwhile(
    store: Store, places: int, suspended: bool
) -> None:
    await hand_over(store)
    await new_figure(store, "a", places, suspended=suspended)
    result = await claim(store, 1, "a", attempt=2, retain=True)
    assert (result.state, result.programme_id) == (HELD, "a")
    assert await queue(store, "a") == [2]


async def test_who_was_not_handed_a_place_goes_by_its_rank_as_ever(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 0)
    await claim(store, 1, "a")
    await claim(store, 2, "a", "b")
    assert (await claim(store, 1, "b", attempt=2, retain=True)).state is WAITING
    assert (await queue(store, "a"), await queue(store, "b")) == ([2], [1, 2])
