"""Reading and filling topics for the measurements."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

Login = Mapping[str, Any]
"""The connection options of aiokafka's clients."""


async def make_topics(login: Login, *names: str) -> None:
    admin = AIOKafkaAdminClient(**login)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 6, 1) for name in names])
    finally:
        await admin.close()


async def fill(login: Login, topic: str, events: Sequence[tuple[bytes, bytes]]) -> None:
    """Produce (key, value) pairs."""
    producer = AIOKafkaProducer(**login, linger_ms=5)
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(topic, value, key=key) for key, value in events])
    finally:
        await producer.stop()


async def span(login: Login, topic: str, count: int, seconds: float = 300) -> float:
    """Seconds between the first and the last of `count` records of `topic`, by the broker's timestamps."""
    consumer = AIOKafkaConsumer(topic, **login, auto_offset_reset="earliest")
    await consumer.start()
    stamps: list[int] = []
    try:
        async with asyncio.timeout(seconds):
            while len(stamps) < count:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    stamps += [record.timestamp for record in records]
    finally:
        await consumer.stop()
    return (max(stamps) - min(stamps)) / 1000


async def read_all(login: Login, topic: str, count: int, seconds: float = 120) -> list[tuple[bytes, bytes]]:
    """The first `count` records as (key, value)."""
    consumer = AIOKafkaConsumer(topic, **login, auto_offset_reset="earliest")
    await consumer.start()
    found: list[tuple[bytes, bytes]] = []
    try:
        async with asyncio.timeout(seconds):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += [(record.key, record.value) for record in records]
    finally:
        await consumer.stop()
    return found
