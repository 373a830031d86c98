"""The loop that retries a consumer's dead letters: its parked messages, and what operators asked for."""

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from services.kit.dead_letters.dead_letter import DeadLetter, DeadLetterState
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.errors import Early, PermanentError, TransientError
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.loops import Progress, run_periodically
from services.kit.metrics import dead_letters, dead_letters_retried

log = structlog.get_logger()
EVERY = 1.0
"""Seconds between two queries for letters that are due."""
STALLED_AFTER = 120.0
"""Seconds without a step that turn readiness red."""
TRIM_EVERY = 3600.0
RESERVED_FOR = timedelta(seconds=60)
"""How long a letter is reserved for the process that retries it; a longer retry is harmless, as handlers repeat."""
PARKED_FOR = timedelta(seconds=60)
"""How long an early message waits for its precondition; then an operator must decide."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


@dataclass
class DeadLetterRetries:
    """Passes letters one at a time to `handle`, the consumer's own handler, in which an event has its effect once.

    A refused retry does not count towards the consumer's dead letters in a row.
    """

    repository: DeadLetterRepository
    consumer: str
    handle: Callable[[ConsumedRecord], Awaitable[None]]
    progress: Progress = field(default_factory=lambda: Progress(STALLED_AFTER))
    parked_for: timedelta = PARKED_FOR
    every: float = EVERY
    _trim_at: float = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        await run_periodically("dead_letters", self.step, self.every, self.progress)

    async def step(self) -> None:
        """Retry the letters that are due, and set the gauges."""
        if (now := time.monotonic()) >= self._trim_at:
            await self.repository.trim()
            self._trim_at = now + TRIM_EVERY
        counts = await self.repository.counts(self.consumer)
        if counts[DeadLetterState.RETRYING]:
            while letter := await self.repository.next_due(self.consumer, RESERVED_FOR):
                await self._retry(letter)
                self.progress()
            counts = await self.repository.counts(self.consumer)
        for state, number in counts.items():
            dead_letters.labels(self.consumer, state.value).set(number)

    async def _retry(self, letter: DeadLetter) -> None:
        outcome, reason = "settled", ""
        try:
            await self.handle(letter.message)
            await self.repository.settle(letter)
        except TransientError as error:
            reason = str(error)
            if isinstance(error, Early) and self.repository.clock() - letter.first_at > self.parked_for:
                outcome = "refused"
                await self.repository.reopen(letter, reason)
            else:
                outcome = "postponed"
                await self.repository.postpone(letter, _pause(letter.tries), reason)
        except Exception as error:  # noqa: BLE001  whatever a handler raises, an operator decides
            outcome = "refused"
            reason = str(error) if isinstance(error, PermanentError) else f"{type(error).__name__}: {error}"
            await self.repository.reopen(letter, reason)
        dead_letters_retried.labels(self.consumer, outcome).inc()
        log.info("dead_letter.retried", consumer=self.consumer, letter=letter.id, outcome=outcome, reason=reason[:300])


def _pause(tries: int) -> timedelta:
    longest = min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
