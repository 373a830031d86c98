"""Releases and occupations in batches: what single ones would do, in a few calls."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_scripts import RedisScripts, Reply, Words
from services.capacity.bootstrap import redis_store as store_on
from services.capacity.domain.figures import stale_after
from services.capacity.ports import Rebuilding, Store
from services.contracts.claims import ClaimChange, ClaimResult, DataVersion
from services.contracts.events import PlaceHandedOverV1
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import (
    NOW,
    change,
    claim,
    figures,
    occupy,
    open_programme,
    present,
    queue,
    release,
    request,
    steps,
    story,
)
from tests.support.capacity.fake_rebuild import fake_store

HELD, OCCUPIED, WAITING = ClaimState.HELD, ClaimState.OCCUPIED, ClaimState.WAITING
STALE, NONE = ClaimState.STALE, ClaimState.NONE
Changes = list[tuple[str, list[tuple[int, int]]]]
"""Batches to release or to occupy, each of pairs of referral and attempt."""


class CountingScripts(RedisScripts):
    """Counts the scripts that are called, by name, and the pipelines that they are called in."""

    def __init__(self, redis: Redis, key_prefix: str) -> None:
        super().__init__(redis, key_prefix)
        self.called: dict[str, int] = {}
        self.pipelines = 0

    async def run_many(
        self, name: str, calls: Sequence[tuple[Sequence[str], Words]], at: datetime | None, seen: DataVersion | None
    ) -> list[Reply]:
        self.called[name] = self.called.get(name, 0) + len(calls)
        self.pipelines += 1
        return await super().run_many(name, calls, at, seen)


async def test_two_hundred_releases_and_occupations_are_a_handful_of_script_calls(redis: Redis, prefix: str) -> None:
    scripts = CountingScripts(redis, prefix)
    store = store_on(scripts, stale_after(7))
    await open_programme(store, "a", 200)
    await store.claims.claim([request(number, "a") for number in range(1, 401)])
    scripts.pipelines = 0
    occupied = await store.claims.occupy([change(number) for number in range(1, 201)], NOW)
    assert {one.state for one in occupied.results} == {OCCUPIED}
    released = await store.claims.release([change(number) for number in range(1, 201)], NOW)
    assert [one.state for one in released.results] == [NONE] * 200
    assert released.data_version == (await store.steps.last()).data_version
    found = await figures(store, "a")
    assert (found.held, found.occupied, found.waiting) == (200, 0, 0)
    assert 0 < scripts.called["occupy"] <= 10
    assert 0 < scripts.called["release"] <= 10
    assert scripts.pipelines == 3, "one for each batch, and the figures"


@asynccontextmanager
async def twins(kind: str, url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two stores of one kind with the same claims: some hold, some wait, one is released and one at attempt 2."""
    redis = connect(url, "unused")

    def new() -> Store:
        if kind == "fake":
            return fake_store()
        return store_on(RedisScripts(redis, f"t{uuid4().hex}"), stale_after(7))

    pair = new(), new()
    for store in pair:
        for name, places in (("a", 2), ("b", 1), ("c", 0)):
            await open_programme(store, name, places)
        for number in range(1, 9):
            await claim(store, number, *("a", "b", "c")[number % 3 :], "a", rank=-number)
        await claim(store, 2, "b", "a", attempt=2)
        await release(store, 3)
    try:
        yield pair
    finally:
        await redis.aclose()


async def together(store: Store, batches: Changes) -> list[ClaimResult]:
    found: list[ClaimResult] = []
    for kind, named in batches:
        change_all = store.claims.occupy if kind == "occupy" else store.claims.release
        found += (await change_all([change(*one) for one in named], NOW)).results
    return found


async def one_by_one(store: Store, batches: Changes) -> list[ClaimResult]:
    return [await (occupy if kind == "occupy" else release)(store, *one) for kind, named in batches for one in named]


async def everything(store: Store) -> list[Any]:
    queues = [await queue(store, name) for name in ("a", "b", "c")]
    claims = [await present(store, number) for number in range(1, 11)]
    return [await store.programmes.snapshot(NOW), queues, claims, await steps(store)]


@pytest.mark.parametrize("kind", ["fake", "redis"])
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(
        st.tuples(
            st.sampled_from(["release", "occupy"]),
            st.lists(st.tuples(st.integers(1, 10), st.sampled_from([1, 1, 2, 3])), max_size=60),
        ),
        min_size=1,
        max_size=3,
    )
)
@example(batches=[("release", [(number, attempt) for attempt in (1, 2, 1) for number in range(1, 11)] * 2)])
@example(batches=[("occupy", [(number, 1) for number in range(1, 11)] * 3), ("release", [(9, 1), (8, 1), (8, 1)])])
def test_a_batch_of_changes_has_the_effect_of_the_same_changes_one_by_one(
    valkey: str, kind: str, batches: Changes
) -> None:
    async def compare() -> None:
        async with twins(kind, valkey) as (one, other):
            assert await together(one, batches) == await one_by_one(other, batches)
            assert await everything(one) == await everything(other)

    asyncio.run(compare())


