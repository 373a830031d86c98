"""A database with an outbox and an inbox, and a publisher that records."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from services.kit.database import Database
from services.kit.publisher import Acknowledged, Outgoing
from tests.integration.kit.tables import message, metadata, outbox


@pytest.fixture
async def database(new_database: Callable[[str], str]) -> AsyncIterator[Database]:
    database = Database(new_database("kit"))
    metadata.create_all(database.engine)
    yield database
    await database.close()


@pytest.fixture
def other(database: Database) -> Callable[[], Database]:
    """Another process's view of the same database."""
    return lambda: Database(database.url)


@dataclass
class FakePublisher:
    """A Kafka of one partition a topic, in memory; it takes at most `takes` messages a call."""

    log: dict[str, list[str]] = field(default_factory=dict)
    takes: int = 10_000

    async def publish(self, messages: Sequence[Outgoing]) -> list[Acknowledged]:
        taken = []
        for topic, _, _, event_id in messages[: self.takes]:
            records = self.log.setdefault(topic, [])
            records.append(event_id)
            taken.append(Acknowledged(topic, 0, len(records) - 1, event_id))
        return taken

    async def still_there(self, topic: str, partition: int, offset: int, event_id: str) -> bool:
        records = self.log.get(topic, [])
        return offset < len(records) and records[offset] == event_id


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


async def add(database: Database, *numbers: int, topic: str = "events.v1") -> None:
    await database.write(lambda s: outbox.add(s, [message(n, topic=topic) for n in numbers]))


async def pending(database: Database) -> int:
    return await database.read(outbox.pending)
