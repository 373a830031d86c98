"""A topic of a test's own that can be written, recreated and trimmed."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError

from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.settings import ServiceSettings
from tests.support.eventually import eventually


@dataclass
class Topic:
    """A topic of `partitions` partitions on the settings' Kafka."""

    settings: ServiceSettings
    admin: AIOKafkaAdminClient
    producer: AIOKafkaProducer
    partitions: int = 2

    @property
    def name(self) -> str:
        return f"{self.settings.topic_prefix}.events.v1"

    def partition(self, number: int = 0) -> TopicPartition:
        return TopicPartition(self.name, number)

    async def create(self) -> None:
        answer = await self.admin.create_topics([NewTopic(self.name, self.partitions, 1)])
        assert all(code == 0 for _, code, *_ in answer.topic_errors), answer

    async def recreate(self) -> None:
        """Delete it with all that it holds, and create it again."""
        await self.admin.delete_topics([self.name])
        await eventually(self._created, "the topic is there again")

    async def _created(self) -> bool:
        try:
            await self.create()
        except AssertionError:  # it is being deleted
            return False
        return True

    async def write(self, *values: str, partition: int = 0) -> None:
        """Append `values`, also to a topic that was created just now."""
        for value in values:
            await eventually(partial(self._write, value, partition))

    async def _write(self, value: str, partition: int) -> bool:
        try:
            await self.producer.send_and_wait(self.name, value.encode(), key=b"k", partition=partition)
        except KafkaError:  # its metadata is on the way
            return False
        return True

    async def write_in_transactions(self, *values: str, partition: int = 0) -> None:
        """Append `values`, each in a transaction of its own and all at once: their control records are the last."""
        end = await self.end(partition)
        async with AsyncExitStack() as transactions:
            for number, value in enumerate(values):
                name = f"{self.name}.{number}"
                producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka_servers, transactional_id=name)
                await transactions.enter_async_context(started(producer))
                await transactions.enter_async_context(producer.transaction())
                await producer.send_and_wait(self.name, value.encode(), key=b"k", partition=partition)

        async def has_control_records() -> bool:
            return await self.end(partition) == end + 2 * len(values)

        await eventually(has_control_records)

    async def end(self, partition: int = 0) -> int:
        """The next offset."""
        reader, at = make_consumer(self.settings, [], None), self.partition(partition)
        async with started(reader):
            return int((await reader.end_offsets([at]))[at])

    async def commit(self, group: str, offset: int, partition: int = 0) -> None:
        """As a member of `group` that has come so far."""
        member = make_consumer(self.settings, [], group)
        async with started(member):
            member.assign([self.partition(partition)])
            await member.commit({self.partition(partition): offset})

    async def trim(self, before: int, partition: int = 0) -> None:
        """Forget the records before an offset, as retention does."""
        await self.admin.delete_records({self.partition(partition): RecordsToDelete(before)})

    async def read(self, partition: int = 0) -> Sequence[ConsumedRecord]:
        """All that is in a partition."""
        reader, at = make_consumer(self.settings, [], None), self.partition(partition)
        async with started(reader):
            reader.assign([at])
            end = (await reader.end_offsets([at]))[at]
            found: list[ConsumedRecord] = []
            while await reader.position(at) < end:
                fetched = await reader.getmany(at, timeout_ms=200)
                found += [ConsumedRecord.of(record) for record in fetched.get(at, ())]
            return found
