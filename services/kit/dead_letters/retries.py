"""The loop beside a consumer that tries its dead letters again, when somebody has asked for it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge

from services.kit.dead_letters.dead_letter import DeadLetter, DeadLetterState
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.errors import PermanentError, TransientError
from services.kit.http.health import Progress
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.loops import run_periodically

log = structlog.get_logger()
EVERY = 1.0
"""Seconds between two looks for letters that somebody wants to be tried again."""
STALLED_AFTER = 120.0
"""Seconds without a look that turn readiness red."""
TRIM_EVERY = 3600.0
MINE_FOR = timedelta(seconds=60)
"""How long nobody else takes a letter that is being tried; longer trying does no harm, as handlers may repeat."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

unsettled = Gauge("joldama_dead_letters", "Dead letters that are open or being tried again", ["consumer", "state"])
retried = Counter(
    "joldama_dead_letters_retried_total", "Retries of dead letters by how they ended", ["consumer", "outcome"]
)


@dataclass
class DeadLetterRetries:
    """Hands letters to `handle`, one at a time: the consumer's own handlers, which take an event's effect once.

    It never touches the consumer's count of dead letters in a row: a retry that is refused stops nobody.
    """

    book: DeadLetterRepository
    consumer: str
    handle: Callable[[ConsumedRecord], Awaitable[None]]
    progress: Progress = field(default_factory=lambda: Progress(STALLED_AFTER))

    _trim_at: float = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        await run_periodically("dead_letters", self.step, EVERY, self.progress)

    async def step(self) -> None:
        """Count what there is, and try what is due."""
        if (now := time.monotonic()) >= self._trim_at:
            await self.book.trim()
            self._trim_at = now + TRIM_EVERY
        counts = await self.book.counts(self.consumer)
        if counts[DeadLetterState.RETRYING]:
            while letter := await self.book.take(self.consumer, MINE_FOR):
                await self._try(letter)
                self.progress()
            counts = await self.book.counts(self.consumer)
        for state, number in counts.items():
            unsettled.labels(self.consumer, state.value).set(number)

    async def _try(self, letter: DeadLetter) -> None:
        try:
            await self.handle(letter.message)
        except TransientError as error:
            await self.book.postpone(letter, _pause(letter.tries), str(error))
            outcome, reason = "postponed", str(error)
        except Exception as error:
            reason = str(error) if isinstance(error, PermanentError) else f"{type(error).__name__}: {error}"
            await self.book.put_back(letter, reason)
            outcome = "refused"
        else:
            await self.book.settle(letter)
            outcome, reason = "settled", ""
        retried.labels(self.consumer, outcome).inc()
        log.info("dead_letter.tried", consumer=self.consumer, letter=letter.id, outcome=outcome, reason=reason[:300])


def _pause(tries: int) -> timedelta:
    longest = min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret


@asynccontextmanager
async def retrying(retries: DeadLetterRetries) -> AsyncIterator[Progress]:
    """The loop runs while the context is open; what is cut off by its end is tried again by the next process."""
    task = asyncio.create_task(retries.run())
    try:
        yield retries.progress
    finally:
        task.cancel()
        await asyncio.wait({task})
