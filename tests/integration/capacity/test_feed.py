"""The live feed on both stores: what a follower is sent, and how it resumes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from math import inf
from time import time

import pytest
from redis.asyncio import Redis

from services.capacity.domain.feed import BEAT, RESET, TOKEN_ENDED, FeedMessage
from services.capacity.domain.step import StepId
from services.capacity.handlers.feed import Feed, View
from services.capacity.handlers.publish_figures import PublishedFigures
from services.capacity.ports import Store
from tests.integration.capacity.network import NOW, claim, open_programme, release, request
from tests.support.capacity.fake_rebuild import fake_store


def _id(message: FeedMessage) -> bytes:
    return b"%d\n\n" % message.id.sequence


EVERY_ID = View(_id)


async def follow(
    feed: Feed, last: StepId | None, view: View = EVERY_ID, ends: float = inf
) -> AsyncGenerator[bytes, None]:
    """The messages one by one; a step is its sequence."""
    async with aclosing(feed.follow(last, view, ends)) as parts:
        async for part in parts:
            for one in part.split(b"\n\n")[:-1]:
                yield one if one.isdigit() else one + b"\n\n"


@asynccontextmanager
async def reading(feed: Feed) -> AsyncIterator[Feed]:
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        feed.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take(messages: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await asyncio.wait_for(anext(messages), 10) for _ in range(count)]


async def epoch(store: Store) -> int:
    return (await store.steps.last()).epoch


async def test_a_follower_is_sent_each_step_once_from_where_it_left_off(store: Store) -> None:
    await open_programme(store, "a", 2)
    for number in (1, 2, 3):
        await claim(store, number, "a")
    async with reading(Feed(store.steps)) as feed:
        messages = follow(feed, StepId(await epoch(store), 2))
        assert await take(messages, 3) == [b"3", b"4", BEAT]
        await claim(store, 4, "a")
        assert await take(messages, 1) == [b"5"]


async def test_a_new_follower_is_sent_what_happens_from_now_on(store: Store) -> None:
    await open_programme(store, "a", 2)
    async with reading(Feed(store.steps, beat=0.05)) as feed:
        messages = follow(feed, None)
        assert await take(messages, 2) == [BEAT, BEAT]
        await claim(store, 1, "a")
        assert b"2" in await take(messages, 3)


async def test_catching_up_reads_more_than_one_part_and_misses_nothing(store: Store) -> None:
    await open_programme(store, "a", 0)
    await store.claims.claim([request(number, "a") for number in range(1, 1101)])
    async with reading(Feed(store.steps)) as feed:
        messages = follow(feed, StepId(await epoch(store), 1))
        catching_up = asyncio.create_task(take(messages, 1201))
        await asyncio.gather(*(claim(store, number, "a") for number in range(1101, 1201)))
        found = await catching_up
        assert [one for one in found if one != BEAT] == [str(number).encode() for number in range(2, 1202)]


@pytest.mark.parametrize("offset", [1, -1000])
async def test_a_follower_whose_last_step_is_not_of_this_stream_is_told_to_load_again(
    store: Store, offset: int
) -> None:
    await open_programme(store, "a", 2)
    async with reading(Feed(store.steps)) as feed:
        now = await epoch(store)
        messages = follow(feed, StepId(now + offset, 5))
        assert await take(messages, 2) == [RESET, BEAT]
        await claim(store, 1, "a")
        assert await take(messages, 1) == [b"2"]


async def test_a_follower_older_than_the_stream_s_first_step_is_told_to_load_again(
    redis_store: Store, redis: Redis, prefix: str
) -> None:
    await open_programme(redis_store, "a", 9)
    for number in range(1, 8):
        await claim(redis_store, number, "a")
    await redis.xtrim(f"{{{prefix}}}:events", maxlen=3, approximate=False)
    now = await epoch(redis_store)
    async with reading(Feed(redis_store.steps)) as feed:
        assert await take(follow(feed, StepId(now, 4)), 2) == [RESET, BEAT]
        assert await take(follow(feed, StepId(now, 5)), 2) == [b"6", b"7"]


async def test_a_new_epoch_tells_every_follower_to_load_again(redis_store: Store, redis: Redis, prefix: str) -> None:
    await open_programme(redis_store, "a", 9)
    async with reading(Feed(redis_store.steps)) as feed:
        messages = follow(feed, StepId(await epoch(redis_store), 1))
        await take(messages, 1)
        await redis.hset(f"{{{prefix}}}:programmes", "@epoch", str(await epoch(redis_store) + 1))
        await claim(redis_store, 1, "a")
        assert await take(messages, 2) == [RESET, b"2"]


async def test_a_slow_follower_loads_again_and_the_others_go_on() -> None:
    store = fake_store()
    await open_programme(store, "a", 0)
    async with reading(Feed(store.steps, kept=5)) as feed:
        slow, quick = follow(feed, None), follow(feed, None)
        await take(slow, 1)
        await take(quick, 1)
        for number in range(1, 8):
            await claim(store, number, "a")
            await take(quick, 1)
        assert await take(slow, 1) == [RESET]
        await claim(store, 8, "a")
        assert await take(slow, 1) == [b"9"]


async def test_who_comes_back_later_than_the_steps_in_memory_loads_again() -> None:
    store = fake_store()
    await open_programme(store, "a", 0)
    for number in range(1, 20):
        await claim(store, number, "a")
    async with reading(Feed(store.steps, kept=5)) as feed:
        now = await epoch(store)
        for seen, expected in ((1, RESET), (14, RESET), (15, b"16"), (19, b"20"), (20, BEAT), (21, RESET)):
            assert await take(follow(feed, StepId(now, seen)), 1) == [expected], seen


async def test_a_center_is_sent_its_own_steps_and_others_figures_when_they_are_published(store: Store) -> None:
    for name, center in (("a", "center-1"), ("b", "center-2"), ("c", "center-3")):
        await open_programme(store, name, 9, center_id=center)
    figures = PublishedFigures(store.programmes, lambda: NOW, centers=2)
    first = await figures.publish()
    async with reading(Feed(store.steps, figures, beat=60)) as feed:
        view = View(lambda one: one.public if one.center_id == "center-1" else None, True, "center-1")
        messages = feed.follow(first.id, view)
        assert await anext(messages) == BEAT
        await claim(store, 1, "a")
        assert b"held" in (own := await anext(messages))
        assert b"referral_id" not in own
        await claim(store, 2, "b")
        await release(store, 2)
        await claim(store, 2, "c", attempt=2)
        assert (await figures.publish()) is not first
        part = await anext(messages)
        assert part.count(b"event: figures") == 1
        assert b'"programme_id":"c"' in part
        await claim(store, 3, "b")
        before = figures.latest
        assert await figures.publish() is before, "one center alone would show where the child is"


async def test_who_leaves_is_forgotten_and_the_end_ends_all(store: Store) -> None:
    await open_programme(store, "a", 0)
    async with reading(Feed(store.steps)) as feed:
        async with aclosing(follow(feed, None)) as messages:
            await anext(messages)
            assert feed.followers == 1
        assert feed.followers == 0
        staying = follow(feed, None)
        await anext(staying)
        feed.close()
        assert [one async for one in staying] == []


async def test_the_feed_ends_with_the_token_and_says_so(store: Store) -> None:
    await open_programme(store, "a", 9)
    async with reading(Feed(store.steps)) as feed:
        messages = follow(feed, StepId(await epoch(store), 1), ends=time() + 1)
        assert await take(messages, 1) == [BEAT]
        await claim(store, 1, "a")
        assert await take(messages, 1) == [b"2"]
        async with asyncio.timeout(10):
            rest = [one async for one in messages]
        assert rest[-1] == TOKEN_ENDED
        assert set(rest[:-1]) <= {BEAT}
        assert feed.followers == 0


async def test_whoever_comes_back_with_an_ended_token_is_told_at_once_and_misses_nothing_later(store: Store) -> None:
    await open_programme(store, "a", 9)
    for number in (1, 2, 3):
        await claim(store, number, "a")
    async with reading(Feed(store.steps, clock=lambda: 1000.0)) as feed:
        last = StepId(await epoch(store), 1)
        assert [one async for one in follow(feed, last, ends=1000.0)] == [TOKEN_ENDED]
        assert await take(follow(feed, last, ends=1001.0), 4) == [b"2", b"3", b"4", BEAT]


async def test_the_feed_ends_with_the_token_while_the_store_was_never_read(store: Store) -> None:
    feed = Feed(store.steps, beat=0.01)
    async with asyncio.timeout(20):
        assert [one async for one in follow(feed, None, ends=time() + 0.1)] == [TOKEN_ENDED]
