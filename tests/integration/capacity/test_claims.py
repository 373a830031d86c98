"""The claim, as every store must keep it."""

import pytest
from pydantic import ValidationError

from services.capacity.ports import Rebuilding, Store
from services.contracts.claims import DataVersion
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import (
    NOW,
    claim,
    figures,
    new_figure,
    occupy,
    open_programme,
    present,
    queue,
    release,
    request,
    story,
    waiting,
)

HELD, OCCUPIED, WAITING = ClaimState.HELD, ClaimState.OCCUPIED, ClaimState.WAITING
STALE, NONE = ClaimState.STALE, ClaimState.NONE


async def test_the_first_candidate_with_a_free_place_is_held(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 2)
    await open_programme(store, "c", 5)
    result = await claim(store, 1, "a", "b", "c")
    assert (result.state, result.programme_id, result.attempt, result.repeated) == (HELD, "b", 1, False)
    assert result.free == {"a": 0, "b": 2, "c": 5}
    found = await figures(store, "b")
    assert (found.places, found.held, found.occupied, found.free) == (2, 1, 0, 1)


async def test_within_a_tier_the_programme_with_most_free_places_is_taken_and_ties_go_to_the_first_named(
    store: Store,
) -> None:
    for name, places in (("a", 1), ("b", 3), ("c", 3), ("d", 9)):
        await open_programme(store, name, places)
    assert (await claim(store, 1, "a b c", "d")).programme_id == "b"
    assert (await claim(store, 2, "a b c", "d")).programme_id == "c"
    assert (await claim(store, 3, "a b c", "d")).programme_id == "b"


async def test_a_child_for_whom_nothing_is_free_waits_in_every_queue_by_rank(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 0)
    assert (await claim(store, 1, "a", "b", rank=50)).state is WAITING
    await claim(store, 2, "b", "a", rank=-7)
    await claim(store, 3, "a", rank=50)
    assert await queue(store, "a") == [2, 1, 3]
    assert await queue(store, "b") == [2, 1]
    assert (await figures(store, "a")).waiting == 3
    assert await story(store) == [
        "PlacesSet a", "PlacesSet b", "ClaimQueued a b 1", "ClaimQueued b a 2", "ClaimQueued a 3",
    ]  # fmt: skip


async def test_a_repeat_is_answered_with_the_claim_as_it_is_by_now(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 0)
    assert (await claim(store, 1, "a")).state is HELD
    await claim(store, 2, "b", "a")
    again = await claim(store, 2, "b", "a")
    assert (again.state, again.programme_id, again.repeated, again.free) == (WAITING, None, True, {})
    assert again.queues == ("b", "a")
    await release(store, 1)
    again = await claim(store, 2, "b", "a")
    assert (again.state, again.programme_id, again.repeated) == (HELD, "a", True)
    assert await queue(store, "b") == []
    await occupy(store, 2)
    assert (await claim(store, 2, "b", "a")).state is OCCUPIED


async def test_a_lower_attempt_is_stale_and_changes_nothing(store: Store) -> None:
    await open_programme(store, "a", 2)
    await claim(store, 1, "a", attempt=3)
    before = await story(store)
    result = await claim(store, 1, "a", attempt=2)
    assert (result.state, result.attempt, result.programme_id) == (STALE, 3, None)
    assert (await occupy(store, 1, 2)).state is STALE
    assert (await release(store, 1, 2)).state is STALE
    assert await story(store) == before


async def test_a_higher_attempt_gives_the_place_to_the_queue_before_it_claims(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 1)
    await claim(store, 1, "a")
    await claim(store, 9, "b")
    await claim(store, 2, "a", "b")
    result = await claim(store, 1, "b", attempt=2)
    assert result.state is WAITING
    assert (await present(store, 2)).programme_id == "a"
    assert await queue(store, "b") == [1]
    assert (await story(store))[-3:] == ["PlaceReleased a 1", "PlaceHandedOver a 2", "ClaimQueued b 1"]


