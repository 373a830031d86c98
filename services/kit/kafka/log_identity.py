"""Inspection of topics: their partitions' offsets, and whether each log is still the one that was consumed."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from services.kit.kafka.checkpoints import Checkpoint
from services.kit.kafka.clients import make_admin, make_consumer, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.settings import ServiceSettings

READ_SECONDS = 10.0


class LogIdentity(Enum):
    """A checkpoint compared with the partition's log."""

    SAME = "same"
    TRIMMED = "trimmed"
    """The record aged out: nothing is known of the log, and nothing is wrong."""
    RECREATED = "recreated"
    """Shorter, or with another record at that offset: a log that was not consumed."""
    UNKNOWN = "unknown"
    """Missing, or changed during the inspection: to be inspected again."""


@dataclass(slots=True)
class Inspection:
    """Existing partitions with their first and next offsets; the identity of those with a checkpoint."""

    begins: dict[TopicPartition, int] = field(default_factory=dict)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    identities: dict[TopicPartition, LogIdentity] = field(default_factory=dict)

    def recreated(self) -> set[TopicPartition]:
        return {partition for partition, one in self.identities.items() if one is LogIdentity.RECREATED}


class TopicInspector:
    """Inspects `topics` (full names) by a `reader` without a group. Methods raise KafkaError."""

    def __init__(self, reader: AIOKafkaConsumer, admin: AIOKafkaAdminClient, topics: Sequence[str]) -> None:
        self._reader, self._admin, self._topics = reader, admin, topics

    async def inspect(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> Inspection:
        """Compare `checkpoints` with the logs; also raises TimeoutError."""
        partitions = await self._partitions()
        found = Inspection(identities=dict.fromkeys(checkpoints, LogIdentity.UNKNOWN))
        if not partitions:
            return found
        found.begins = await self._reader.beginning_offsets(partitions)
        found.ends = await self._reader.end_offsets(partitions)
        present = {partition: one for partition, one in checkpoints.items() if partition in found.ends}
        for partition, one in present.items():
            if one.offset >= found.ends[partition]:
                found.identities[partition] = LogIdentity.RECREATED
            elif one.offset < found.begins[partition]:
                found.identities[partition] = LogIdentity.TRIMMED
        readable = {at: one for at, one in present.items() if found.identities[at] is LogIdentity.UNKNOWN}
        found.identities |= await self._compare(readable)
        return found

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """The committed offsets of `group` in these topics."""
        found: dict[TopicPartition, OffsetAndMetadata] = await self._admin.list_consumer_group_offsets(group)
        return {partition: one.offset for partition, one in found.items() if partition.topic in self._topics}

    async def has_record(self, partition: TopicPartition, position: int, end: int) -> bool:
        """Whether a record lies between the two offsets, not only control records, which no consumer gets."""
        self._reader.assign([partition])
        self._reader.seek(partition, position)
        try:
            async with asyncio.timeout(READ_SECONDS):
                while not await self._reader.getmany(partition, timeout_ms=200, max_records=1):
                    if await self._reader.position(partition) >= end:
                        return False
        except TimeoutError:
            pass
        finally:
            self._reader.pause(partition)
        return True

    async def _partitions(self) -> list[TopicPartition]:
        client = self._reader._client
        for topic in self._topics:
            client.add_topic(topic)
        await client.force_metadata_update()
        known = ((topic, self._reader.partitions_for_topic(topic) or ()) for topic in self._topics)
        return [TopicPartition(topic, number) for topic, numbers in known for number in numbers]

    async def _compare(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> dict[TopicPartition, LogIdentity]:
        if not checkpoints:
            return {}
        self._reader.assign(list(checkpoints))
        try:
            for partition, one in checkpoints.items():
                self._reader.seek(partition, one.offset)
            return {partition: await self._identity(partition, one) for partition, one in checkpoints.items()}
        finally:
            self._reader.pause(*checkpoints)  # no need to fetch further records

    async def _identity(self, partition: TopicPartition, expected: Checkpoint) -> LogIdentity:
        record = await asyncio.wait_for(self._reader.getone(partition), READ_SECONDS)
        if record.offset > expected.offset:
            return LogIdentity.TRIMMED
        if record.offset < expected.offset:  # the log became shorter just now
            return LogIdentity.UNKNOWN
        same = Checkpoint.of(ConsumedRecord.of(record)) == expected
        return LogIdentity.SAME if same else LogIdentity.RECREATED


@asynccontextmanager
async def topic_inspector(settings: ServiceSettings, topics: Sequence[str]) -> AsyncIterator[TopicInspector]:
    """Connected; waits until Kafka answers."""
    reader, admin = make_consumer(settings, [], None, request_timeout_ms=10_000), make_admin(settings)
    async with started(reader, admin):
        yield TopicInspector(reader, admin, topics)
