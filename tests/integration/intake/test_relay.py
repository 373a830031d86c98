"""The relay process on a real Kafka: events out, access rules in, and its health."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import select

from services.contracts.events import (
    DiagnosisRecordedV1,
    OfferDeclinedV1,
    ReferralAcceptedV1,
    ReferralAdmittedV1,
    ReferralCancelledV1,
    ReferralCompletedV1,
    ReferralEscalatedV1,
    ReferralEvent,
    ReferralNoShowV1,
    ReferralOfferedV1,
    ReferralResubmittedV1,
    read_event,
    write_event,
)
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.sql_access import CONSUMER
from services.intake.adapters.tables import access, outbox
from services.intake.bootstrap import Intake, bootstrap
from services.intake.entrypoints.relay import relay_process
from services.intake.settings import IntakeSettings
from services.kit.dead_letters.dead_letter import DeadLetterState
from services.kit.kafka.clients import make_consumer, make_producer, started
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
    process = relay_process(settings, intake)
    task = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def step(referral_id: str, version: int, cls: type[ReferralEvent], state: str, center: str | None) -> bytes:
    data = cls(
        referral_id=UUID(referral_id),
        child_id=uuid4(),
        polyclinic_id="p1",
        version=version,
        state=ReferralState(state),
        attempt=1,
        center_id=center,
        actor="system",
    )
    return write_event(data, event_id=str(uuid4()), source="/test", time=datetime.now(UTC))


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


async def nothing_pending(intake: Intake) -> bool:
    events, _ = await intake.database.read(outbox.backlog)
    return events == 0


async def access_of(intake: Intake, referral_id: str) -> tuple[int, str, str | None] | None:
    query = select(access.c.version, access.c.state, access.c.center_id).where(
        access.c.referral_id == UUID(referral_id)
    )
    row = await intake.database.read(lambda s: s.execute(query).first())
    return tuple(row) if row else None


async def test_a_center_may_read_while_it_holds_an_offer(
    settings: IntakeSettings, intake: Intake, polyclinic: httpx2.AsyncClient
) -> None:
    id = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()["referral_id"]
    topic = f"{settings.topic_prefix}.referrals.v1"
    producer = make_producer(settings, "test")
    async with started(producer), relaying(settings, intake):
        for version, cls, state, center, expected in (
            (1, ReferralOfferedV1, "offered", "c1", (1, "offered", "c1")),
            (2, ReferralAcceptedV1, "accepted", "c1", (2, "accepted", "c1")),
            (4, OfferDeclinedV1, "submitted", "c1", (4, "submitted", None)),
            (3, ReferralAcceptedV1, "accepted", "c1", (4, "submitted", None)),
            (5, ReferralOfferedV1, "offered", "c2", (5, "offered", "c2")),
        ):
            await producer.send_and_wait(topic, step(id, version, cls, state, center), key=id.encode())
            await eventually(partial(is_access, intake, id, expected))


@pytest.mark.parametrize(("cls", "state"), [(ReferralCompletedV1, "completed"), (ReferralCancelledV1, "cancelled")])
async def test_a_closed_referral_ends_the_center_s_access_and_the_child_may_be_referred_again(
    settings: IntakeSettings, intake: Intake, polyclinic: httpx2.AsyncClient, cls: type[ReferralEvent], state: str
) -> None:
    id = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()["referral_id"]
    topic, producer = f"{settings.topic_prefix}.referrals.v1", make_producer(settings, "test")
    life = (
        (ReferralOfferedV1, "offered", "c1"), (ReferralAcceptedV1, "accepted", "c1"),
        (ReferralNoShowV1, "no_show", None), (ReferralResubmittedV1, "submitted", None),
        (ReferralOfferedV1, "offered", "c2"), (ReferralAcceptedV1, "accepted", "c2"),
        (ReferralAdmittedV1, "admitted", "c2"), (ReferralEscalatedV1, "admitted", "c2"),
    )  # fmt: skip
    async with started(producer), relaying(settings, intake):
        for version, (kind, now, holder) in enumerate(life, 1):
            await producer.send_and_wait(topic, step(id, version, kind, now, holder or "c1"), key=id.encode())
            await eventually(partial(is_access, intake, id, (version, now, holder)))
        assert (await polyclinic.post("/v1/diagnoses", json=child_body())).status_code == 409
        await producer.send_and_wait(topic, step(id, 9, cls, state, "c2"), key=id.encode())
        await eventually(lambda: is_access(intake, id, (9, state, None)))
        assert (await polyclinic.post("/v1/diagnoses", json=child_body())).status_code == 201


async def is_access(intake: Intake, id: str, expected: object) -> bool:
    return await access_of(intake, id) == expected


async def test_a_malformed_message_becomes_a_dead_letter_and_the_next_is_processed(
    settings: IntakeSettings, intake: Intake
) -> None:
    topic, id = f"{settings.topic_prefix}.referrals.v1", str(uuid4())
    producer, letters = make_producer(settings, "test"), make_consumer(settings, [f"{topic}.dlq"], None)
    async with started(producer, letters), relaying(settings, intake) as process:
        await producer.send_and_wait(topic, b'{"specversion": "1.0"}', key=id.encode())
        await producer.send_and_wait(topic, step(id, 1, ReferralOfferedV1, "offered", "c1"), key=id.encode())
        await eventually(lambda: is_access(intake, id, (1, "offered", "c1")))
        letter = await asyncio.wait_for(letters.getone(), 20)
        headers = {name: value.decode() for name, value in letter.headers}
        assert letter.value == b'{"specversion": "1.0"}'
        assert (headers["consumer"], headers["topic"]) == (CONSUMER, topic)
        assert "id: Field required" in headers["reason"]
        assert await process.health.failing() == {}
        kept = (await intake.dead_letters.page(DeadLetterState.OPEN, "", 10)).items
        assert [(one.consumer, one.topic, one.reason) for one in kept] == [(CONSUMER, topic, headers["reason"])]
        await intake.dead_letters.retry(kept[0].id, "operator:1")
        await eventually(lambda: refused_again(intake, kept[0].id))
        assert await process.health.failing() == {}


async def refused_again(intake: Intake, id: str) -> bool:
    letter = await intake.dead_letters.find(id)
    return (letter.state, letter.times) == (DeadLetterState.OPEN, 2)


async def test_ten_dead_letters_in_a_row_turn_readiness_red_while_the_outbox_goes_on(
    settings: IntakeSettings, intake: Intake, polyclinic: httpx2.AsyncClient
) -> None:
    producer = make_producer(settings, "test")
    async with started(producer), relaying(settings, intake) as process:
        for number in range(12):
            await producer.send_and_wait(f"{settings.topic_prefix}.referrals.v1", b"{}", key=b"%d" % number)

        async def red() -> bool:
            return "dead letters in a row" in (await process.health.failing()).get("access", "")

        await eventually(red)
        await polyclinic.post("/v1/diagnoses", json=child_body())
        await eventually(lambda: nothing_pending(intake))


async def test_the_relay_waits_for_an_unreachable_kafka_and_is_not_ready(
    settings: IntakeSettings, intake: Intake
) -> None:
    nobody = settings.model_copy(update={"kafka_servers": "127.0.0.1:1"})
    async with relaying(nobody, intake) as process:
        assert (await process.health.failing()).keys() == {"kafka"}
        assert set(process.health.checks) > {"database", "relay", "access"}


async def test_a_database_without_tables_is_not_ready(
    settings: IntakeSettings, new_database: Callable[[str], str]
) -> None:
    empty = settings.model_copy(update={"intake_sql_url": new_database("empty")})
    async with bootstrap(empty) as intake:
        async with relaying(empty, intake) as process:
            failing = await process.health.failing()
    assert "run the migration" in failing["migrated"]
