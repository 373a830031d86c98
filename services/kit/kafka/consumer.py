"""A plain consumer: fetch, settle, commit, and look whether the log is still the same. The worker uses Faust."""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer

from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.log_identity import taken_from
from services.kit.kafka.topic_watch import FAILURES, TopicWatch

log = structlog.get_logger()


async def consume(
    consumer: AIOKafkaConsumer,
    settler: BatchProcessor[ConsumedRecord],
    watch: TopicWatch,
    progressed: Callable[[], None],
    most: int = 500,
) -> None:
    """Take from `consumer` until cancelled: offsets are committed after a batch is settled, so a crash repeats it."""
    while True:
        try:
            if watch.due():
                await _begin_again(consumer, watch)
            fetched = await consumer.getmany(timeout_ms=1000, max_records=most)
            for records in fetched.values():
                batch = [taken_from(record) for record in records]
                await settler.settle(batch)
                await watch.settled(batch)
            if fetched:
                await consumer.commit()
            progressed()
        except FAILURES as error:
            log.warning("consumer.retrying", reason=str(error) or type(error).__name__)
            await asyncio.sleep(0.5)


async def _begin_again(consumer: AIOKafkaConsumer, watch: TopicWatch) -> None:
    """Go back to the beginning when a log of ours is another by now; what is another process's, that one notices."""
    others = await watch.look()
    places = consumer.assignment()
    if not others & places:
        return
    log.error("consumer.kafka_forgot", consumer=watch.consumer, partitions=len(places))
    for place in places:
        consumer.seek(place, 0)
    await consumer.commit(dict.fromkeys(places, 0))
    await watch.forget(places)
