"""Looking at Kafka's logs from beside: how long they are, and whether they are still the ones that a consumer knew."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from services.kit.kafka.checkpoints import Checkpoint, mark
from services.kit.kafka.clients import make_consumer, security, start, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.settings import ServiceSettings

READ_SECONDS = 10.0


class Log(Enum):
    """What a remembered record says of the log that is there now."""

    SAME = "same"
    TRIMMED = "trimmed"
    """The record aged out: nothing is known, and nothing is wrong."""
    OTHER = "other"
    """Shorter, or with another record in its place: a log that this consumer has not read."""
    UNKNOWN = "unknown"
    """Not there, or changed while it was looked at: to be looked at again."""


@dataclass(slots=True)
class Look:
    """The partitions that are there, with their first and next offsets; what is known of those that were asked for."""

    begins: dict[TopicPartition, int] = field(default_factory=dict)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    logs: dict[TopicPartition, Log] = field(default_factory=dict)

    def others(self) -> set[TopicPartition]:
        return {place for place, log in self.logs.items() if log is Log.OTHER}


class Logs:
    """The logs of `topics` (full names). `reader` has no group, so it disturbs nobody. Methods raise KafkaError."""

    def __init__(self, reader: AIOKafkaConsumer, admin: AIOKafkaAdminClient, topics: Sequence[str]) -> None:
        self._reader, self._admin, self._topics = reader, admin, topics

    async def look(self, marks: Mapping[TopicPartition, Checkpoint]) -> Look:
        """Hold `marks` against the logs; also raises TimeoutError."""
        places = await self._places()
        look = Look(logs=dict.fromkeys(marks, Log.UNKNOWN))
        if not places:
            return look
        look.begins = await self._reader.beginning_offsets(places)
        look.ends = await self._reader.end_offsets(places)
        asked = {place: one for place, one in marks.items() if place in look.ends}
        for place, one in asked.items():
            if one.offset >= look.ends[place]:
                look.logs[place] = Log.OTHER
            elif one.offset < look.begins[place]:
                look.logs[place] = Log.TRIMMED
        there = {place: one for place, one in asked.items() if look.logs[place] is Log.UNKNOWN}
        look.logs |= await self._compare(there)
        return look

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """How far `group` has come in these topics."""
        found: dict[TopicPartition, OffsetAndMetadata] = await self._admin.list_consumer_group_offsets(group)
        return {place: one.offset for place, one in found.items() if place.topic in self._topics}

    async def _places(self) -> list[TopicPartition]:
        client = self._reader._client
        for topic in self._topics:
            client.add_topic(topic)
        await client.force_metadata_update()
        known = ((topic, self._reader.partitions_for_topic(topic) or ()) for topic in self._topics)
        return [TopicPartition(topic, number) for topic, numbers in known for number in numbers]

    async def _compare(self, marks: Mapping[TopicPartition, Checkpoint]) -> dict[TopicPartition, Log]:
        if not marks:
            return {}
        self._reader.assign(list(marks))
        try:
            for place, one in marks.items():
                self._reader.seek(place, one.offset)
            return {place: await self._log_of(place, one) for place, one in marks.items()}
        finally:
            self._reader.pause(*marks)  # it need not fetch what comes after

    async def _log_of(self, place: TopicPartition, expected: Checkpoint) -> Log:
        record = await asyncio.wait_for(self._reader.getone(place), READ_SECONDS)
        if record.offset > expected.offset:
            return Log.TRIMMED
        if record.offset < expected.offset:  # it became shorter just now
            return Log.UNKNOWN
        return Log.SAME if mark(taken_from(record)) == expected else Log.OTHER


def taken_from(record: ConsumerRecord) -> ConsumedRecord:
    """The record as settlers know it."""
    return ConsumedRecord(record.topic, record.partition, record.offset, record.key, record.value, record.timestamp)


@asynccontextmanager
async def open_logs(settings: ServiceSettings, topics: Sequence[str]) -> AsyncIterator[Logs]:
    """Waits until Kafka answers."""
    reader = make_consumer(settings, [], None, request_timeout_ms=10_000)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers, **security(settings))
    async with started(reader):
        try:
            await start(admin)
            yield Logs(reader, admin, topics)
        finally:
            await admin.close()
