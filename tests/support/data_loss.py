"""Loss of what may be lost: Redis flushed, Kafka's topics deleted and recreated."""

from collections.abc import Awaitable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from services.contracts import topics
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT, ServiceSettings
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork


async def flush_redis(network: RunningNetwork) -> None:
    async with Redis.from_url(network.plan.redis_url) as redis:
        await redis.flushall()


async def recreate_topics(network: RunningNetwork) -> None:
    """Delete all topics with their records, and create them, as on a new cluster. Kafka may be away at first."""

    async def delete() -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=network.plan.kafka_servers)
        try:
            await admin.start()
            names = [topics.topic(_settings(network).topic_prefix, name) for name in topics.ALL]
            await admin.delete_topics(names)
        finally:
            await admin.close()
        return True

    await eventually(lambda: _unless_away(delete()), "the topics are deleted", within=60)
    await create_all_topics(network)


async def create_all_topics(network: RunningNetwork) -> None:
    """Create all topics on a Kafka that has none. Kafka may be away at first."""
    settings, created = _settings(network), set[str]()
    wanted = {topics.topic(settings.topic_prefix, name) for name in topics.ALL}

    async def create() -> bool:
        created.update(await create_topics(settings, CHECKOUT / "deploy" / "topics.toml"))
        return created >= wanted

    await eventually(lambda: _unless_away(create()), "the topics are recreated", within=60)


def _settings(network: RunningNetwork) -> ServiceSettings:
    return ServiceSettings(mode="local", kafka_servers=network.plan.kafka_servers)


async def _unless_away(step: Awaitable[bool]) -> bool:
    try:
        return await step
    except (KafkaError, OSError) as error:
        raise AssertionError("Kafka is away") from error
