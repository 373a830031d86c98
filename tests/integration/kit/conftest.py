"""A database with an outbox and an inbox, a publisher that records, and a watched topic on a real Kafka."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.kit.kafka import topic_watch as log_watch
from services.kit.kafka.clients import make_producer, started
from services.kit.kafka.log_identity import Logs, open_logs
from services.kit.kafka.publisher import Acknowledged, Outgoing
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.settings import ServiceSettings
from services.kit.sql.database import Database
from tests.integration.kit.logs import Topic
from tests.integration.kit.tables import message, metadata, outbox, positions


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


@pytest.fixture
def broker(kafka: str, prefix: str) -> ServiceSettings:
    return ServiceSettings(mode="local", kafka_servers=kafka, topic_prefix=prefix)


@pytest.fixture
async def topic(broker: ServiceSettings) -> AsyncIterator[Topic]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.kafka_servers)
    producer = make_producer(broker, "test")
    await admin.start()
    async with started(producer):
        topic = Topic(broker, admin, producer)
        await topic.make()
        yield topic
    await admin.close()


@pytest.fixture
async def logs(broker: ServiceSettings, topic: Topic) -> AsyncIterator[Logs]:
    async with open_logs(broker, [topic.name]) as logs:
        yield logs


@pytest.fixture
def group(prefix: str) -> str:
    return f"{prefix}.tester"


@pytest.fixture
def watch(database: Database, logs: Logs, group: str, monkeypatch: pytest.MonkeyPatch) -> TopicWatch:
    monkeypatch.setattr(log_watch, "SURE_AFTER", 0.05)
    return TopicWatch(database, positions, logs, "tester", group)
