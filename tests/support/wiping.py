"""Taking away what may be lost, and asking afterwards whether record and capacity tell one story."""

from collections.abc import Awaitable
from typing import Any

import httpx2
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from services.contracts import topics
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT, ServiceSettings
from tests.support import books
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork


async def flush_redis(country: RunningNetwork) -> None:
    async with Redis.from_url(country.plan.redis_url) as redis:
        await redis.flushall()


async def make_topics_anew(country: RunningNetwork) -> None:
    """Delete all topics with what they keep, and create them again, as on a new cluster. Kafka may be away at first."""

    async def delete() -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=country.plan.kafka_servers)
        try:
            await admin.start()
            names = [topics.topic(_settings(country).topic_prefix, name) for name in topics.ALL]
            await admin.delete_topics(names)
        finally:
            await admin.close()
        return True

    await eventually(lambda: _unless_away(delete()), "the topics are deleted", within=60)
    await make_topics(country)


async def make_topics(country: RunningNetwork) -> None:
    """Create all topics on a Kafka that has none, which may be away at first."""
    settings, made = _settings(country), set[str]()
    wanted = {topics.topic(settings.topic_prefix, name) for name in topics.ALL}

    async def make() -> bool:
        made.update(await create_topics(settings, CHECKOUT / "deploy" / "topics.toml"))
        return made >= wanted

    await eventually(lambda: _unless_away(make()), "the topics are there again", within=60)


def _settings(country: RunningNetwork) -> ServiceSettings:
    return ServiceSettings(mode="local", kafka_servers=country.plan.kafka_servers)


async def _unless_away(step: Awaitable[bool]) -> bool:
    try:
        return await step
    except (KafkaError, OSError) as error:
        raise AssertionError("Kafka is away") from error


async def audit(country: RunningNetwork) -> dict[str, Any]:
    headers = country.headers("operator")
    async with httpx2.AsyncClient(base_url=country.url("referral"), headers=headers, timeout=90) as http:
        answer = await http.get("/v1/audit")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def one_story(country: RunningNetwork) -> bool:
    try:
        assert await books.differences(country) == []
    except httpx2.HTTPError as error:
        raise AssertionError("capacity is being rebuilt") from error
    return True
