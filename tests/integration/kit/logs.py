"""A topic of a test's own that can be written, made again and trimmed."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError

from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.log_identity import taken_from
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

    def place(self, partition: int = 0) -> TopicPartition:
        return TopicPartition(self.name, partition)

    async def make(self) -> None:
        answer = await self.admin.create_topics([NewTopic(self.name, self.partitions, 1)])
        assert all(code == 0 for _, code, *_ in answer.topic_errors), answer

    async def make_again(self) -> None:
        """Delete it with all that it keeps, and make it again."""
        await self.admin.delete_topics([self.name])
        await eventually(self._made, "the topic is there again")

    async def _made(self) -> bool:
        try:
            await self.make()
        except AssertionError:  # it is being deleted
            return False
        return True

    async def write(self, *values: str, partition: int = 0) -> None:
        """Append `values`, also to a topic that was made just now."""
        for value in values:
            await eventually(lambda value=value: self._write(value, partition))

    async def _write(self, value: str, partition: int) -> bool:
        try:
            await self.producer.send_and_wait(self.name, value.encode(), key=b"k", partition=partition)
        except KafkaError:  # its metadata is on the way
            return False
        return True

    async def trim(self, before: int, partition: int = 0) -> None:
        """Forget the records before an offset, as retention does."""
        await self.admin.delete_records({self.place(partition): RecordsToDelete(before)})

    async def read(self, partition: int = 0) -> Sequence[ConsumedRecord]:
        """All that is in a partition."""
        reader = make_consumer(self.settings, [], None)
        async with started(reader):
            place = self.place(partition)
            reader.assign([place])
            end = (await reader.end_offsets([place]))[place]
            found: list[ConsumedRecord] = []
            while not found or found[-1].offset < end - 1:
                found.append(taken_from(await reader.getone(place)))
            return found
