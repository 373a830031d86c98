"""One store for the contract suite: the fake, and Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.capacity.adapters.fake_rebuild import fake_store
from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store as wired
from services.capacity.ports import Store


@pytest.fixture
async def redis(valkey: str, prefix: str) -> AsyncIterator[Redis]:
    client = connect(valkey, prefix)
    yield client
    await client.aclose()


@pytest.fixture
def redis_store(redis: Redis, prefix: str) -> Store:
    return wired(RedisScripts(redis, prefix))


@pytest.fixture(params=["fake", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "redis":
        found: Store = request.getfixturevalue("redis_store")
        return found
    return fake_store()
