"""Taking messages in batches without losing one: retry, halve to find the culprit, set it aside."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter

from services.kit.errors import PermanentError, TransientError

log = structlog.get_logger()
T = TypeVar("T")
R = TypeVar("R")
DEAD_IN_A_ROW = 10

retries = Counter("consumer_retries_total", "Batches tried again after a transient failure", ["consumer"])
dead = Counter("consumer_dead_letters_total", "Messages set aside with their reason", ["consumer"])


class TooManyDeadLetters(Exception):
    """So many messages in a row could not be taken that the fault is ours: the consumer stops."""


async def _not_before(_: object, __: str) -> bool:
    return False


@dataclass
class BatchProcessor(Generic[T]):
    """Settles batches: afterwards each message has had its effect, or lies in the dead letters with a reason.

    `handle` takes a batch in one transaction; it raises TransientError (tried again for ever, with backoff) or anything
    else (permanent). `record` and then `set_aside` must be durable when they return; `record` says whether the message
    was a dead letter before. Such a one (Kafka gives it again after a crash, or after it was wiped) is tried as any
    other; when it fails again it does not count towards `limit`: somebody knows of it, and a consumer that was stopped
    by ten of them goes on when it is started again.
    """

    consumer: str
    handle: Callable[[Sequence[T]], Awaitable[None]]
    set_aside: Callable[[T, str], Awaitable[None]]
    record: Callable[[T, str], Awaitable[bool]] = _not_before
    first_pause: float = 0.05
    longest_pause: float = 5.0
    limit: int = DEAD_IN_A_ROW
    in_a_row: int = 0

    async def settle(self, batch: Sequence[T]) -> None:
        """Raises TooManyDeadLetters, and nothing else."""
        if not batch:
            return
        try:
            await self._until_it_passes(lambda: self.handle(batch))
            self.in_a_row = 0
        except Exception as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self.settle(batch[:middle])
                await self.settle(batch[middle:])
            else:
                await self._bury(batch[0], error)

    async def _bury(self, message: T, error: Exception) -> None:
        reason = str(error) if isinstance(error, PermanentError) else f"{type(error).__name__}: {error}"
        log.error("consumer.dead_letter", consumer=self.consumer, reason=reason[:300])
        known = await self._until_it_passes(lambda: self.record(message, reason))
        await self._until_it_passes(lambda: self.set_aside(message, reason))
        dead.labels(self.consumer).inc()
        if known:
            return
        self.in_a_row += 1
        if self.in_a_row >= self.limit:
            raise TooManyDeadLetters(
                f"{self.consumer}: {self.in_a_row} dead letters in a row, the last: {reason[:300]}"
            )

    async def _until_it_passes(self, step: Callable[[], Awaitable[R]]) -> R:
        pause = self.first_pause
        while True:
            try:
                return await step()
            except TransientError as error:
                retries.labels(self.consumer).inc()
                log.warning(
                    "consumer.retrying",
                    consumer=self.consumer,
                    reason=str(error)[:300],
                    seconds=round(pause, 2),
                )
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
                pause = min(pause * 2, self.longest_pause)
