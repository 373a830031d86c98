"""One store for the contract suite, the fake and Redis; and the API on it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store as store_on
from services.capacity.bootstrap import running
from services.capacity.domain.figures import stale_after
from services.capacity.entrypoints.api import make_app
from services.capacity.ports import Store
from services.contracts.reference import read_regions
from services.kit.settings import CHECKOUT
from tests.integration.capacity.api_client import Client, MadeUpTokens, client_of
from tests.integration.capacity.network import NOW
from tests.support.capacity.fake_rebuild import fake_store

REGIONS = read_regions(CHECKOUT / "data")


@pytest.fixture
async def redis(valkey: str, prefix: str) -> AsyncIterator[Redis]:
    client = connect(valkey, prefix)
    yield client
    await client.aclose()


@pytest.fixture
def scripts(redis: Redis, prefix: str) -> RedisScripts:
    return RedisScripts(redis, prefix)


@pytest.fixture
def redis_store(scripts: RedisScripts) -> Store:
    return store_on(scripts, stale_after(7))


@pytest.fixture(params=["fake", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "redis":
        found: Store = request.getfixturevalue("redis_store")
        return found
    return fake_store()


@pytest.fixture
async def app(store: Store) -> AsyncIterator[FastAPI]:
    app = make_app(lambda: running(store, lambda: NOW + timedelta(minutes=1)), MadeUpTokens(), REGIONS).inside
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Client]:
    made: list[httpx2.AsyncClient] = []

    def make(token: str) -> httpx2.AsyncClient:
        made.append(client_of(app, token))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()
