"""Before a consumer starts: its group's offsets go back to the beginning of each topic whose log is another by now."""

import asyncio
from collections.abc import Sequence

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.log_identity import Logs
from services.kit.kafka.topic_watch import FAILURES, TopicWatch
from services.kit.settings import ServiceSettings

log = structlog.get_logger()
PAUSE = 1.0
"""Seconds between two tries: Kafka refuses while the group has members, also those whose session has yet to end."""


async def begin_again(settings: ServiceSettings, watch: TopicWatch, logs: Logs, group: str) -> int:
    """How many partitions begin again. Tries until Kafka and the database answer, and the group has no member."""
    while True:
        try:
            topics = {place.topic for place in await watch.look()}
            places = [place for place in await logs.committed(group) if place.topic in topics]
            if topics:
                await _go_back(settings, group, places)
                await watch.forget([place for place in await watch.remembered() if place.topic in topics])
            return len(places)
        except FAILURES as error:
            log.warning("consumer.waiting_to_begin", group=group, reason=str(error) or type(error).__name__)
            await asyncio.sleep(PAUSE)


async def _go_back(settings: ServiceSettings, group: str, places: Sequence[TopicPartition]) -> None:
    """Commit 0, which is before any beginning. Raises KafkaError while the group has members."""
    if not places:
        return
    consumer = make_consumer(settings, [], group)
    async with started(consumer):
        consumer.assign(places)
        consumer.pause(*places)
        try:
            await consumer.commit(dict.fromkeys(places, 0))
        except KafkaError as error:
            raise KafkaError(f"the group has members still: {type(error).__name__}") from error
