"""Programmes, their figures, queues and steps, as every store must keep them."""

from datetime import timedelta
from itertools import permutations

import pytest

from services.capacity.domain.step import START
from services.capacity.ports import Store
from services.contracts.events import ClaimQueuedV1, ClaimWithdrawnV1, PlaceHandedOverV1, PlaceHeldV1, PlacesSetV1
from services.contracts.vocabulary import ClaimState, Modality
from tests.integration.capacity.network import (
    NOW,
    claim,
    figures,
    new_figure,
    open_programme,
    opening,
    present,
    queue,
    referral,
    release,
    steps,
    story,
)


async def test_added_places_go_to_the_queue_in_the_same_step(store: Store) -> None:
    await open_programme(store, "a", 0)
    for number in (1, 2, 3):
        await claim(store, number, "a")
    answer = await new_figure(store, "a", 2)
    assert (answer.places, answer.held, answer.waiting, answer.free) == (2, 2, 1, 0)
    assert (await story(store))[-3:] == ["PlacesSet a", "PlaceHandedOver a 1", "PlaceHandedOver a 2"]


async def test_taking_places_away_evicts_nobody_and_shows_overcommitted(store: Store) -> None:
    await open_programme(store, "a", 3)
    for number in (1, 2, 3, 4):
        await claim(store, number, "a")
    answer = await new_figure(store, "a", 1)
    assert (answer.held, answer.free, answer.overcommitted) == (3, 0, 2)
    await release(store, 1)
    await release(store, 2)
    assert await queue(store, "a") == [4]
    await release(store, 3)
    assert (await present(store, 4)).state is ClaimState.HELD


async def test_of_two_figures_the_one_of_the_higher_version_stands(store: Store) -> None:
    await open_programme(store, "a", 1)
    await new_figure(store, "a", 5)
    assert (await open_programme(store, "a", 1)).places == 5
    later = await open_programme(store, "a", 2, version=7, suspended=True)
    assert (later.places, later.suspended, later.version) == (2, True, 7)


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
@pytest.mark.parametrize("clock", [timedelta(hours=1), timedelta(0), timedelta(hours=-1)])
async def test_the_higher_version_stands_whatever_the_order_and_the_clock(
    store: Store, order: tuple[int, ...], clock: timedelta
) -> None:
    for version in order:
        at = NOW + clock * version
        what = opening("a", version * 10, version=version, confirmed_at=at, suspended=version == 2)
        answer = await store.programmes.open_programme(what, at)
    assert (answer.version, answer.places, answer.suspended) == (3, 30, False)
    assert answer.confirmed_at == NOW + clock * 3
    assert (await figures(store, "a")).version == 3


async def test_a_figure_set_by_a_clock_that_was_put_back_is_newer_all_the_same(store: Store) -> None:
    await open_programme(store, "a", 1)
    await new_figure(store, "a", 2, at=NOW + timedelta(hours=1))
    for places in (3, 4):
        answer = await new_figure(store, "a", places, at=NOW - timedelta(hours=1))
        assert (answer.places, answer.version) == (places, places)
        assert answer.confirmed_at == NOW - timedelta(hours=1)
    late = await open_programme(store, "a", 9, version=3, confirmed_at=NOW + timedelta(minutes=1))
    assert (late.places, late.confirmed_at) == (4, NOW - timedelta(hours=1))


async def test_a_figure_of_an_equal_or_a_lower_version_changes_nothing(store: Store) -> None:
    first = await open_programme(store, "a", 1, version=4)
    for version in (4, 3, 0):
        again = await open_programme(
            store, "a", 9, version=version, suspended=True, confirmed_at=NOW + timedelta(days=3)
        )
        assert again == first
    assert await story(store) == ["PlacesSet a"]


async def test_a_programme_without_a_figure_has_no_places_but_a_queue_and_the_first_figure_hands_over(
    store: Store,
) -> None:
    answer = await open_programme(store, "a", 0, version=0, confirmed_at=None)
    assert (answer.version, answer.places, answer.free, answer.confirmed_at, answer.stale) == (0, 0, 0, None, True)
    assert (await claim(store, 2, "a")).free == {"a": 0}
    await claim(store, 1, "a")
    await claim(store, 3, "a")
    assert await queue(store, "a") == [1, 2, 3]
    assert (await open_programme(store, "a", 0, version=0, confirmed_at=None)).waiting == 3
    first = await open_programme(store, "a", 2, version=1)
    assert (first.held, first.waiting, first.version, first.confirmed_at) == (2, 1, 1, NOW)
    assert (await story(store))[-3:] == ["PlacesSet a", "PlaceHandedOver a 1", "PlaceHandedOver a 2"]
    unset, *_, placed, _, _ = (step.data for step in await steps(store))
    assert isinstance(unset, PlacesSetV1)
    assert isinstance(placed, PlacesSetV1)
    assert (unset.confirmed_at, unset.stale, placed.confirmed_at, placed.stale) == (None, True, NOW, None)


