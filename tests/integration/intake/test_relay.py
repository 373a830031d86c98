"""The relay process on a real Kafka: events out, and its health."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import insert

from services.contracts.events import DiagnosisRecordedV1, read_event
from services.intake.adapters.sql_transfers import values_of
from services.intake.adapters.tables import outbox, transfers
from services.intake.bootstrap import Intake, bootstrap, utc_now
from services.intake.entrypoints.relay import relay_process
from services.intake.handlers.transfer import Transfer, TransferState
from services.intake.settings import IntakeSettings
from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.relay_process import RelayProcess
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT
from tests.support.eventually import eventually
from tests.unit.intake.samples import child_body


@pytest.fixture
async def settings(settings: IntakeSettings, kafka: str, prefix: str) -> IntakeSettings:
    """The settings with a real Kafka and topics of the test's own."""
    ours = settings.model_copy(update={"kafka_servers": kafka, "topic_prefix": prefix})
    await create_topics(ours, CHECKOUT / "deploy" / "topics.toml")
    return ours


@asynccontextmanager
async def relaying(settings: IntakeSettings, intake: Intake) -> AsyncIterator[RelayProcess]:
    process = relay_process(settings, intake.database)
    task = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_submission_reaches_kafka_once_under_its_referral(
    settings: IntakeSettings, intake: Intake, polyclinic: httpx2.AsyncClient
) -> None:
    consumer = make_consumer(settings, [f"{settings.topic_prefix}.diagnoses.v1"], None)
    async with started(consumer), relaying(settings, intake):
        receipts = [(await polyclinic.post("/v1/diagnoses", json=child_body(n))).json() for n in range(5)]
        records = [await asyncio.wait_for(consumer.getone(), 20) for _ in receipts]
        events = [read_event(record.value) for record in records]
        assert {r.key.decode() for r in records} == {one["referral_id"] for one in receipts}
        assert all(isinstance(event.data, DiagnosisRecordedV1) for event in events if event)
        await eventually(lambda: nothing_pending(intake))


async def connected(process: RelayProcess) -> None:
    """aiokafka leaves its first connection open when it is cancelled amid it."""

    async def to_kafka() -> bool:
        return "kafka" not in await process.health.failing()

    await eventually(to_kafka)


async def nothing_pending(intake: Intake) -> bool:
    events, _ = await intake.database.read(outbox.backlog)
    return events == 0


async def test_the_relay_waits_for_an_unreachable_kafka_and_is_not_ready(
    settings: IntakeSettings, intake: Intake
) -> None:
    nobody = settings.model_copy(update={"kafka_servers": "127.0.0.1:1"})
    async with relaying(nobody, intake) as process:
        assert (await process.health.failing()).keys() == {"kafka"}
        assert set(process.health.checks) > {"database", "relay"}


async def test_it_counts_the_transfers_that_nobody_has_answered_in_time(
    settings: IntakeSettings, intake: Intake
) -> None:
    hour = timedelta(hours=1)
    waiting = [
        Transfer(uuid4(), uuid4(), uuid4(), "p1", "p2", utc_now(), utc_now() + rest) for rest in (-hour, -hour, hour)
    ]
    refused = replace(waiting[0], transfer_id=uuid4(), state=TransferState.REFUSED)
    rows = [values_of(one) for one in (*waiting, refused)]
    await intake.database.write(lambda session: session.execute(insert(transfers), rows))
    async with relaying(settings, intake) as process:
        assert await eventually(lambda: REGISTRY.get_sample_value("joldama_transfers_overdue") == 2)
        await connected(process)


async def test_a_database_without_tables_is_not_ready(
    settings: IntakeSettings, new_database: Callable[[str], str]
) -> None:
    empty = settings.model_copy(update={"intake_sql_url": new_database("empty")})
    async with bootstrap(empty) as intake:
        async with relaying(empty, intake) as process:
            failing = await process.health.failing()
            await connected(process)
    assert "run the migration" in failing["migrated"]
