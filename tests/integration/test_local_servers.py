"""The local network's servers: Kafka and Valkey survive kill -9 and another port."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from services.local.fast_start import ensure_cache, options
from services.local.kafka import Kafka
from services.local.ports import Ports
from tests.support.servers import Server, new_server


@pytest.fixture
def ports() -> Iterator[Ports]:
    with Ports() as ports:
        yield ports


async def test_a_shared_kafka_takes_a_record(kafka: str, prefix: str) -> None:
    await create_topic(kafka, f"{prefix}.t")
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        assert (await producer.send_and_wait(f"{prefix}.t", b"one")).offset == 0


async def test_a_shared_valkey_stores_a_key(valkey: str, prefix: str) -> None:
    async with Redis.from_url(valkey) as redis:
        await redis.set(f"{{{prefix}}}:a", "1")
        assert await redis.get(f"{{{prefix}}}:a") == b"1"


async def test_kafka_keeps_what_it_acknowledged_across_kill_and_a_restart_on_another_port(
    tmp_path: Path, ports: Ports
) -> None:
    server = new_server("kafka", tmp_path, ports).start()
    try:
        await create_topic(server.address, "t")
        async with AIOKafkaProducer(bootstrap_servers=server.address) as producer:
            await producer.send_and_wait("t", b"one")
        server.kill()
        server = new_server("kafka", tmp_path, ports)
        await asyncio.to_thread(server.start)
        consumer = AIOKafkaConsumer("t", bootstrap_servers=server.address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            assert (await asyncio.wait_for(consumer.getone(), 20)).value == b"one"
        finally:
            await consumer.stop()
    finally:
        server.stop()


async def test_an_interrupted_format_is_repeated(tmp_path: Path, ports: Ports) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.properties").write_text("version=1\ncluster.id=half\n")
    server = new_server("kafka", tmp_path, ports)
    try:
        await asyncio.to_thread(server.start)
        await create_topic(server.address, "t")
    finally:
        server.stop()
    assert "cluster.id=half" not in (tmp_path / "data" / "meta.properties").read_text()


def test_kafka_starts_without_a_cache_where_none_can_be_made(tmp_path: Path) -> None:
    said: list[str] = []
    (jars := tmp_path / "jars").mkdir()
    for _ in range(2):
        ensure_cache(jars, said.append, Kafka)
    assert options(jars) == []
    assert "That did not work" in said[-1]
    assert len(said) == 2


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


async def create_topic(address: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