async def test_a_programme_registered_again_changes_its_owner_and_keeps_its_figure(store: Store) -> None:
    first = await open_programme(store, "a", 1)
    assert (await open_programme(store, "a", 1)).data_version == first.data_version
    moved = await open_programme(store, "a", 9, center_id="center-2", region_id="KZ-75", modality=Modality.INPATIENT)
    assert (moved.center_id, moved.region_id, moved.modality, moved.places) == (
        "center-2", "KZ-75", Modality.INPATIENT, 1,
    )  # fmt: skip


async def test_a_figure_that_nobody_confirmed_for_seven_days_is_stale(store: Store) -> None:
    await open_programme(store, "a", 1)
    fresh = await store.programmes.snapshot(NOW + timedelta(days=7))
    stale = await store.programmes.snapshot(NOW + timedelta(days=7, seconds=1))
    assert (fresh.figures[0].stale, stale.figures[0].stale) == (False, True)
    await new_figure(store, "a", 1, at=NOW + timedelta(days=8))
    again = await store.programmes.snapshot(NOW + timedelta(days=9))
    assert again.figures[0].stale is False


async def test_a_step_on_a_stale_figure_says_so(store: Store) -> None:
    await open_programme(store, "a", 2)
    for number, days in ((1, 7), (2, 8)):
        await claim(store, number, "a", at=NOW + timedelta(days=days))
    await new_figure(store, "a", 2, at=NOW + timedelta(days=9))
    emitted = [(type(step.data).__name__, getattr(step.data, "stale", None)) for step in await steps(store)]
    assert emitted == [("PlacesSetV1", None), ("PlaceHeldV1", None), ("PlaceHeldV1", True), ("PlacesSetV1", None)]


async def test_a_queue_is_read_in_parts_also_among_equal_ranks(store: Store) -> None:
    await open_programme(store, "a", 0)
    for number in range(1, 8):
        await claim(store, number, "a", rank=number // 4)
    first = await store.programmes.queue("a", None, 2)
    second = await store.programmes.queue("a", (first[-1].rank, first[-1].referral_id), 2)
    third = await store.programmes.queue("a", (second[-1].rank, second[-1].referral_id), 10)
    assert [entry.referral_id.int for entry in (*first, *second, *third)] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry.position for entry in third] == [5, 6, 7]


async def test_a_step_says_what_happened_and_the_count_after_it(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 0)
    await claim(store, 1, "a")
    await claim(store, 2, "b", "a", attempt=4, at=NOW + timedelta(seconds=5))
    await release(store, 1, at=NOW + timedelta(seconds=9))
    placed, _, held, _, released, handed = await steps(store)
    assert isinstance(placed.data, PlacesSetV1)
    assert placed.data.confirmed_at == NOW
    assert isinstance(held.data, PlaceHeldV1)
    assert (held.data.center_id, held.data.region_id, held.data.modality) == (
        "center-1", "KZ-10", Modality.DAY_STAY,
    )  # fmt: skip
    assert (held.data.places, held.data.held, held.data.free, held.data.waiting) == (1, 1, 0, 0)
    assert isinstance(handed.data, PlaceHandedOverV1)
    assert (handed.data.referral_id, handed.data.attempt, handed.data.left) == (referral(2), 4, ("b",))
    assert (handed.data.held, handed.data.waiting) == (1, 0)
    assert released.at == handed.at == NOW + timedelta(seconds=9)
    assert [one.id.sequence for one in (placed, held, released, handed)] == [1, 3, 5, 6]
    assert handed.data.epoch == str(handed.id.epoch)


async def test_steps_are_read_behind_any_that_was_seen(store: Store) -> None:
    await open_programme(store, "a", 2)
    await claim(store, 1, "a")
    await claim(store, 2, "a")
    everything = await store.steps.after(START, 10)
    assert await store.steps.after(everything[0].id, 1) == [everything[1]]
    assert await store.steps.wait(everything[1].id, 10, 0.05) == [everything[2]]
    assert await store.steps.wait(everything[2].id, 10, 0.05) == []
    assert (await store.steps.first(), await store.steps.last()) == (everything[0].id, everything[2].id)
    assert await store.steps.newest(2) == everything[1:]


async def test_the_story_folds_to_the_same_figures(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 1)
    for number in range(1, 6):
        await claim(store, number, "a", "b")
    await release(store, 1)
    await release(store, 5)
    waiting = {"a": 0, "b": 0}
    for step in await steps(store):
        if isinstance(step.data, ClaimQueuedV1 | ClaimWithdrawnV1):
            for name in step.data.programme_ids:
                waiting[name] += 1 if isinstance(step.data, ClaimQueuedV1) else -1
        if isinstance(step.data, PlaceHandedOverV1):
            for name in (step.data.programme_id, *step.data.left):
                waiting[name] -= 1
    assert waiting == {name: (await figures(store, name)).waiting for name in ("a", "b")}
