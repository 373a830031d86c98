"""A plain consumer: fetch, settle, commit. For services whose consuming is a side line; the worker uses Faust."""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from services.kit.batches import Settler
from services.kit.letters import Taken

log = structlog.get_logger()


async def consume(
    consumer: AIOKafkaConsumer, settler: Settler[Taken], progressed: Callable[[], None], most: int = 500
) -> None:
    """Take from `consumer` until cancelled: offsets are committed after a batch is settled, so a crash repeats it."""
    while True:
        try:
            fetched = await consumer.getmany(timeout_ms=1000, max_records=most)
            for records in fetched.values():
                await settler.settle([Taken(r.topic, r.partition, r.offset, r.key, r.value) for r in records])
            if fetched:
                await consumer.commit()
            progressed()
        except KafkaError as error:
            log.warning("consumer.retrying", reason=type(error).__name__)
            await asyncio.sleep(0.5)
