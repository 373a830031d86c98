"""Loss of what may be lost: Redis flushed, Kafka's topics deleted and recreated."""

from collections.abc import Awaitable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from services.contracts import topics
from services.kit.kafka.topics import create_topics, secure
from services.kit.settings import CHECKOUT
from services.local.passwords import ACLS
from tests.support.eventually import eventually
from tests.support.kafka_admin import admin_options, admin_settings
from tests.support.network import RunningNetwork


async def flush_redis(network: RunningNetwork) -> None:
    async with Redis.from_url(network.plan.redis_url) as redis:
        await redis.flushall()


async def recreate_topics(network: RunningNetwork) -> None:
    """Delete all topics with their records, and create them, as on a new cluster. Kafka may be away at first."""

    async def delete() -> bool:
        admin = AIOKafkaAdminClient(**admin_options(network.plan))
        try:
            await admin.start()
            names = [topics.topic(admin_settings(network.plan).topic_prefix, name) for name in topics.ALL]
            await admin.delete_topics(names)
        finally:
            await admin.close()
        return True

    await eventually(lambda: _unless_away(delete()), "the topics are deleted", within=60)
    await create_all_topics(network)


async def create_all_topics(network: RunningNetwork) -> None:
    """Create all topics, users and rights on a Kafka that has none. Kafka may be away at first."""
    settings, created = admin_settings(network.plan), set[str]()
    wanted = {topics.topic(settings.topic_prefix, name) for name in topics.ALL}

    async def create() -> bool:
        if network.plan.kafka:
            await secure(settings, ACLS)
        created.update(await create_topics(settings, CHECKOUT / "deploy" / "topics.toml"))
        return created >= wanted

    await eventually(lambda: _unless_away(create()), "the topics are recreated", within=60)


async def _unless_away(step: Awaitable[bool]) -> bool:
    try:
        return await step
    except (KafkaError, OSError) as error:
        raise AssertionError("Kafka is away") from error
