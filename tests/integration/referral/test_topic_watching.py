"""The worker before it joins its group: it waits for Kafka and its tables, alive and not ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from services.kit.kafka.clients import make_consumer, make_producer, started
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT
from services.local.ports import Ports
from services.referral.entrypoints.topic_watching import rewind_recreated
from services.referral.settings import ReferralSettings
from tests.support.eventually import eventually


@pytest.fixture
def port() -> int:
    with Ports() as ports:
        return ports.choose()


@asynccontextmanager
async def starting(settings: ReferralSettings) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(rewind_recreated(settings))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def red(port: int) -> bool:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        try:
            assert (await http.get("/livez")).status_code == 200
            answer = await http.get("/readyz")
        except httpx2.TransportError:
            return False
    return answer.status_code == 503 and "waits for Kafka" in answer.json()["checks"]["rewind"]


async def test_a_worker_without_kafka_waits_alive_and_not_ready(settings: ReferralSettings, port: int) -> None:
    nobody = settings.model_copy(update={"kafka_servers": "127.0.0.1:1", "inside_port": port})
    async with starting(nobody) as task:
        await eventually(lambda: red(port))
        assert not task.done()


async def test_a_worker_waits_for_tables_that_are_not_there_yet(
    settings: ReferralSettings, kafka: str, prefix: str, port: int, tmp_path: Path
) -> None:
    empty = {"kafka_servers": kafka, "topic_prefix": prefix, "referral_sql_url": f"sqlite:///{tmp_path / 'empty'}"}
    async with starting(settings.model_copy(update={**empty, "inside_port": port})) as task:
        await eventually(lambda: red(port))
        assert not task.done()


async def test_a_worker_whose_topics_were_not_recreated_keeps_its_offsets(
    settings: ReferralSettings, kafka: str, prefix: str
) -> None:
    ours = settings.model_copy(update={"kafka_servers": kafka, "topic_prefix": prefix})
    await create_topics(ours, CHECKOUT / "deploy" / "topics.toml")
    name = f"{prefix}.diagnoses.v1"
    consumer, producer = make_consumer(ours, [name], ours.worker_app), make_producer(ours, "test")
    async with started(consumer, producer):
        await producer.send_and_wait(name, b"x", partition=0)
        partition = (await asyncio.wait_for(consumer.getone(), 20)).partition
        await consumer.commit()
        await asyncio.wait_for(rewind_recreated(ours), 20)
        committed = {one: await consumer.committed(one) for one in consumer.assignment() if one.partition == partition}
    assert list(committed.values()) == [1]
