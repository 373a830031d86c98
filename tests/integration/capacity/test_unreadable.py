"""What no script wrote is set aside with its reason, and everything else goes on."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.unreadable import set_aside
from services.capacity.domain.feed import BEAT, RESET
from services.capacity.handlers.feed import Feed
from services.capacity.ports import Store
from tests.integration.capacity.api_client import Client
from tests.integration.capacity.network import NOW, claim, figures, open_programme, present, referral, release
from tests.integration.capacity.relay_bench import Log, relay_store
from tests.integration.capacity.test_feed import follow, reading, take


async def garbage(redis: Redis, prefix: str, **fields: str) -> str:
    """An entry at the end of the stream; its id."""
    last: Any = await redis.xrevrange(f"{{{prefix}}}:events", count=1)
    epoch, sequence = last[0][0].decode().split("-")
    entry = f"{epoch}-{int(sequence) + 1}"
    garbage: Any = {"type": "held", "at": "1", **fields}
    await redis.xadd(f"{{{prefix}}}:events", garbage, id=entry)
    await redis.hset(f"{{{prefix}}}:programmes", "@sequence", int(sequence) + 1)
    return entry


async def test_an_unreadable_step_is_a_dead_letter_and_the_relay_goes_on(
    redis_store: Store, scripts: RedisScripts, redis: Redis, prefix: str
) -> None:
    set_aside.cache_clear()
    await open_programme(redis_store, "a", 2)
    entry = await garbage(redis, prefix, attempt="6.4e+33", referral="x")
    await claim(redis_store, 1, "a")
    store, log = relay_store(scripts), Log()
    assert await store.acquire()
    with capture_logs() as logs:
        batch = await store.pending(100, 0.01)
    assert [one.topic for one in batch] == ["capacity.v1", "capacity.v1.dlq", "capacity.v1"]
    letter = json.loads(batch[1].payload)
    assert letter["entry"]["attempt"] == "6.4e+33"
    assert [(one["what"], one["id"]) for one in logs if one["event"] == "capacity.unreadable"] == [("step", entry)]
    await store.acknowledge(batch, await log.publish(batch))
    assert await store.acquire()
    assert await store.pending(100, 0.01) == []
    await store.trim()
    assert await relay_store(scripts).steps.trim(await redis_store.steps.last(), datetime.now(UTC)) >= 0


async def test_followers_load_again_at_an_unreadable_step_and_go_on(
    redis_store: Store, redis: Redis, prefix: str
) -> None:
    await open_programme(redis_store, "a", 2)
    async with reading(Feed(redis_store.steps)) as feed:
        messages = follow(feed, None)
        assert await take(messages, 1) == [BEAT]
        await garbage(redis, prefix)
        await claim(redis_store, 1, "a")
        assert await take(messages, 2) == [RESET, b"3"]


async def test_an_unreadable_claim_is_named_and_the_others_are_listed(
    redis_store: Store, scripts: RedisScripts, redis: Redis
) -> None:
    await open_programme(redis_store, "a", 5)
    await claim(redis_store, 1, "a")
    for number, stored in ((2, "1e+14 held 0 a"), (3, "1 lost 0 a"), (4, "\xff")):
        await redis.set(scripts.claim_key(referral(number)), stored)
    await redis.set(scripts.claim_key("no-referral"), "1 held 0 a")
    page = await redis_store.claim_pages.page(None, NOW)
    claims, unreadable = [*page.claims], [*page.unreadable]
    while page.position:  # the server has other tests' keys too
        page = await redis_store.claim_pages.page(page.position, NOW)
        claims, unreadable = [*claims, *page.claims], [*unreadable, *page.unreadable]
    assert {one.referral_id for one in claims} == {referral(1)}
    assert {one.referral_id for one in unreadable} == {referral(2), referral(3), referral(4)}
    assert all(one.reason for one in unreadable)
    found = await redis_store.claim_pages.lookup([referral(1), referral(2)], NOW)
    assert ([one.referral_id for one in found.claims], len(found.unreadable)) == ([referral(1)], 1)
    assert (await present(redis_store, 2)).attempt == 0


@pytest.mark.parametrize("store", ["redis"], indirect=True)
async def test_of_claims_whose_positions_are_asked_for_an_unreadable_one_fails_alone(
    store: Store, scripts: RedisScripts, redis: Redis, client: Client
) -> None:
    set_aside.cache_clear()
    await open_programme(store, "a", 0)
    for number in (1, 7):
        await claim(store, number, "a")
    for number, stored in ((2, b"1 held 0 \xff"), (3, b"9999999 held 0 a")):
        await redis.set(scripts.claim_key(referral(number)), stored)
    await redis.sadd(scripts.claim_key(referral(4)), "no claim")
    await redis.sadd(scripts.queue_key("b"), "no queue")
    await redis.set(scripts.claim_key(referral(5)), "1 waiting 0 b")
    asked = [str(referral(number)) for number in range(1, 8)]
    api = client("referral-api")
    with capture_logs() as logs:
        answer = await api.post("/v1/claims/positions", json={"referral_ids": asked})
    found = answer.json()
    assert [(one["referral_id"], one["state"]) for one in found["items"]] == [
        (asked[0], "waiting"), (asked[5], "none"), (asked[6], "waiting"),
    ]  # fmt: skip
    assert [one["referral_id"] for one in found["unreadable"]] == asked[1:5]
    assert [one["id"] for one in logs if one["event"] == "capacity.unreadable"] == asked[1:5], "each is reported"
    for one in asked[1:5]:
        assert (await api.get(f"/v1/claims/{one}")).status_code == 503, "asked for alone it is a fault"


async def test_an_unreadable_programme_gives_nothing_and_the_others_are_listed(
    redis_store: Store, redis: Redis, prefix: str
) -> None:
    await open_programme(redis_store, "a", 5)
    await open_programme(redis_store, "b", 5)
    await claim(redis_store, 1, "a")
    await redis.hset(f"{{{prefix}}}:programmes", "a", "1e+14 0 0 0 0 1 c r day_stay")
    assert [one.programme_id for one in (await redis_store.programmes.snapshot(NOW)).figures] == ["b"]
    assert (await claim(redis_store, 2, "a", "b")).programme_id == "b"
    await release(redis_store, 1)


async def test_an_unreadable_entry_of_a_queue_is_left_out(redis_store: Store, redis: Redis, prefix: str) -> None:
    await open_programme(redis_store, "a", 0)
    await claim(redis_store, 1, "a")
    await redis.zadd(f"{{{prefix}}}:queue:a", {"nobody": 2.5})
    assert [one.referral_id for one in await redis_store.programmes.queue("a", None, 10)] == [referral(1)]


async def test_an_unreadable_sequence_is_data_to_rebuild(redis_store: Store, redis: Redis, prefix: str) -> None:
    await open_programme(redis_store, "a", 5)
    for field, value in (("@sequence", "1e+14"), ("@epoch", "x")):
        await redis.hset(f"{{{prefix}}}:programmes", field, value)
        assert (await redis_store.rebuild.generation(None)).state == "rebuilding"


async def test_an_unreadable_checkpoint_publishes_the_stream_again(
    redis_store: Store, scripts: RedisScripts, redis: Redis
) -> None:
    await open_programme(redis_store, "a", 5)
    store = relay_store(scripts)
    await redis.hset(scripts.checkpoints, mapping={"relayed": "1e+14", "capacity.v1 0": "x y", "": ""})
    assert await store.acquire()
    assert len(await store.pending(10, 0.01)) == 1
    assert {one.topic for one in await store.checkpoints()} == {"capacity.v1"}


async def test_the_scripts_write_every_digit_of_a_number(redis_store: Store, scripts: RedisScripts) -> None:
    """Past the contracts: a claim as 1e+15 could not be told from none, and each repeat held a place more."""
    await open_programme(redis_store, "a", 5)
    claims = [(str(referral(1)), 10**15, 1, 0, "a", 0, "")]
    for _ in range(3):
        await scripts.run_on_claims("claim", claims, together=1)
    assert (await figures(redis_store, "a")).held == 1
    assert await scripts.redis.get(scripts.claim_key(referral(1))) == b"1000000000000000 held 1 a"
