"""A referral's position in each queue, as every store must answer it."""

import pytest

from services.capacity.ports import Rebuilding, Store
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import NOW, claim, new_figure, open_programme, present, queue, release, waiting


async def positions(store: Store, number: int) -> list[tuple[str, int, int]]:
    return [(one.programme_id, one.position, one.length) for one in (await present(store, number)).positions]


async def test_a_waiting_referral_has_its_position_in_each_queue_in_the_order_of_its_candidates(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 0)
    await claim(store, 2, "b", "a")
    await claim(store, 3, "a")
    await claim(store, 1, "a", rank=1)
    assert await positions(store, 2) == [("b", 1, 1), ("a", 2, 3)]
    assert await positions(store, 3) == [("a", 3, 3)]
    found = await present(store, 2)
    snapshot = await store.programmes.snapshot(NOW)
    assert (found.state, found.attempt, found.data_version) == (ClaimState.WAITING, 1, snapshot.data_version)


async def test_equal_ranks_go_by_the_referral(store: Store) -> None:
    await open_programme(store, "a", 0)
    for number in (2, 1, 3):
        await claim(store, number, "a", rank=7)
    assert [await positions(store, number) for number in (1, 2, 3)] == [[("a", place, 3)] for place in (1, 2, 3)]


async def test_who_has_a_place_or_nothing_stands_in_no_queue(store: Store) -> None:
    await open_programme(store, "a", 1)
    await claim(store, 1, "a")
    held = await present(store, 1)
    assert (held.state, held.programme_id, held.positions) == (ClaimState.HELD, "a", ())
    nothing = await present(store, 9)
    assert (nothing.state, nothing.attempt, nothing.positions) == (ClaimState.NONE, 0, ())


async def test_a_position_moves_up_and_ends_with_the_hand_over(store: Store) -> None:
    await open_programme(store, "a", 0)
    await open_programme(store, "b", 0)
    await claim(store, 1, "a")
    await claim(store, 2, "a", "b")
    assert await positions(store, 2) == [("a", 2, 2), ("b", 1, 1)]
    await release(store, 1)
    assert await positions(store, 2) == [("a", 1, 1), ("b", 1, 1)]
    await new_figure(store, "b", 1)
    assert await positions(store, 2) == []


async def test_a_programme_that_opens_is_a_queue_more(store: Store) -> None:
    await open_programme(store, "a", 0)
    await claim(store, 1, "a")
    await open_programme(store, "b", 0, waiting=(waiting(1),))
    assert await positions(store, 1) == [("a", 1, 1), ("b", 1, 1)]


async def test_without_data_no_position_is_answered(store: Store) -> None:
    with pytest.raises(Rebuilding):
        await present(store, 1)


async def test_positions_and_queues_agree(store: Store) -> None:
    for name in ("a", "b"):
        await open_programme(store, name, 0)
    for number, candidates in enumerate(("a", "b", "a b", "b a", "b", "a"), 1):
        await claim(store, number, *candidates.split(), rank=number * 7 % 4)
    queues = {name: await queue(store, name) for name in ("a", "b")}
    found = {
        (name, position, length): number
        for number in range(1, 7)
        for name, position, length in await positions(store, number)
    }
    assert found == {
        (name, place, len(queue)): number for name, queue in queues.items() for place, number in enumerate(queue, 1)
    }
