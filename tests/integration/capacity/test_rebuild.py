"""The rebuild from the record, as every store must keep it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.domain.feed import BEAT, RESET
from services.capacity.handlers.feed import Feed, View
from services.capacity.ports import Rebuilding, Store
from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import GenerationState, KeptClaim, RestoredClaim
from services.contracts.vocabulary import ClaimState
from tests.integration.capacity.network import (
    NOW,
    claim,
    figures,
    occupy,
    open_programme,
    opening,
    present,
    queue,
    referral,
    release,
    request,
    steps,
    story,
    waiting,
)
from tests.integration.capacity.test_feed import reading, take

HELD, OCCUPIED, WAITING, NONE = ClaimState.HELD, ClaimState.OCCUPIED, ClaimState.WAITING, ClaimState.NONE
NEW = "9000000000000"
NEWER = "9000000000001"


def programme(programme_id: str, places: int, **more: Any) -> ProgrammeCapacity:
    fields = opening(programme_id, places, **more).model_dump(include=set(ProgrammeCapacity.model_fields))
    return ProgrammeCapacity(**fields)


def had(number: int, state: ClaimState, *programmes: str, attempt: int = 1, rank: int | None = None) -> RestoredClaim:
    return RestoredClaim(
        referral_id=referral(number), attempt=attempt, state=state, rank=number if rank is None else rank,
        programme_ids=programmes,
    )  # fmt: skip


async def rebuild(store: Store, programmes: dict[str, int], *claims: RestoredClaim, epoch: str = NEW) -> int:
    """All four steps; how many places were handed over."""
    await store.rebuild.begin(epoch)
    await store.rebuild.restore_programmes(epoch, [programme(*one) for one in programmes.items()])
    assert await store.rebuild.restore_claims(epoch, claims) == ()
    return (await store.rebuild.open(epoch, NOW)).handed_over


async def kept(store: Store) -> dict[int, KeptClaim]:
    """Every claim, from all pages."""
    found: dict[int, KeptClaim] = {}
    position = None
    while True:
        read = await store.claim_pages.page(position, NOW)
        found |= {one.referral_id.int: one for one in read.claims}
        if (position := read.position) is None:
            assert read.figures is not None
            return found


async def test_nothing_is_granted_until_the_new_generation_is_open(store: Store) -> None:
    await open_programme(store, "a", 2)
    await claim(store, 1, "a")
    await store.rebuild.begin(NEW)
    await store.rebuild.restore_programmes(NEW, [programme("a", 2)])
    for step in (
        claim(store, 2, "a"), present(store, 1), release(store, 1),
        occupy(store, 1), store.programmes.snapshot(NOW), open_programme(store, "b", 1),
        open_programme(store, "a", 5, version=2), store.claim_pages.page(None, NOW),
        store.claim_pages.lookup([referral(1)], NOW),
    ):  # fmt: skip
        with pytest.raises(Rebuilding):
            await step
    assert (await store.rebuild.generation(None)).state is GenerationState.REBUILDING
    opened = await store.rebuild.open(NEW, NOW)
    assert opened.data_version == DataVersion(epoch=NEW, sequence=1)
    assert (await claim(store, 2, "a")).state is HELD
    assert (await store.rebuild.generation(opened.data_version)).model_dump() == {"state": "open", "epoch": NEW}


async def test_everyone_has_again_what_the_record_says(store: Store) -> None:
    claims = (
        had(1, HELD, "a", attempt=2), had(2, OCCUPIED, "a"), had(3, WAITING, "b", "a", rank=-5),
        had(4, WAITING, "a"), had(5, NONE, attempt=3),
    )  # fmt: skip
    assert await rebuild(store, {"a": 2, "b": 0}, *claims) == 0
    found = await figures(store, "a")
    assert (found.held, found.occupied, found.waiting, found.free) == (1, 1, 2, 0)
    assert await queue(store, "a") == [3, 4]
    assert await queue(store, "b") == [3]
    assert (await claim(store, 1, "b", attempt=2)).repeated
    assert (await claim(store, 5, "b", attempt=2)).state is ClaimState.STALE
    assert (await claim(store, 5, "b", attempt=3)).state is NONE
    await release(store, 1, 2)
    assert (await present(store, 3)).programme_id == "a"


async def test_opening_hands_what_is_free_to_the_first_by_rank(store: Store) -> None:
    claims = (had(1, WAITING, "a", rank=30), had(2, WAITING, "a", "b", rank=10), had(3, WAITING, "b", "a", rank=20))
    assert await rebuild(store, {"a": 1, "b": 1}, *claims) == 2
    assert [(await present(store, number)).programme_id for number in (1, 2, 3)] == [None, "a", "b"]
    assert await story(store) == ["PlacesSet a", "PlacesSet b", "PlaceHandedOver a 2", "PlaceHandedOver b 3"]
    assert [str(step.id) for step in await steps(store)] == [f"{NEW}-{number}" for number in (1, 2, 3, 4)]


async def test_a_restored_figure_has_its_version_and_only_a_higher_one_replaces_it(store: Store) -> None:
    await store.rebuild.begin(NEW)
    restored = [programme("a", 2, version=5), programme("b", 0, version=0, confirmed_at=None)]
    await store.rebuild.restore_programmes(NEW, restored)
    await store.rebuild.restore_claims(NEW, [had(1, HELD, "a"), had(2, WAITING, "b")])
    await store.rebuild.open(NEW, NOW)
    assert ((await figures(store, "a")).version, (await figures(store, "b")).confirmed_at) == (5, None)
    late = await open_programme(store, "a", 9, version=4, confirmed_at=NOW + timedelta(days=1))
    assert (late.places, late.version, late.held) == (2, 5, 1)
    assert (await open_programme(store, "a", 9, version=6)).free == 8
    assert (await open_programme(store, "b", 1)).held == 1


async def test_restoring_twice_counts_once(store: Store) -> None:
    await store.rebuild.begin(NEW)
    claims = [had(1, HELD, "a"), had(2, OCCUPIED, "a"), had(3, WAITING, "a")]
    for _ in range(2):
        await store.rebuild.restore_programmes(NEW, [programme("a", 2)])
        await store.rebuild.restore_claims(NEW, claims)
    for handed_over in (0, 0):
        assert (await store.rebuild.open(NEW, NOW)).handed_over == handed_over
    found = await figures(store, "a")
    assert (found.held, found.occupied, found.waiting) == (1, 1, 1)
    assert await story(store) == ["PlacesSet a"]


async def test_a_place_of_an_unknown_programme_is_refused_and_the_others_restored(store: Store) -> None:
    await store.rebuild.begin(NEW)
    await store.rebuild.restore_programmes(NEW, [programme("a", 1)])
    refused = await store.rebuild.restore_claims(NEW, [had(1, HELD, "nowhere"), had(2, HELD, "a")])
    assert refused == (referral(1),)
    await store.rebuild.open(NEW, NOW)
    assert (await present(store, 2)).state is HELD


async def test_an_overtaken_rebuild_changes_nothing(store: Store) -> None:
    await store.rebuild.begin(NEW)
    await store.rebuild.begin(NEWER)
    for step in (
        store.rebuild.begin(NEW), store.rebuild.restore_programmes(NEW, [programme("a", 1)]),
        store.rebuild.restore_claims(NEW, [had(1, HELD, "a")]), store.rebuild.open(NEW, NOW),
    ):  # fmt: skip
        with pytest.raises(Rebuilding):
            await step
    await store.rebuild.open(NEWER, NOW)
    with pytest.raises(Rebuilding):
        await store.rebuild.begin(NEWER)
    assert (await store.programmes.snapshot(NOW)).figures == ()


async def test_who_has_seen_the_lost_generation_is_refused(store: Store) -> None:
    await open_programme(store, "a", 2)
    old = (await store.programmes.snapshot(NOW)).data_version
    await rebuild(store, {"a": 2})
    with pytest.raises(Rebuilding):
        await claim(store, 1, "a", seen=old)
    assert (await store.rebuild.generation(old)).state is GenerationState.REBUILDING
    assert (await store.rebuild.generation(DataVersion(epoch=NEW, sequence=2))).state is GenerationState.REBUILDING


async def test_the_stream_goes_on_and_its_followers_load_again(store: Store) -> None:
    await open_programme(store, "a", 1)
    async with reading(Feed(store.steps)) as feed:
        messages = feed.follow(None, View(lambda message: str(message.id).encode()))
        assert await take(messages, 1) == [BEAT]
        await rebuild(store, {"a": 1})
        assert await take(messages, 1) == [RESET + f"{NEW}-1".encode()]


async def test_the_pages_have_every_claim_and_the_queues_it_stands_in(store: Store) -> None:
    await open_programme(store, "a", 1)
    await open_programme(store, "b", 0)
    await store.claims.claim([request(number, "a", "b") for number in (1, 2, 3)])
    await release(store, 3)
    found = await kept(store)
    assert found[1] == KeptClaim(referral_id=referral(1), attempt=1, state=HELD, rank=1, programme_ids=("a",))
    assert (found[2].state, found[2].queued) == (WAITING, ("a", "b"))
    assert (found[3].state, found[3].attempt) == (NONE, 1)
    read = await store.claim_pages.lookup([referral(2), referral(9)], NOW)
    assert [(one.referral_id.int, one.state) for one in read.claims] == [(2, WAITING), (9, NONE)]


async def test_the_pages_are_of_one_moment_although_steps_go_on(redis_store: Store) -> None:
    store = redis_store
    for name in ("a", "b"):
        await open_programme(store, name, 40)
    await store.claims.claim([request(number, "a", "b") for number in range(1, 3000)])

    async def traffic() -> None:
        for number in range(1, 600):
            await release(store, number)
            await claim(store, 5000 + number, "b", "a")

    going = asyncio.create_task(traffic())
    for _ in range(8):
        found: dict[UUID, KeptClaim] = {}
        position, read = None, None
        while read is None or position:
            read = await store.claim_pages.page(position, NOW)
            found |= {one.referral_id: one for one in read.claims}
            position = read.position
        assert read.figures
        for one in read.figures:
            mine = [each.state for each in found.values() if one.programme_id in each.programme_ids]
            assert (one.held, one.waiting) == (mine.count(HELD), mine.count(WAITING))
    await going


async def test_a_joining_after_the_rebuild_reaches_who_waits(store: Store) -> None:
    await rebuild(store, {"a": 0}, had(1, WAITING, "a"))
    await open_programme(store, "b", 1, waiting=(waiting(1),))
    assert (await present(store, 1)).programme_id == "b"


async def test_a_flushed_server_is_rebuilding_and_a_rewound_one_for_who_has_seen_more(
    redis_store: Store, redis: Redis, scripts: RedisScripts
) -> None:
    await open_programme(redis_store, "a", 5)
    older = await redis.dump(scripts.programmes)
    seen = DataVersion(epoch=(await redis_store.programmes.snapshot(NOW)).data_version.epoch, sequence=2)
    await claim(redis_store, 1, "a")
    assert older
    await redis.restore(scripts.programmes, 0, older, replace=True)
    with pytest.raises(Rebuilding):
        await claim(redis_store, 2, "a", seen=seen)
    await redis.delete(scripts.programmes, scripts.events, scripts.server)
    with pytest.raises(Rebuilding):
        await claim(redis_store, 2, "a")
    assert (await redis_store.rebuild.generation(seen)).model_dump() == {"state": "rebuilding", "epoch": None}


async def test_steps_are_forgotten_by_age_up_to_the_one_that_was_relayed(store: Store) -> None:
    await open_programme(store, "a", 9)
    for number in range(1, 6):
        await claim(store, number, "a", at=NOW + timedelta(days=number))
    third = (await steps(store))[3].id
    assert await store.steps.trim(third, NOW + timedelta(days=2)) == 2
    assert await store.steps.trim(third, NOW + timedelta(days=9)) == 1
    assert await store.steps.trim(third, NOW + timedelta(days=9)) == 0
    assert [step.data.referral_id.int for step in await steps(store)] == [3, 4, 5]  # type: ignore[attr-defined]


async def test_a_generation_of_thousands_of_programmes_is_opened_in_one_step(redis_store: Store) -> None:
    """Redis' Lua takes about 8,000 values in one call."""
    places = {f"p{number}": 1 for number in range(5000)}
    assert await rebuild(redis_store, places, had(1, WAITING, "p4999")) == 1
    snapshot = await redis_store.programmes.snapshot(NOW)
    assert sum(one.held for one in snapshot.figures) == 1
    assert len(snapshot.figures) == 5000