async def test_a_place_goes_on_past_those_who_are_released_later_in_the_same_batch(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 0)
    for number in (1, 2, 3, 4):
        await claim(store, number, "a", "b")
    batch = await store.claims.release([change(1), change(2), change(3)], NOW)
    assert [(one.referral_id.int, one.state, one.repeated) for one in batch.results] == [
        (1, NONE, False), (2, NONE, False), (3, NONE, False),
    ]  # fmt: skip
    assert (await story(store))[-6:] == [
        "PlaceReleased a 1", "PlaceHandedOver a 2", "PlaceReleased a 2", "PlaceHandedOver a 3",
        "PlaceReleased a 3", "PlaceHandedOver a 4",
    ]  # fmt: skip
    assert (await present(store, 4)).programme_id == "a"
    assert (await queue(store, "a"), await queue(store, "b")) == ([], [])
    handed = [step.data for step in await steps(store) if isinstance(step.data, PlaceHandedOverV1)]
    assert [(one.held, one.waiting, one.left) for one in handed] == [(1, 2, ("b",)), (1, 1, ("b",)), (1, 0, ("b",))]
    assert batch.data_version.sequence == len(await steps(store))


async def test_a_referral_released_earlier_in_the_same_batch_is_handed_nothing(store: Store) -> None:
    await open_programme(store, "a", 1)
    for number in (1, 2, 3):
        await claim(store, number, "a")
    await store.claims.release([change(2), change(1)], NOW)
    assert (await story(store))[-3:] == ["ClaimWithdrawn a 2", "PlaceReleased a 1", "PlaceHandedOver a 3"]


async def test_a_repeat_in_one_batch_does_nothing_more(store: Store) -> None:
    await open_programme(store, "a", 3)
    await claim(store, 1, "a")
    await claim(store, 2, "a")
    occupied = await store.claims.occupy([change(1), change(1)], NOW)
    assert [(one.state, one.repeated) for one in occupied.results] == [(OCCUPIED, False), (OCCUPIED, True)]
    released = await store.claims.release([change(1), change(2), change(1), change(1, 2)], NOW)
    assert [(one.referral_id.int, one.attempt, one.repeated) for one in released.results] == [
        (1, 1, False), (2, 1, False), (1, 1, True), (1, 2, False),
    ]  # fmt: skip
    assert (await story(store))[-3:] == ["PlaceOccupied a 1", "PlaceReleased a 1", "PlaceReleased a 2"]
    assert (await figures(store, "a")).free == 3


async def test_a_stale_attempt_in_a_batch_is_answered_so_and_the_others_are_done(store: Store) -> None:
    await open_programme(store, "a", 3)
    await claim(store, 1, "a", attempt=3)
    await claim(store, 2, "a")
    await claim(store, 3, "a", attempt=2)
    changes = [change(1, 2), change(2), change(3, 1), change(9)]
    occupied = await store.claims.occupy(changes, NOW)
    assert [(one.state, one.attempt) for one in occupied.results] == [(STALE, 3), (OCCUPIED, 1), (STALE, 2), (NONE, 0)]
    released = await store.claims.release(changes, NOW)
    assert [(one.state, one.attempt) for one in released.results] == [(STALE, 3), (NONE, 1), (STALE, 2), (NONE, 1)]
    found = await figures(store, "a")
    assert (found.held, found.occupied, found.free) == (2, 0, 1)


async def test_only_held_places_of_a_batch_become_occupied(store: Store) -> None:
    await open_programme(store, "a", 1)
    for number in (1, 2):
        await claim(store, number, "a")
    batch = await store.claims.occupy([change(2), change(1, 2), change(1), change(1, 2)], NOW)
    assert [(one.state, one.programme_id, one.queues, one.repeated) for one in batch.results] == [
        (WAITING, None, ("a",), True), (HELD, "a", (), False), (OCCUPIED, "a", (), False), (OCCUPIED, "a", (), False),
    ]  # fmt: skip


async def test_a_batch_behind_what_the_caller_has_seen_does_nothing(store: Store) -> None:
    answer = await open_programme(store, "a", 9)
    await store.claims.claim([request(number, "a") for number in range(1, 60)])
    before = await everything(store)
    changes: list[ClaimChange] = [change(number) for number in range(1, 60)]
    for seen in (DataVersion(epoch=answer.data_version.epoch, sequence=9000), DataVersion(epoch="1", sequence=0)):
        for change_all in (store.claims.release, store.claims.occupy):
            with pytest.raises(Rebuilding):
                await change_all(changes, NOW, seen)
            with pytest.raises(Rebuilding):
                await change_all([], NOW, seen)
    assert await everything(store) == before


async def test_an_empty_batch_is_answered_with_the_data_version(store: Store) -> None:
    answer = await open_programme(store, "a", 1)
    for change_all in (store.claims.release, store.claims.occupy):
        batch = await change_all([], NOW)
        assert (batch.results, batch.data_version) == ((), answer.data_version)
