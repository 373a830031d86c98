"""Where a referral stands in each queue, as every store must tell it."""

import pytest

from services.capacity.ports import Rebuilding, Store
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import (
    NOW,
    claim,
    open_programme,
    queue,
    referral,
    set_places,
    waiting,
)


async def turns(store: Store, number: int) -> list[tuple[str, int, int]]:
    return [(one.programme_id, one.position, one.length) for one in (await store.books.turns(referral(number))).turns]


async def test_a_waiting_referral_has_its_turn_in_each_queue_in_the_order_of_its_candidates(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 0)
    await claim(store, 2, "b", "a")
    await claim(store, 3, "a")
    await claim(store, 1, "a", rank=1)
    assert await turns(store, 2) == [("b", 1, 1), ("a", 2, 3)]
    assert await turns(store, 3) == [("a", 3, 3)]
    found = await store.books.turns(referral(2))
    assert (found.state, found.attempt, found.mark) == (ClaimState.WAITING, 1, (await store.places.snapshot(NOW)).mark)


async def test_equal_ranks_go_by_the_referral(store: Store) -> None:
    await open_programme(store, "a", 0)
    for number in (2, 1, 3):
        await claim(store, number, "a", rank=7)
    assert [await turns(store, number) for number in (1, 2, 3)] == [[("a", place, 3)] for place in (1, 2, 3)]


async def test_who_has_a_place_or_nothing_stands_in_no_queue(store: Store) -> None:
    await open_programme(store, "a", 1)
    await claim(store, 1, "a")
    held = await store.books.turns(referral(1))
    assert (held.state, held.programme_id, held.turns) == (ClaimState.HELD, "a", ())
    nothing = await store.books.turns(referral(9))
    assert (nothing.state, nothing.attempt, nothing.turns) == (ClaimState.NONE, 0, ())


async def test_a_turn_moves_up_and_ends_with_the_hand_over(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 0)
    await claim(store, 1, "a")
    await claim(store, 2, "a", "b")
    assert await turns(store, 2) == [("a", 2, 2), ("b", 1, 1)]
    await store.claims.release(referral(1), 1, NOW)
    assert await turns(store, 2) == [("a", 1, 1), ("b", 1, 1)]
    await set_places(store, "b", 1)
    assert await turns(store, 2) == []


async def test_a_programme_that_opens_is_a_queue_more(store: Store) -> None:
    await open_programme(store, "a", 0)
    await claim(store, 1, "a")
    await open_programme(store, "b", 0, waiting=(waiting(1),))
    assert await turns(store, 1) == [("a", 1, 1), ("b", 1, 1)]


async def test_without_data_no_turn_is_told(store: Store) -> None:
    with pytest.raises(Rebuilding):
        await store.books.turns(referral(1))


async def test_turns_and_queues_tell_the_same(store: Store) -> None:
    for name in ("a", "b"):
        await open_programme(store, name, 0)
    for number, candidates in enumerate(("a", "b", "a b", "b a", "b", "a"), 1):
        await claim(store, number, *candidates.split(), rank=number * 7 % 4)
    queues = {name: await queue(store, name) for name in ("a", "b")}
    told = {
        (name, position, length): number
        for number in range(1, 7)
        for name, position, length in await turns(store, number)
    }
    assert told == {
        (name, place, len(queue)): number for name, queue in queues.items() for place, number in enumerate(queue, 1)
    }
