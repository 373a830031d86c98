"""A database with the kit's tables, a publisher that records, and a watched topic on a real Kafka."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.kafka.clients import make_admin, make_producer, started
from services.kit.kafka.log_identity import TopicInspector, topic_inspector
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.settings import Mode, ServiceSettings
from services.kit.sql.database import Database
from tests.integration.kit.letters import Clock
from tests.integration.kit.tables import checkpoints, dead_letters, message, metadata, outbox
from tests.integration.kit.topic_harness import Topic


@pytest.fixture
async def database(new_database: Callable[[str], str]) -> AsyncIterator[Database]:
    database = Database(new_database("kit"))
    metadata.create_all(database.engine)
    yield database
    await database.close()


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Callable[[], Database]]:
    """Another process's view of the same database."""
    made: list[Database] = []

    def make() -> Database:
        made.append(Database(database.url))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@dataclass
class FakePublisher:
    """A Kafka of one partition a topic, in memory; it takes at most `takes` messages a call."""

    log: dict[str, list[str]] = field(default_factory=dict)
    takes: int = 10_000
    calls: int = 0

    async def publish(self, messages: Sequence[OutgoingEvent]) -> list[Acknowledgement]:
        self.calls += 1
        taken = []
        for topic, _, _, event_id in messages[: self.takes]:
            records = self.log.setdefault(topic, [])
            records.append(event_id)
            taken.append(Acknowledgement(topic, 0, len(records) - 1, event_id))
        return taken

    async def has(self, one: Acknowledgement) -> bool:
        records = self.log.get(one.topic, [])
        return one.offset < len(records) and records[one.offset] == one.event_id

    async def count(self) -> int:
        """Of all records."""
        return sum(map(len, self.log.values()))


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


async def add(database: Database, *numbers: int, topic: str = "events.v1") -> None:
    await database.write(lambda s: outbox.add(s, [message(n, topic=topic) for n in numbers]))


async def pending(database: Database) -> int:
    events, _ = await database.read(outbox.backlog)
    return events


@pytest.fixture
def broker(kafka: str, prefix: str) -> ServiceSettings:
    return ServiceSettings(mode=Mode.LOCAL, kafka_servers=kafka, topic_prefix=prefix)


@pytest.fixture
async def topic(broker: ServiceSettings) -> AsyncIterator[Topic]:
    admin, producer = make_admin(broker), make_producer(broker, "test")
    async with started(admin, producer):
        topic = Topic(broker, admin, producer)
        await topic.create()
        yield topic


@pytest.fixture
async def inspector(broker: ServiceSettings, topic: Topic) -> AsyncIterator[TopicInspector]:
    async with topic_inspector(broker, [topic.name]) as inspector:
        yield inspector


@pytest.fixture
def group(prefix: str) -> str:
    return f"{prefix}.tester"


@pytest.fixture
def watch(database: Database, inspector: TopicInspector, group: str) -> TopicWatch:
    """Inspects often."""
    return TopicWatch(database, checkpoints, inspector, "tester", group, every=0.2, sure_after=0.05)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repository(database: Database, clock: Clock) -> DeadLetterRepository:
    return DeadLetterRepository(database, dead_letters, clock)
