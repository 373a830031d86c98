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
from services.kit.batches import Settler, TooManyDead
from services.kit.consumer import consume
from services.kit.dead_letters import DeadLetters
from services.kit.health import Health, Progress
from services.kit.kafka import make_consumer, make_producer, reach, started
from services.kit.letter_retries import LetterRetries
from services.kit.letters import Taken
from services.kit.log_watch import LogWatch
from services.kit.logging import configure_logging
from services.kit.logs import open_logs
from services.kit.loops import forever
from services.kit.publisher import KafkaPublisher
from services.kit.relay import OutboxRelay, run_relay
from services.kit.server import probes, until_stopped
from services.kit.wake import commit_wake

log = structlog.get_logger()
STALLED_AFTER = 30.0
"""Seconds without a turn of a loop that turns readiness red."""
TRIM_EVERY = 3600.0


class RelayProcess:
    """The loops of this process and their health."""

    def __init__(self, settings: IntakeSettings, intake: Intake) -> None:
        self._settings, self._intake = settings, intake
        self._relayed, self._followed = Progress(STALLED_AFTER), Progress(STALLED_AFTER)
        self._retries = LetterRetries(intake.letters, CONSUMER, lambda message: self._take([message]))
        self._stopped_by: str | None = None
        self._producer: AIOKafkaProducer | None = None
        self._watch: LogWatch | None = None
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
                loops.create_task(self._follow(DeadLetters(producer, self._intake.letters, CONSUMER)))
                loops.create_task(self._retries.run())
                loops.create_task(forever("trim", self._intake.access.trim, TRIM_EVERY))

    async def _relay(self, publisher: KafkaPublisher) -> None:
        database = self._intake.database
        async with commit_wake(database) as wake:
            relay = OutboxRelay(database, outbox, publisher, wake, progressed=self._relayed)
            await run_relay(relay)

    async def _follow(self, letters: DeadLetters) -> None:
        settler = Settler[Taken](CONSUMER, self._take, letters.set_aside, letters.record)
        source = topic(self._settings.topic_prefix, REFERRALS)
        group = f"{self._settings.topic_prefix}.{CONSUMER}"
        consumer = make_consumer(self._settings, [source], group)
        try:
            async with started(consumer), open_logs(self._settings, [source]) as logs:
                self._watch = LogWatch(self._intake.database, positions, logs, CONSUMER, group)
                await consume(consumer, settler, self._watch, self._followed)
        except TooManyDead as error:  # the outbox goes on; readiness says that the access rules do not
            self._stopped_by = str(error)
            log.critical("consumer.stopped", consumer=CONSUMER, reason=self._stopped_by)

    async def _take(self, batch: Sequence[Taken]) -> None:
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
