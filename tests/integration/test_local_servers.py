"""The servers that the local network brings: real ones, which survive what befalls a laptop."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from services.local.ports import Ports
from tests.support.servers import Server, new_server


@pytest.fixture
def ports() -> Iterator[Ports]:
    with Ports() as ports:
        yield ports


async def test_a_shared_kafka_takes_a_record(kafka: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{prefix}.t", 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        assert (await producer.send_and_wait(f"{prefix}.t", b"one")).offset == 0


async def test_a_shared_valkey_keeps_a_key(valkey: str, prefix: str) -> None:
    async with Redis.from_url(valkey) as redis:
        await redis.set(f"{{{prefix}}}:a", "1")
        assert await redis.get(f"{{{prefix}}}:a") == b"1"


async def test_valkey_keeps_what_it_acknowledged_across_kill_and_restart(tmp_path: Path, ports: Ports) -> None:
    server = new_server("valkey", tmp_path, ports).start()
    try:
        async with Redis.from_url(server.address) as redis:
            await redis.set("a", "1")
            await redis.waitaof(1, 0, 5000)
        await asyncio.to_thread(restart, server)
        async with Redis.from_url(server.address) as redis:
            assert await redis.get("a") == b"1"
    finally:
        server.stop()


def restart(server: Server) -> None:
    server.kill()
    server.start()
