"""No name, phone or IIN in any event, key, log line or metric: everything that a full run wrote is scanned."""

import asyncio
from pathlib import Path

import httpx2
import pytest
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from services.contracts import topics
from services.kit.kafka.topics import dead_letter_topic
from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.eventually import eventually
from tests.support.kafka_admin import admin_options
from tests.support.leak_scan import find_leaks, read_redis
from tests.support.network import RunningNetwork

pytestmark = pytest.mark.network

NOTE = "Жазбадағы Есім Сынақов"
SERVICES = ("intake", "referral", "capacity", "intake-relay", "referral-worker", "referral-relay", "capacity-relay")


async def _events(country: RunningNetwork) -> bytes:
    names = [topics.topic("joldama", name) for name in topics.ALL]
    dead_letters = [dead_letter_topic(name) for name in names]
    consumer = AIOKafkaConsumer(*names, *dead_letters, auto_offset_reset="earliest", **admin_options(country.plan))
    await consumer.start()
    found: list[bytes] = []
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while [one for one, end in ends.items() if await consumer.position(one) < end]:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
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
        return b"\n".join([(await http.get(f"{country.inside(part)}/metrics")).content for part in SERVICES])


async def test_nothing_personal_leaves_intakes_database(country: RunningNetwork) -> None:
    bodies = submissions(100, seed=77)
    spoiled = [{**bodies[0], "settlement_id": "nowhere"}, {**bodies[1], "diagnosis": {"icd10": "X99.99"}}]
    async with httpx2.AsyncClient(base_url=country.url("intake"), headers=country.headers("polyclinic", "p")) as http:
        for body in spoiled:
            assert (await http.post("/v1/diagnoses", json=body)).status_code == 422
    ids = await submit_all(country, bodies)
    await eventually(lambda: set(ids) <= set(record_queries.referrals(country)), "all are routed", within=30)
    await _note(country, ids[0])
    await eventually(lambda: record_queries.unacknowledged_events(country) == 0, "all is published", within=30)

    sources = {
        "events": await _events(country),
        "redis": await _redis(country),
        "logs": await asyncio.to_thread(_files, country.home.logs),
        "metrics": await _metrics(country),
        "sql": await asyncio.to_thread(_files, country.home.sql),
    }
    assert all(len(text) > 1000 for text in sources.values()), "a source was read empty"
    secrets = [NOTE, *(value for body in bodies for value in _personal(body))]
    assert find_leaks(sources, secrets) == []


async def _note(country: RunningNetwork, referral_id: str) -> None:
    """The polyclinic withdraws the referral with a note that has a name in it."""
    headers = country.headers("polyclinic", POLYCLINIC)
    async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
        notes = f"{country.url('intake')}/v1/diagnoses/{referral_id}/notes"
        answer = (await http.post(notes, json={"text": f"{NOTE} has moved"})).raise_for_status()
        withdraw, note_id = f"{country.url('referral')}/v1/referrals/{referral_id}/withdraw", answer.json()["note_id"]
        assert (await http.post(withdraw, json={"note": f"{NOTE} has moved"})).status_code == 422
        assert (await http.post(withdraw, json={"note_id": note_id})).is_success


def _personal(body: dict[str, dict[str, str]]) -> list[str]:
    child, guardian = body["child"], body["guardian"]
    return [child["full_name"], guardian["full_name"], guardian["phone"], *filter(None, [child.get("iin")])]
