"""The dead-letter topics: what a consumer could not take, as it came, with its reason in the headers."""

from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.kit.errors import TransientError


@dataclass(frozen=True, slots=True)
class Taken:
    """A message as it came: full topic name, where it lay, and its bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class DeadLetters:
    """Sends to `<topic>.dlq` and waits for the acknowledgement."""

    def __init__(self, producer: AIOKafkaProducer, consumer: str) -> None:
        self._producer, self._consumer = producer, consumer

    async def set_aside(self, message: Taken, reason: str) -> None:
        """Raises TransientError while Kafka does not take it."""
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

    async def _send(self, message: Taken, value: bytes | None, headers: dict[str, str]) -> None:
        await self._producer.send_and_wait(
            f"{message.topic}.dlq",
            value,
            key=message.key,
            headers=[(name, text.encode()) for name, text in headers.items()],
        )
