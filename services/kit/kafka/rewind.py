"""Rewinding a consumer group before it starts: to the beginning of each topic whose log was recreated."""

from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.log_identity import TopicInspector
from services.kit.kafka.topic_watch import FAILURES, TopicWatch
from services.kit.retry import retry
from services.kit.settings import ServiceSettings


async def rewind_group(settings: ServiceSettings, watch: TopicWatch, inspector: TopicInspector, group: str) -> int:
    """Rewind `group`; the number of partitions rewound. Retries until Kafka and the database answer.

    Kafka refuses while the group has members, also those whose session has yet to end.
    """

    async def rewind() -> int:
        topics = {partition.topic for partition in await watch.recreated()}
        partitions = [one for one in await inspector.committed(group) if one.topic in topics]
        if topics:
            await _commit_beginning(settings, group, partitions)
            await watch.forget([one for one in await watch.checkpoints() if one.topic in topics])
        return len(partitions)

    return await retry("rewind", rewind, FAILURES, first=0.5, longest=1.0)


async def _commit_beginning(settings: ServiceSettings, group: str, partitions: Sequence[TopicPartition]) -> None:
    """Commit 0, which is before any beginning. Raises KafkaError while the group has members."""
    if not partitions:
        return
    consumer = make_consumer(settings, [], group)
    async with started(consumer):
        consumer.assign(partitions)
        consumer.pause(*partitions)
        try:
            await consumer.commit(dict.fromkeys(partitions, 0))
        except KafkaError as error:
            raise KafkaError(f"the group has members still: {type(error).__name__}") from error
