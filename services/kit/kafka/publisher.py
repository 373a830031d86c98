"""Publishing to Kafka in order, and looking whether it still has what it acknowledged."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

Outgoing = tuple[str, str, bytes, str]
"""Topic (without prefix), key, payload, event id."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Where Kafka put an event. `topic` is the name without the prefix."""

    topic: str
    partition: int
    offset: int
    event_id: str


class Publisher(Protocol):
    """Where events go."""

    async def publish(self, messages: Sequence[Outgoing]) -> list[Acknowledged]:
        """Send in order; the acknowledgements of the messages before the first that failed."""
        ...

    async def still_there(self, topic: str, partition: int, offset: int, event_id: str) -> bool:
        """Whether the record at that offset is the event `event_id`."""
        ...


class KafkaPublisher:
    """Publisher on aiokafka. `producer` and `reader` are started by whoever made them."""

    def __init__(self, producer: AIOKafkaProducer, reader: AIOKafkaConsumer, prefix: str) -> None:
        self._producer, self._reader, self._prefix = producer, reader, prefix

    async def publish(self, messages: Sequence[Outgoing]) -> list[Acknowledged]:
        futures = [
            await self._producer.send(f"{self._prefix}.{topic}", payload, key=key.encode())
            for topic, key, payload, _ in messages
        ]
        results = await asyncio.gather(*futures, return_exceptions=True)
        taken = []
        for (topic, _, _, event_id), result in zip(messages, results, strict=True):
            if isinstance(result, BaseException):
                break
            taken.append(Acknowledged(topic, result.partition, result.offset, event_id))
        return taken

    async def still_there(self, topic: str, partition: int, offset: int, event_id: str) -> bool:
        place = TopicPartition(f"{self._prefix}.{topic}", partition)
        if partition not in (self._reader.partitions_for_topic(place.topic) or await self._fresh(place.topic)):
            return False
        begin = (await self._reader.beginning_offsets([place]))[place]
        end = (await self._reader.end_offsets([place]))[place]
        if offset >= end:
            return False
        if offset < begin:  # aged out by retention, which is no loss
            return True
        self._reader.assign([place])
        self._reader.seek(place, offset)
        record = await asyncio.wait_for(self._reader.getone(place), 20)
        return record.offset == offset and _event_id(record.value) == event_id

    async def _fresh(self, topic: str) -> set[int]:
        await self._reader._client.force_metadata_update()
        found = self._reader.partitions_for_topic(topic)
        if found is None:
            raise KafkaError(f"no such topic: {topic}")
        return set(found)


def _event_id(raw: bytes | None) -> str | None:
    try:
        return str(orjson.loads(raw or b"null")["id"])
    except (ValueError, TypeError, KeyError):
        return None
