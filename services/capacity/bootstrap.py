"""The composition root of capacity, for production and tests alike."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import Field

from services.capacity.adapters.redis_claim_pages import RedisClaimPages
from services.capacity.adapters.redis_claims import RedisClaims
from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_programmes import RedisProgrammes
from services.capacity.adapters.redis_rebuild import RedisRebuild
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.domain.figures import Staleness, stale_after
from services.capacity.handlers.feed import Feed
from services.capacity.ports import Store
from services.kit.loops import background
from services.kit.settings import SecretUrl, ServiceSettings

Clock = Callable[[], datetime]


class CapacitySettings(ServiceSettings):
    """The environment of capacity's processes."""

    redis_url: SecretUrl
    key_prefix: str = "joldama"
    stale_after_days: int = Field(7, ge=1, le=3650)
    """A center's figure that nobody has confirmed for so many days is stale; the referral service reads it too."""

    @property
    def staleness(self) -> Staleness:
        return stale_after(self.stale_after_days)


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


def redis_store(scripts: RedisScripts, staleness: Staleness) -> Store:
    return Store(
        RedisClaims(scripts),
        RedisProgrammes(scripts, staleness),
        RedisSteps(scripts, staleness),
        RedisRebuild(scripts),
        RedisClaimPages(scripts, staleness),
        scripts.check_writable,
    )


@asynccontextmanager
async def running(store: Store, clock: Clock = utc_now) -> AsyncIterator[Capacity]:
    """The service on `store`, with its feed running."""
    feed = Feed(store.steps)
    async with background(feed.run()):
        try:
            yield Capacity(store, feed, clock)
        finally:
            feed.close()
