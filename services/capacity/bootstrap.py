"""Where capacity is wired, for production and tests alike."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from services.capacity.adapters.redis_books import RedisBooks
from services.capacity.adapters.redis_claims import RedisClaims
from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_places import RedisPlaces
from services.capacity.adapters.redis_rebuild import RedisRebuild
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.handlers.feed import Feed
from services.capacity.ports import Store
from services.kit.settings import ServiceSettings

Clock = Callable[[], datetime]


class CapacitySettings(ServiceSettings):
    """The environment of capacity's processes."""

    redis_url: str
    key_prefix: str = "joldama"


@dataclass(frozen=True)
class Capacity:
    """The service while it runs."""

    store: Store
    feed: Feed
    clock: Clock


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_scripts(settings: CapacitySettings) -> AsyncIterator[RedisScripts]:
    """The scripts on the server at `redis_url`; connects at first use."""
    redis = connect(settings.redis_url, settings.key_prefix)
    try:
        yield RedisScripts(redis, settings.key_prefix)
    finally:
        await redis.aclose()


def redis_store(scripts: RedisScripts) -> Store:
    return Store(
        RedisClaims(scripts), RedisPlaces(scripts), RedisSteps(scripts), RedisRebuild(scripts), RedisBooks(scripts)
    )


@asynccontextmanager
async def running(store: Store, clock: Clock = utc_now) -> AsyncIterator[Capacity]:
    """The service on `store`, its feed reading."""
    feed = Feed(store.steps)
    reader = asyncio.create_task(feed.run())
    try:
        yield Capacity(store, feed, clock)
    finally:
        feed.close()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
