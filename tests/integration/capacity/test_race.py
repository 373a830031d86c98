"""Many at once on a real server."""

import asyncio

from services.capacity.ports import Store
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import (
    NOW,
    change,
    claim,
    figures,
    open_programme,
    queue,
    release,
    request,
    story,
)


async def test_of_50_tasks_racing_for_7_places_7_hold_one_and_43_wait_in_order(redis_store: Store) -> None:
    await open_programme(redis_store, "a", 7)
    results = await asyncio.gather(*(claim(redis_store, number, "a") for number in range(1, 51)))
    held = [one for one in results if one.state is ClaimState.HELD]
    waiting = sorted(one.referral_id.int for one in results if one.state is ClaimState.WAITING)
    assert (len(held), len(waiting)) == (7, 43)
    assert await queue(redis_store, "a") == waiting
    assert (await figures(redis_store, "a")).held == 7


async def test_places_released_by_racing_tasks_go_to_the_first_who_wait_once_each(redis_store: Store) -> None:
    await open_programme(redis_store, "a", 10)
    await open_programme(redis_store, "b", 0)
    for number in range(1, 41):
        await claim(redis_store, number, "a", "b")
    await asyncio.gather(*(release(redis_store, n) for n in range(1, 11)))
    assert await queue(redis_store, "a") == await queue(redis_store, "b") == list(range(21, 41))
    assert (await figures(redis_store, "a")).held == 10


async def test_a_claim_repeated_by_racing_tasks_takes_one_place(redis_store: Store) -> None:
    await open_programme(redis_store, "a", 9)
    results = await asyncio.gather(*(claim(redis_store, 1, "a") for _ in range(20)))
    assert sum(not one.repeated for one in results) == 1
    assert (await figures(redis_store, "a")).held == 1


async def test_batches_that_race_for_the_same_referrals_release_each_place_once(redis_store: Store) -> None:
    await open_programme(redis_store, "a", 100)
    await redis_store.claims.claim([request(number, "a") for number in range(1, 161)])
    changes = [change(number) for number in range(1, 101)]
    orders = (changes, changes[::-1], changes[50:] + changes[:50], changes)
    batches = await asyncio.gather(*(redis_store.claims.release(order, NOW) for order in orders))
    assert sum(not one.repeated for batch in batches for one in batch.results) == 100
    found = await figures(redis_store, "a")
    assert (found.held, found.free, found.waiting) == (60, 40, 0)
    released = [one for one in await story(redis_store) if one.startswith("PlaceReleased")]
    assert len(released) == len(set(released)) == 100
