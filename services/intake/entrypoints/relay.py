"""Brings intake's outbox to Kafka, and the referrals' events to the access rules.

`python -m services.intake.entrypoints.relay`
"""

from collections.abc import Sequence

import structlog

from services.contracts.topics import REFERRALS, topic
from services.intake.adapters.history import HISTORY
from services.intake.adapters.sql_access import CONSUMER
from services.intake.adapters.tables import checkpoints, leases, outbox
from services.intake.bootstrap import Intake, bootstrap
from services.intake.handlers.update_access import follow
from services.intake.settings import IntakeSettings
from services.kit.dead_letters.channel import SqlDeadLetterChannel
from services.kit.dead_letters.retries import DeadLetterRetries
from services.kit.kafka.batch_processor import BatchProcessor, TooManyDeadLetters
from services.kit.kafka.clients import make_consumer, make_producer, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.consumer import consume
from services.kit.kafka.log_identity import topic_inspector
from services.kit.kafka.outbox_store import OutboxStore
from services.kit.kafka.relay_process import STALLED_AFTER, RelayProcess
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.logging import configure_logging
from services.kit.loops import Progress, run, run_periodically
from services.kit.sql.lease import Lease
from services.kit.sql.readiness import check_writable

log = structlog.get_logger()
TRIM_EVERY = 3600.0


class AccessConsumer:
    """The consumer of the referrals' events for the access rules."""

    def __init__(self, settings: IntakeSettings, intake: Intake) -> None:
        self._settings, self._intake = settings, intake
        self._progress, self._stopped = Progress(STALLED_AFTER), ""
        self._watch: TopicWatch | None = None

    async def run(self) -> None:
        """Until cancelled. Too many dead letters stop it: the outbox goes on, and readiness turns red."""
        source = topic(self._settings.topic_prefix, REFERRALS)
        group = f"{self._settings.topic_prefix}.{CONSUMER}"
        consumer, producer = make_consumer(self._settings, [source], group), make_producer(self._settings, CONSUMER)
        channel = SqlDeadLetterChannel(producer, self._intake.dead_letters, CONSUMER)
        try:
            async with started(consumer, producer), topic_inspector(self._settings, [source]) as inspector:
                self._watch = TopicWatch(self._intake.database, checkpoints, inspector, CONSUMER, group)
                await consume(consumer, BatchProcessor(CONSUMER, self._handle, channel), self._watch, self._progress)
        except TooManyDeadLetters as error:
            self._stopped = str(error)
            log.critical("consumer.stopped", consumer=CONSUMER, reason=self._stopped)

    async def _handle(self, batch: Sequence[ConsumedRecord]) -> Sequence[ConsumedRecord]:
        await follow(self._intake.access, [message.value for message in batch])
        return ()

    async def retry(self, message: ConsumedRecord) -> None:
        """Handle a dead letter."""
        await self._handle([message])

    async def check(self) -> None:
        """A readiness check."""
        if self._stopped:
            raise RuntimeError(self._stopped)
        await self._progress.check()
        if self._watch:
            await self._watch.check()


def relay_process(settings: IntakeSettings, intake: Intake) -> RelayProcess:
    database, consumer = intake.database, AccessConsumer(settings, intake)
    retries = DeadLetterRetries(intake.dead_letters, CONSUMER, consumer.retry)
    trimming = run_periodically("trim", intake.access.trim, TRIM_EVERY)
    store = OutboxStore(database, outbox, Lease(database, leases, "outbox"))
    return RelayProcess(
        settings, "intake-relay", store, (consumer.run(), retries.run(), trimming),
        database=lambda: check_writable(database), migrated=lambda: HISTORY.check(database),
        access=consumer.check, dead_letters=retries.progress.check,
    )  # fmt: skip


async def serve(settings: IntakeSettings) -> None:
    async with bootstrap(settings) as intake:
        await relay_process(settings, intake).serve()


def main() -> None:
    settings = IntakeSettings()
    configure_logging("intake-relay", settings.log_level)
    run(serve(settings))


if __name__ == "__main__":
    main()
