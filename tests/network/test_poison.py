"""A message that nobody can read: it is set aside with its reason, and the worker goes on."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.support import books
from tests.support.children import demo, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

pytestmark = pytest.mark.network

POISON = b'{"specversion": "1.0", "type": "kz.joldama.diagnosis.recorded.v1", "id": "poison-1"}'


async def test_a_poison_message_is_set_aside_with_its_reason_and_the_next_child_is_routed(
    country: RunningNetwork,
) -> None:
    servers = country.plan.kafka_servers
    letters = AIOKafkaConsumer("joldama.diagnoses.v1.dlq", bootstrap_servers=servers, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    await letters.start()
    try:
        await producer.send_and_wait("joldama.diagnoses.v1", POISON, key=b"poison")
        ids = await submit_all(country, demo(5, seed=31))
        await eventually(lambda: set(ids) <= set(books.recorded(country)), "the others are routed", within=30)

        async def set_aside() -> dict[str, bytes] | None:
            for records in (await letters.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.value == POISON:
                        return dict(record.headers)
            return None

        headers = await eventually(set_aside, "the poison is among the dead letters", within=20)
    finally:
        await letters.stop()
        await producer.stop()
    assert b"source" in headers["reason"]
    assert headers["topic"] == b"joldama.diagnoses.v1"
