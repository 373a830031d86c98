"""Dead letters of the tests: a clock, a message, and a handler that fails as it is told."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.kit.dead_letters.dead_letter import DeadLetter, DeadLetterState
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.kafka.consumed_record import ConsumedRecord

POISON = ConsumedRecord("t.events.v1", 2, 40, b"k", b"\xff{")


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def only(repository: DeadLetterRepository, state: DeadLetterState = DeadLetterState.OPEN) -> DeadLetter:
    found = await repository.page(state, "", 10)
    assert found.total == len(found.items) == 1
    return await repository.find(found.items[0].id)


@dataclass
class Handler:
    """Takes messages, or raises the next of `failures`."""

    failures: list[Exception] = field(default_factory=list)
    taken: list[ConsumedRecord] = field(default_factory=list)

    async def __call__(self, message: ConsumedRecord) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(message)
