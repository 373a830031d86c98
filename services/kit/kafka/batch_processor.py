"""Processing messages in batches without losing one: retry, halve to find the culprit, dead-letter it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from services.kit.errors import PermanentError, TransientError
from services.kit.metrics import consumer_dead_letters
from services.kit.retry import retry

log = structlog.get_logger()
T = TypeVar("T")
M = TypeVar("M", contravariant=True)
R = TypeVar("R")
DEAD_IN_A_ROW = 10


class TooManyDeadLetters(Exception):
    """Too many messages in a row became dead letters: the fault is ours, and the consumer stops."""


class DeadLetterChannel(Protocol[M]):
    """Takes messages that cannot be processed. Each method is durable when it returns; raises TransientError."""

    async def store(self, message: M, reason: str) -> bool:
        """Store a dead letter; True when it was one before."""
        ...

    async def publish(self, message: M, reason: str) -> None: ...

    async def park(self, message: M) -> None:
        """Store an early message, which is retried beside the consumer."""
        ...


@dataclass
class BatchProcessor(Generic[T]):
    """After `process` each message has had its effect, is parked, or is a dead letter with a reason.

    `handle` processes a batch in one transaction and returns its early messages. It raises TransientError (retried
    without end) or any other error (permanent). A message that was a dead letter before (Kafka delivers it again after
    a crash or a wipe) is processed like any other, but its next failure does not count towards `limit` dead letters in
    a row: a consumer that was stopped by ten of them goes on after a restart.
    """

    consumer: str
    handle: Callable[[Sequence[T]], Awaitable[Sequence[T]]]
    dead_letters: DeadLetterChannel[T]
    first_pause: float = 0.05
    longest_pause: float = 5.0
    limit: int = DEAD_IN_A_ROW
    in_a_row: int = 0

    async def process(self, batch: Sequence[T]) -> None:
        """Raises TooManyDeadLetters, and nothing else."""
        if not batch:
            return
        try:
            early = await self._retry(lambda: self.handle(batch))
        except Exception as error:  # noqa: BLE001  whatever a message breaks, the others have their effect
            if len(batch) == 1:
                return await self._dead_letter(batch[0], error)
            middle = len(batch) // 2
            await self.process(batch[:middle])
            return await self.process(batch[middle:])
        self.in_a_row = 0
        for message in early:
            await self._retry(lambda one=message: self.dead_letters.park(one))  # type: ignore[misc]

    async def _dead_letter(self, message: T, error: Exception) -> None:
        reason = str(error) if isinstance(error, PermanentError) else f"{type(error).__name__}: {error}"
        log.error("consumer.dead_letter", consumer=self.consumer, reason=reason[:300])
        known = await self._retry(lambda: self.dead_letters.store(message, reason))
        await self._retry(lambda: self.dead_letters.publish(message, reason))
        consumer_dead_letters.labels(self.consumer).inc()
        if known:
            return
        self.in_a_row += 1
        if self.in_a_row >= self.limit:
            raise TooManyDeadLetters(
                f"{self.consumer}: {self.in_a_row} dead letters in a row, the last: {reason[:300]}"
            )

    async def _retry(self, step: Callable[[], Awaitable[R]]) -> R:
        name = f"consumer.{self.consumer}"
        return await retry(name, step, TransientError, first=self.first_pause, longest=self.longest_pause)
