"""What a consumer could not take, as it came, with its reason: a row in SQL, and a record of the dead-letter topic."""

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.errors import TransientError
from services.kit.kafka.consumed_record import ConsumedRecord


class DeadLetterPublisher:
    """The dead letters of one consumer. The row comes first: it is what outlives Kafka, and what is decided on."""

    def __init__(self, producer: AIOKafkaProducer, book: DeadLetterRepository, consumer: str) -> None:
        self._producer, self._book, self._consumer = producer, book, consumer

    async def record(self, message: ConsumedRecord, reason: str) -> bool:
        """Write the row; whether the message was a dead letter before. Raises TransientError while SQL does not."""
        return await self._book.record(self._consumer, message, reason)

    async def set_aside(self, message: ConsumedRecord, reason: str) -> None:
        """Send to `<topic>.dlq` and wait for the acknowledgement. Raises TransientError while Kafka fails."""
        headers = {
            "reason": reason[:1000],
            "consumer": self._consumer,
            "topic": message.topic,
            "partition": str(message.partition),
            "offset": str(message.offset),
        }
        try:
            try:
                await self._send(message, message.value, headers)
            except MessageSizeTooLargeError:  # with its headers; where it lay, it still lies
                await self._send(message, None, headers | {"left_out": "value"})
        except KafkaError as error:
            raise TransientError(f"dead letters: {type(error).__name__}") from error

    async def _send(self, message: ConsumedRecord, value: bytes | None, headers: dict[str, str]) -> None:
        await self._producer.send_and_wait(
            f"{message.topic}.dlq",
            value,
            key=message.key,
            headers=[(name, text.encode()) for name, text in headers.items()],
        )
