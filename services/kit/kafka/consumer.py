"""A plain consumer: fetch, process, commit, and watch for recreated topics. The worker uses Faust."""

from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer

from services.kit.errors import reason_of
from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.topic_watch import FAILURES, TopicWatch
from services.kit.retry import retry

log = structlog.get_logger()
MAX_RECORDS = 500
"""Records of one fetch."""


async def consume(
    consumer: AIOKafkaConsumer,
    processor: BatchProcessor[ConsumedRecord],
    watch: TopicWatch,
    progress: Callable[[], None],
) -> None:
    """Until cancelled. Offsets are committed after a batch is processed, so a crash repeats it."""

    uncommitted = False

    async def step() -> None:
        nonlocal uncommitted
        if watch.due():
            await _rewind_recreated(consumer, watch)
        fetched = await consumer.getmany(timeout_ms=1000, max_records=MAX_RECORDS)
        for records in fetched.values():
            batch = [ConsumedRecord.of(record) for record in records]
            await processor.process(batch)
            await watch.processed(batch)
        if fetched or uncommitted:  # a commit that failed is repeated, also on a silent topic
            uncommitted = not await _commit(consumer)
        progress()

    while True:
        await retry("consumer", step, FAILURES, first=0.5)


async def _commit(consumer: AIOKafkaConsumer) -> bool:
    """Whether Kafka has the offsets. While it has not, the lag stands, and readiness turns red in the end."""
    try:
        await consumer.commit()
    except FAILURES as error:
        log.warning("consumer.not_committed", reason=reason_of(error))
        return False
    return True


async def _rewind_recreated(consumer: AIOKafkaConsumer, watch: TopicWatch) -> None:
    """Rewind this process's partitions when the log of one was recreated; other processes rewind their own."""
    partitions = consumer.assignment()
    if not await watch.recreated() & partitions:
        return
    log.error("consumer.kafka_forgot", consumer=watch.consumer, partitions=len(partitions))
    for partition in partitions:
        consumer.seek(partition, 0)
    await consumer.commit(dict.fromkeys(partitions, 0))
    await watch.forget(partitions)
