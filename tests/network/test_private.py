"""No name, phone or IIN in any event, key, log line or metric: what a full run wrote is read."""

import asyncio
from pathlib import Path

import httpx2
import pytest
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from services.contracts import topics
from tests.support import books
from tests.support.children import demo, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork
from tests.support.traces import found_in, read_redis

pytestmark = pytest.mark.network

SERVICES = ("intake", "referral", "capacity", "intake-relay", "referral-worker", "referral-relay", "capacity-relay")


async def _events(country: RunningNetwork) -> bytes:
    names = [topics.topic("joldama", name) for name in topics.ALL]
    letters = [topics.dead_letters(name) for name in names]
    consumer = AIOKafkaConsumer(
        *names, *letters, bootstrap_servers=country.plan.kafka_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[bytes] = []
    try:
        while fetched := await consumer.getmany(timeout_ms=1500):
            for records in fetched.values():
                for record in records:
                    found += [record.key or b"", record.value or b"", *(value for _, value in record.headers)]
    finally:
        await consumer.stop()
    return b"\n".join(found)


async def _redis(country: RunningNetwork) -> bytes:
    async with Redis.from_url(country.plan.redis_url) as redis:
        return await read_redis(redis)


def _files(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def _metrics(country: RunningNetwork) -> bytes:
    async with httpx2.AsyncClient() as http:
        return b"\n".join([(await http.get(f"{country.url(part)}/metrics")).content for part in SERVICES])


async def test_nothing_personal_leaves_intakes_database(country: RunningNetwork) -> None:
    bodies = demo(100, seed=77)
    spoiled = [{**bodies[0], "settlement_id": "nowhere"}, {**bodies[1], "diagnosis": {"icd10": "X99.99"}}]
    async with httpx2.AsyncClient(base_url=country.url("intake"), headers=country.headers("polyclinic", "p")) as http:
        for body in spoiled:
            assert (await http.post("/v1/diagnoses", json=body)).status_code == 422
    ids = await submit_all(country, bodies)
    await eventually(lambda: set(ids) <= set(books.recorded(country)), "all are routed", within=30)
    await eventually(lambda: books.unsent(country) == 0, "all is sent", within=30)

    places = {
        "events": await _events(country),
        "redis": await _redis(country),
        "logs": await asyncio.to_thread(_files, country.home.logs),
        "metrics": await _metrics(country),
        "sql": await asyncio.to_thread(_files, country.home.sql),
    }
    assert all(len(text) > 1000 for text in places.values()), "a place was read empty"
    secrets = [value for body in bodies for value in _personal(body)]
    assert found_in(places, secrets) == []


def _personal(body: dict[str, dict[str, str]]) -> list[str]:
    child, guardian = body["child"], body["guardian"]
    return [child["full_name"], guardian["full_name"], guardian["phone"], *filter(None, [child.get("iin")])]
