"""Publishing to Kafka in order, and checking that it still has what it acknowledged."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from services.kit.errors import reason_of
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.tracing import Work, spans

log = structlog.get_logger()


class Publisher(Protocol):
    """Publishes events in order, and checks that they are still there."""

    async def publish(self, messages: Sequence[OutgoingEvent]) -> list[Acknowledgement]:
        """Send in order; the acknowledgements of the messages before the first that failed."""
        ...

    async def has(self, one: Acknowledgement) -> bool:
        """Whether the record at that offset is still that event, or has aged out."""
        ...


class KafkaPublisher:
    """Publisher on aiokafka. `producer` and `reader` are started by their maker."""

    def __init__(self, producer: AIOKafkaProducer, reader: AIOKafkaConsumer, prefix: str) -> None:
        self._producer, self._reader, self._prefix = producer, reader, prefix

    async def publish(self, messages: Sequence[OutgoingEvent]) -> list[Acknowledgement]:
        with spans("PRODUCER", _works(messages)):
            futures = [
                await self._producer.send(f"{self._prefix}.{topic}", payload, key=key.encode())
                for topic, key, payload, _ in messages
            ]
            results = await asyncio.gather(*futures, return_exceptions=True)
        acknowledged = []
        for message, result in zip(messages, results, strict=True):
            if isinstance(result, BaseException):
                log.warning("relay.not_taken", topic=message.topic, event=message.event_id, reason=reason_of(result))
                break
            acknowledged.append(Acknowledgement(message.topic, result.partition, result.offset, message.event_id))
        return acknowledged

    async def has(self, one: Acknowledgement) -> bool:
        partition = TopicPartition(f"{self._prefix}.{one.topic}", one.partition)
        known = self._reader.partitions_for_topic(partition.topic) or await self._refreshed(partition.topic)
        if one.partition not in known:
            return False
        begin = (await self._reader.beginning_offsets([partition]))[partition]
        end = (await self._reader.end_offsets([partition]))[partition]
        if one.offset >= end:
            return False
        if one.offset < begin:  # aged out by retention, which is no loss
            return True
        self._reader.assign([partition])
        self._reader.seek(partition, one.offset)
        record = await asyncio.wait_for(self._reader.getone(partition), 20)
        return record.offset == one.offset and _event_id(record.value) == one.event_id

    async def _refreshed(self, topic: str) -> set[int]:
        self._reader._client.add_topic(topic)  # to assign another topic's partition drops it
        await self._reader._client.force_metadata_update()
        found = self._reader.partitions_for_topic(topic)
        if found is None:
            raise KafkaError(f"no such topic: {topic}")
        return set(found)


def _works(messages: Sequence[OutgoingEvent]) -> Iterator[Work]:
    """Of the events that a trace made."""
    for one in messages:
        if b'"traceparent"' in one.payload:
            event = orjson.loads(one.payload)
            about = {"messaging.system": "kafka", "joldama.event": event.get("type", ""), "joldama.subject": one.key}
            yield Work(f"publish {one.topic}", one.event_id, event.get("traceparent"), about)


def _event_id(raw: bytes | None) -> str | None:
    try:
        return str(orjson.loads(raw or b"null")["id"])
    except (ValueError, TypeError, KeyError):
        return None
