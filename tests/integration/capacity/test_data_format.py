"""Data that an older capacity has written: it is closed until it has been rebuilt, and its steps stay readable."""

from typing import Any

import pytest
from redis.asyncio import Redis

from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_relay_store import outgoing
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store as store_on
from services.capacity.bootstrap import running
from services.capacity.domain.figures import stale_after
from services.capacity.entrypoints.api import make_app
from services.capacity.ports import Rebuilding, Store
from services.contracts.claims import ClaimChangesBatch, ClaimsBatch
from services.contracts.events import PlaceHeldV1, read_event
from services.contracts.rebuild import GenerationState
from tests.integration.capacity.api_client import MadeUpTokens, assert_problem, client_of
from tests.integration.capacity.network import NOW, change, claim, occupy, open_programme, release, request, steps


@pytest.mark.parametrize("written_by", ["{run_id}.1", "{run_id}", "{run_id}.999"])
async def test_data_of_another_format_is_closed_until_it_is_rebuilt(
    redis_store: Store, scripts: RedisScripts, valkey: str, prefix: str, written_by: str
) -> None:
    await open_programme(redis_store, "a", 5)
    await claim(redis_store, 1, "a")
    run_id = (await scripts.redis.info("server"))["run_id"]
    assert await scripts.redis.get(scripts.server) == f"{run_id}.3".encode()
    await scripts.redis.set(scripts.server, written_by.format(run_id=run_id))
    epoch = (await redis_store.steps.last()).epoch
    redis = connect(valkey, prefix)
    store = store_on(RedisScripts(redis, prefix), stale_after(7))
    for step in (claim(store, 2, "a"), release(store, 1), occupy(store, 1), open_programme(store, "a", 9, version=2)):
        with pytest.raises(Rebuilding):
            await step
    found = await store.rebuild.generation(None)
    assert (found.state, found.epoch) == (GenerationState.REBUILDING, str(epoch))
    with pytest.raises(Rebuilding):
        await claim(redis_store, 2, "a")
    following = str(epoch + 1)
    await store.rebuild.begin(following)
    await store.rebuild.open(following, NOW)
    assert (await redis_store.programmes.snapshot(NOW)).data_version.epoch == following
    await redis.aclose()
    again = connect(valkey, prefix)
    reconnected = store_on(RedisScripts(again, prefix), stale_after(7))
    assert (await reconnected.programmes.snapshot(NOW)).data_version.epoch == following
    await again.aclose()


async def test_it_answers_503_rebuilding(redis_store: Store, scripts: RedisScripts, valkey: str, prefix: str) -> None:
    await open_programme(redis_store, "a", 5)
    run_id = (await scripts.redis.info("server"))["run_id"]
    await scripts.redis.set(scripts.server, f"{run_id}.1")
    redis = connect(valkey, prefix)
    app = make_app(lambda: running(store_on(RedisScripts(redis, prefix), stale_after(7))), MadeUpTokens(), ()).inside
    changes = ClaimChangesBatch(changes=(change(1),)).model_dump_json()
    async with app.router.lifespan_context(app), client_of(app, "operator+referral-worker") as service:
        for method, path, body in (
            ("GET", "/v1/capacity", None),
            ("POST", "/v1/claims/batch", ClaimsBatch(claims=(request(1, "a"),)).model_dump_json()),
            ("POST", "/v1/claims/release", changes),
            ("POST", "/v1/claims/occupy", changes),
        ):
            assert_problem(await service.request(method, path, content=body), 503, "rebuilding")
        assert (await service.get("/v1/rebuild")).json()["state"] == "rebuilding"
    await redis.aclose()


async def test_steps_of_the_format_before_are_still_read_and_published(
    redis_store: Store, redis: Redis, prefix: str
) -> None:
    """A rebuild keeps the stream: one entry that could not be read would hold up the relay and the feed for ever."""
    old: dict[Any, Any] = {
        "type": "held", "at": "1772442000000", "referral": "00000000-0000-0000-0000-000000000007", "attempt": "2",
        "programme": "a", "record": "5 2 1 0 1767225600000 center-1 KZ-10 day_stay", "waiting": "0",
    }  # fmt: skip
    await redis.xadd(f"{{{prefix}}}:events", old, id="1767225600000-42")
    await redis_store.rebuild.begin("1767225600001")
    await redis_store.rebuild.open("1767225600001", NOW)
    await open_programme(redis_store, "b", 1)
    first, second = await steps(redis_store)
    assert isinstance(first.data, PlaceHeldV1)
    assert (first.data.places, first.data.held, first.data.center_id, second.id.epoch) == (
        5,
        2,
        "center-1",
        1767225600001,
    )
    (published,) = outgoing(first)
    event = read_event(published.payload)
    assert event is not None
    assert event.data == first.data
