"""`python -m services.intake.entrypoints.relay`: the outbox to Kafka, and the referrals' events to the access rules."""

import asyncio
from collections.abc import Sequence

import structlog
from aiokafka import AIOKafkaProducer

from services.contracts.topics import REFERRALS, topic
from services.intake.adapters.history import HISTORY
from services.intake.adapters.sql_access import CONSUMER
from services.intake.adapters.tables import outbox, positions
from services.intake.bootstrap import Intake, bootstrap
from services.intake.handlers.follow import follow
from services.intake.settings import IntakeSettings
from services.kit.dead_letters.publisher import DeadLetterPublisher
from services.kit.dead_letters.retries import DeadLetterRetries
from services.kit.http.health import Health, Progress
from services.kit.http.server import probes, until_stopped
from services.kit.kafka.batch_processor import BatchProcessor, TooManyDeadLetters
from services.kit.kafka.clients import make_consumer, make_producer, reach, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.consumer import consume
from services.kit.kafka.log_identity import open_logs
from services.kit.kafka.publisher import KafkaPublisher
from services.kit.kafka.relay import OutboxRelay, run_relay
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.logging import configure_logging
from services.kit.loops import run_periodically
from services.kit.sql.commit_notifier import commit_notifier

log = structlog.get_logger()
STALLED_AFTER = 30.0
"""Seconds without a turn of a loop that turns readiness red."""
TRIM_EVERY = 3600.0


class RelayProcess:
    """The loops of this process and their health."""

    def __init__(self, settings: IntakeSettings, intake: Intake) -> None:
        self._settings, self._intake = settings, intake
        self._relayed, self._followed = Progress(STALLED_AFTER), Progress(STALLED_AFTER)
        self._retries = DeadLetterRetries(intake.letters, CONSUMER, lambda message: self._take([message]))
        self._stopped_by: str | None = None
        self._producer: AIOKafkaProducer | None = None
        self._watch: TopicWatch | None = None
        self.health = Health(
            database=intake.database.ping,
            migrated=lambda: HISTORY.check(intake.database),
            kafka=self._reach_kafka,
            outbox=self._relayed.check,
            access=self._following,
            dead_letters=self._retries.progress.check,
        )

    async def run(self) -> None:
        """Until cancelled."""
        self._producer = producer = make_producer(self._settings, "intake-relay")
        reader = make_consumer(self._settings, [], None)
        async with started(producer, reader):
            publisher = KafkaPublisher(producer, reader, self._settings.topic_prefix)
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._relay(publisher))
                loops.create_task(self._follow(DeadLetterPublisher(producer, self._intake.letters, CONSUMER)))
                loops.create_task(self._retries.run())
                loops.create_task(run_periodically("trim", self._intake.access.trim, TRIM_EVERY))

    async def _relay(self, publisher: KafkaPublisher) -> None:
        database = self._intake.database
        async with commit_notifier(database) as wake:
            relay = OutboxRelay(database, outbox, publisher, wake, progressed=self._relayed)
            await run_relay(relay)

    async def _follow(self, letters: DeadLetterPublisher) -> None:
        settler = BatchProcessor[ConsumedRecord](CONSUMER, self._take, letters.set_aside, letters.record)
        source = topic(self._settings.topic_prefix, REFERRALS)
        group = f"{self._settings.topic_prefix}.{CONSUMER}"
        consumer = make_consumer(self._settings, [source], group)
        try:
            async with started(consumer), open_logs(self._settings, [source]) as logs:
                self._watch = TopicWatch(self._intake.database, positions, logs, CONSUMER, group)
                await consume(consumer, settler, self._watch, self._followed)
        except TooManyDeadLetters as error:  # the outbox goes on; readiness says that the access rules do not
            self._stopped_by = str(error)
            log.critical("consumer.stopped", consumer=CONSUMER, reason=self._stopped_by)

    async def _take(self, batch: Sequence[ConsumedRecord]) -> None:
        await follow(self._intake.access, [message.value for message in batch])

    async def _reach_kafka(self) -> None:
        if self._producer is None:
            raise ConnectionError("not connected yet")
        await reach(self._producer)

    async def _following(self) -> None:
        if self._stopped_by:
            raise RuntimeError(self._stopped_by)
        await self._followed.check()
        if self._watch:
            await self._watch.check()


async def run(settings: IntakeSettings) -> None:
    """Serve until SIGTERM, with probes on the process's port."""
    async with bootstrap(settings) as intake:
        process = RelayProcess(settings, intake)
        async with probes(process.health, settings):
            await until_stopped(process.run())


def main() -> None:
    settings = IntakeSettings()
    configure_logging("intake-relay", settings.log_level)
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
