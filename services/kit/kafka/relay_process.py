"""A process that only relays an outbox: probes, the relay, and a clean end at SIGTERM."""

from services.kit.http.health import Health, Progress
from services.kit.http.server import probes, until_stopped
from services.kit.kafka.clients import make_consumer, make_producer, reach, started
from services.kit.kafka.publisher import KafkaPublisher
from services.kit.kafka.relay import OutboxRelay, run_relay
from services.kit.settings import ServiceSettings
from services.kit.sql.commit_notifier import commit_notifier
from services.kit.sql.database import Database
from services.kit.sql.migrations import History
from services.kit.sql.outbox import Outbox

STALLED_AFTER = 30.0
"""Seconds without a turn of the loop that turn readiness red."""


async def relay_outbox(
    settings: ServiceSettings, database: Database, outbox: Outbox, history: History, name: str
) -> None:
    """Relay until SIGTERM; closes `database`."""
    progress = Progress(STALLED_AFTER)
    producer, reader = make_producer(settings, name), make_consumer(settings, [], None)
    health = Health(
        database=database.ping,
        migrated=lambda: history.check(database),
        kafka=lambda: reach(producer),
        outbox=progress.check,
    )

    async def relay() -> None:
        async with started(producer, reader), commit_notifier(database) as wake:
            publisher = KafkaPublisher(producer, reader, settings.topic_prefix)
            await run_relay(OutboxRelay(database, outbox, publisher, wake, progressed=progress))

    try:
        async with probes(health, settings):
            await until_stopped(relay())
    finally:
        await database.close()