async def test_a_higher_attempt_leaves_the_queues_it_stood_in(store: Store) -> None:
    for name in ("a", "b", "c"):
        await open_programme(store, name, 0)
    await claim(store, 1, "a", "b")
    await claim(store, 1, "c", attempt=2)
    assert [await queue(store, name) for name in ("a", "b", "c")] == [[], [], [1]]
    assert (await story(store))[-2:] == ["ClaimWithdrawn a b 1", "ClaimQueued c 1"]


async def test_a_higher_attempt_may_hold_again_the_place_that_it_gave_back(store: Store) -> None:
    await open_programme(store, "a", 1)
    await claim(store, 1, "a")
    result = await claim(store, 1, "a", attempt=2)
    assert (result.state, result.attempt, result.free) == (HELD, 2, {"a": 1})


async def test_an_admitted_child_keeps_its_place_whatever_is_claimed_for_it(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 1)
    await claim(store, 1, "a")
    await occupy(store, 1)
    before = await story(store)
    result = await claim(store, 1, "b", attempt=2)
    assert (result.state, result.programme_id, result.attempt, result.repeated) == (OCCUPIED, "a", 1, False)
    assert await story(store) == before


async def test_a_released_place_goes_to_the_first_in_the_queue_who_leaves_all_others(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 0)
    await claim(store, 1, "a")
    await claim(store, 3, "a", "b", rank=30)
    await claim(store, 2, "b", "a", rank=20)
    answer = await release(store, 1)
    assert answer.state is NONE
    assert (await present(store, 2)).state is HELD
    assert (await queue(store, "a"), await queue(store, "b")) == ([3], [3])
    assert (await story(store))[-2:] == ["PlaceReleased a 1", "PlaceHandedOver a 2"]


async def test_a_release_leaves_the_queues(store: Store) -> None:
    await open_programme(store, "a", 0)
    await claim(store, 1, "a")
    assert (await release(store, 1)).repeated is False
    assert (await release(store, 1)).repeated is True
    assert await queue(store, "a") == []
    assert (await story(store))[-1] == "ClaimWithdrawn a 1"


async def test_a_claim_that_comes_after_its_release_takes_nothing(store: Store) -> None:
    await open_programme(store, "a", 1)
    await release(store, 1)
    result = await claim(store, 1, "a")
    assert (result.state, result.repeated) == (NONE, True)
    assert (await claim(store, 1, "a", attempt=2)).state is HELD


async def test_a_release_gives_back_what_an_earlier_attempt_has(store: Store) -> None:
    await open_programme(store, "a", 1)
    await claim(store, 1, "a")
    await release(store, 1, 2)
    assert (await figures(store, "a")).free == 1
    assert (await claim(store, 1, "a", attempt=2)).state is NONE


async def test_only_a_held_place_becomes_occupied(store: Store) -> None:
    await open_programme(store, "a", 1)
    assert (await occupy(store, 1)).state is NONE
    await claim(store, 1, "a")
    await claim(store, 2, "a")
    assert (await occupy(store, 1, 2)).state is HELD
    assert (await occupy(store, 1)).state is OCCUPIED
    assert (await occupy(store, 1)).repeated is True
    assert (await occupy(store, 2)).state is WAITING
    found = await figures(store, "a")
    assert (found.held, found.occupied, found.free) == (0, 1, 0)


async def test_a_candidate_that_was_never_opened_has_a_queue_that_is_served_when_it_opens(store: Store) -> None:
    await open_programme(store, "a", 0)
    assert (await claim(store, 1, "a", "new")).free == {"a": 0, "new": 0}
    assert await queue(store, "new") == [1]
    await open_programme(store, "new", 1)
    assert (await present(store, 1)).programme_id == "new"


async def test_a_programme_named_twice_counts_where_it_is_named_first(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 0)
    await claim(store, 1, "a a", "b a", "a")
    assert (await story(store))[-1] == "ClaimQueued a b 1"


def test_a_claim_without_a_candidate_is_refused() -> None:
    with pytest.raises(ValidationError, match="candidates"):
        request(1)
    with pytest.raises(ValidationError, match=r"candidates\.0"):
        request(1, "")


