"""One store for the contract suite: the fake, and Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.capacity.adapters.fake_claims import FakeClaims
from services.capacity.adapters.redis_claims import RedisClaims
from services.capacity.adapters.redis_places import RedisPlaces
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.ports import Store


@pytest.fixture
async def redis(valkey: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey)
    yield client
    await client.aclose()


@pytest.fixture
def redis_store(redis: Redis, prefix: str) -> Store:
    scripts = RedisScripts(redis, prefix)
    return Store(RedisClaims(scripts), RedisPlaces(scripts), RedisSteps(scripts))


@pytest.fixture(params=["fake", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "redis":
        found: Store = request.getfixturevalue("redis_store")
        return found
    fake = FakeClaims()
    return Store(fake, fake, fake)
