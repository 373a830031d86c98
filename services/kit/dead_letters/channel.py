"""The dead-letter channel of a consumer: a row in SQL, and a record of the topic `<topic>.dlq`."""

from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.errors import TransientError
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.topics import dead_letter_topic

EARLY = "came before what it builds on was recorded"


@dataclass(frozen=True)
class SqlDeadLetterChannel:
    """DeadLetterChannel on SQL and Kafka. The row comes first: it outlives Kafka."""

    producer: AIOKafkaProducer
    repository: DeadLetterRepository
    consumer: str

    async def store(self, message: ConsumedRecord, reason: str) -> bool:
        return await self.repository.store(self.consumer, message, reason)

    async def park(self, message: ConsumedRecord) -> None:
        await self.repository.park(self.consumer, message, EARLY)

    async def publish(self, message: ConsumedRecord, reason: str) -> None:
        """Send to `<topic>.dlq` and wait for the acknowledgement."""
        headers = {
            "reason": reason[:1000],
            "consumer": self.consumer,
            "topic": message.topic,
            "partition": str(message.partition),
            "offset": str(message.offset),
        }
        try:
            try:
                await self._send(message, message.value, headers)
            except MessageSizeTooLargeError:  # with its headers; its own topic still has it whole
                await self._send(message, None, headers | {"left_out": "value"})
        except KafkaError as error:
            raise TransientError(f"dead letters: {type(error).__name__}") from error

    async def _send(self, message: ConsumedRecord, value: bytes | None, headers: dict[str, str]) -> None:
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await self.producer.send_and_wait(dead_letter_topic(message.topic), value, key=message.key, headers=encoded)