async def test_data_that_the_caller_has_not_seen_or_is_behind_takes_no_claim(store: Store) -> None:
    answer = await open_programme(store, "a", 1)
    epoch, sequence = answer.data_version.epoch, answer.data_version.sequence
    for seen in (DataVersion(epoch=epoch, sequence=sequence + 1), DataVersion(epoch="1", sequence=0)):
        with pytest.raises(Rebuilding):
            await claim(store, 1, "a", seen=seen)
        with pytest.raises(Rebuilding):
            await occupy(store, 1, 1, seen=seen)
        with pytest.raises(Rebuilding):
            await release(store, 1, 1, seen=seen)
        with pytest.raises(Rebuilding):
            await open_programme(store, "b", 1, seen=seen)
    assert (await claim(store, 1, "a", seen=answer.data_version)).state is HELD


async def test_a_store_without_data_takes_no_claim(store: Store) -> None:
    with pytest.raises(Rebuilding):
        await claim(store, 1, "a")
    with pytest.raises(Rebuilding):
        await store.programmes.snapshot(NOW)
    with pytest.raises(Rebuilding):
        await open_programme(store, "a", 1, seen=DataVersion(epoch="1", sequence=0))
    await open_programme(store, "a", 1)
    assert (await claim(store, 1, "a")).state is HELD


async def test_a_batch_is_answered_in_order_with_the_data_version_after_it(store: Store) -> None:
    await open_programme(store, "a", 2)
    batch = await store.claims.claim([request(n, "a") for n in (3, 1, 2)])
    assert [(one.referral_id.int, one.state) for one in batch.results] == [(3, HELD), (1, HELD), (2, WAITING)]
    assert batch.data_version.sequence == 4
    assert (await store.claims.claim([])).data_version == batch.data_version


async def test_who_waits_joins_a_new_programme_by_rank_before_its_first_place_is_given(store: Store) -> None:
    await open_programme(store, "a", 0)
    for number in (2, 1, 3):
        await claim(store, number, "a")
    await claim(store, 4, "a", attempt=2)
    waits = [waiting(3), waiting(2), waiting(1), waiting(4, attempt=1)]
    answer = await open_programme(store, "b", 2, waiting=waits)
    assert (answer.held, answer.waiting, answer.free) == (2, 1, 0)
    assert (await queue(store, "a"), await queue(store, "b")) == ([3, 4], [3])
    again = await open_programme(store, "b", 2, waiting=waits)
    assert again.data_version == answer.data_version


async def test_who_had_nothing_till_now_waits_at_the_programme_that_opens(store: Store) -> None:
    await open_programme(store, "a", 0)
    await claim(store, 2, "a")
    for number in (3, 4):
        await release(store, number)
    joining = [waiting(2), waiting(1), waiting(3, attempt=2), waiting(4)]
    answer = await open_programme(store, "b", 1, waiting=joining)
    assert (answer.held, answer.waiting) == (1, 2)
    assert (await present(store, 1)).programme_id == "b"
    assert (await queue(store, "a"), await queue(store, "b")) == ([2], [2, 3])
    assert (await present(store, 3)).queues == ("b",)
    assert (await open_programme(store, "b", 1, waiting=joining)).data_version == answer.data_version
    await release(store, 3, 2)
    assert (await open_programme(store, "b", 1, waiting=joining)).waiting == 1, "it was given back"


async def test_an_emptied_place_of_a_suspended_programme_stays_empty_and_its_queue_stays(store: Store) -> None:
    await open_programme(store, "a", 1)
    await claim(store, 1, "a")
    await claim(store, 2, "a")
    await new_figure(store, "a", 1, suspended=True)
    await release(store, 1)
    assert await queue(store, "a") == [2]
    assert (await claim(store, 3, "a")).free == {"a": 0}
    answer = await new_figure(store, "a", 1, suspended=False)
    assert (answer.held, answer.waiting) == (1, 1)
    assert (await present(store, 2)).state is HELD
