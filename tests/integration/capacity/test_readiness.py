"""Capacity is ready only while Redis takes writes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.capacity.adapters.redis_connection import connect
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store, running
from services.capacity.domain.figures import stale_after
from services.capacity.entrypoints.api import make_app
from services.local.ports import Ports
from tests.integration.capacity.api_client import MadeUpTokens, client_of
from tests.support.servers import Server, new_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey of this module's own, because it is made to refuse writes."""
    with Ports() as ports:
        server = new_server("valkey", tmp_path_factory.mktemp("valkey"), ports).start()
        yield server
        server.stop()


@pytest.fixture
async def own(server: Server) -> AsyncIterator[Redis]:
    async with Redis.from_url(server.address) as redis:
        yield redis
        await redis.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
        await redis.config_set("maxmemory", 0)
        await redis.config_set("save", "")


async def readiness(server: Server) -> tuple[int, dict[str, Any]]:
    redis = connect(server.address, "ready")
    scripts = RedisScripts(redis, "ready")
    try:
        app = make_app(lambda: running(redis_store(scripts, stale_after(7))), MadeUpTokens(), ()).inside
        async with app.router.lifespan_context(app), client_of(app, "operator") as client:
            answer = await client.get("/readyz")
            return answer.status_code, answer.json()["checks"]
    finally:
        await redis.aclose()


async def fill(redis: Redis, _: Path) -> None:
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", 1)


async def become_replica(redis: Redis, _: Path) -> None:
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]


async def fail_to_save(redis: Redis, folder: Path) -> None:
    (folder / "dump.rdb" / "full").mkdir(parents=True, exist_ok=True)  # the save cannot replace a folder
    await redis.config_set("save", "3600 1")
    await redis.bgsave()

    async def refuses() -> bool:
        try:
            await redis.set("a", 1)
        except RedisError:
            return True
        await asyncio.sleep(0.05)
        return False

    while not await refuses():
        pass


@pytest.mark.parametrize(
    ("break_it", "reason"), [(fill, "maxmemory"), (become_replica, "read only replica"), (fail_to_save, "MISCONF")]
)
async def test_a_redis_that_refuses_writes_is_not_ready_and_says_why(
    server: Server, own: Redis, break_it: Any, reason: str
) -> None:
    assert await readiness(server) == (200, {"redis": "ok"})
    await break_it(own, server.part.folder)
    status, checks = await readiness(server)
    assert status == 503
    assert reason in checks["redis"]
