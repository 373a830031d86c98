"""The worker's batches on a real Kafka: nothing is lost, and what cannot be processed is a dead letter."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from services.contracts import topics
from services.contracts.events import CenterRegisteredV1, Payload, write_event
from services.kit.errors import TransientError
from services.kit.kafka.batch_processor import TooManyDeadLetters
from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT
from services.kit.sql.database import Database
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.tables import ReferralRow
from services.referral.domain.referral import make_offer
from services.referral.entrypoints.consuming import Consumers
from services.referral.settings import ReferralSettings
from tests.integration.capacity.network import opening
from tests.integration.referral.worker import Message, counted, known, poison, recorded, row_version, ten, working
from tests.support.eventually import eventually
from tests.unit.referral.samples import NOW, diagnosis, referral


@pytest.fixture
async def settings(settings: ReferralSettings, kafka: str, prefix: str) -> ReferralSettings:
    """The settings with a real Kafka and topics of the test's own."""
    ours = settings.model_copy(update={"kafka_servers": kafka, "topic_prefix": prefix})
    await create_topics(ours, CHECKOUT / "deploy" / "topics.toml")
    return ours


@pytest.fixture
async def consumers(settings: ReferralSettings, capacity: FastAPI) -> AsyncIterator[Consumers]:
    async with working(settings, capacity) as opened:
        await capacity.state.capacity.store.programmes.open_programme(opening("elsewhere", 1), NOW)
        yield opened


async def test_what_cannot_be_processed_is_a_dead_letter_with_its_reason_and_the_rest_has_its_effect(
    settings: ReferralSettings, consumers: Consumers
) -> None:
    batch = [
        recorded(settings, diagnosis(1)),
        poison(settings),
        recorded(settings, diagnosis(2)),
        recorded(settings, diagnosis(3, settlement_id="atlantis")),
        poison(settings, None),
        recorded(settings, diagnosis(4)),
    ]
    await consumers.process(topics.DIAGNOSES, batch)
    assert await known(settings) == {1, 2, 4}
    dead_letters = make_consumer(settings, [f"{settings.topic_prefix}.diagnoses.v1.dlq"], None)
    async with started(dead_letters):
        found = [await asyncio.wait_for(dead_letters.getone(), 20) for _ in range(3)]
    reasons = [dict(one.headers)["reason"].decode() for one in found]
    assert reasons == ["id: Field required", "settlement_id: no settlement atlantis", "empty message"]
    assert [one.value for one in found] == [batch[1].value, batch[3].value, None]
    assert await consumers.health.failing() == {}


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (topics.DIAGNOSES, diagnosis(1), "id: of a submission it is the referral's"),
        (topics.DIAGNOSES, CenterRegisteredV1(center_id="c", version=1), "is no event of diagnoses.v1"),
        (topics.ROUTING, diagnosis(1), "is no event of routing.v1"),
    ],
)
async def test_an_event_that_takes_the_id_of_a_later_one_keeps_it_from_nothing(
    settings: ReferralSettings,
    consumers: Consumers,
    operator: httpx2.AsyncClient,
    topic: str,
    payload: Payload,
    reason: str,
) -> None:
    later = recorded(settings, diagnosis(2))
    taken = write_event(payload, event_id=str(diagnosis(2).referral_id), source="/test", time=NOW)
    await consumers.process(topic, [Message(topics.topic(settings.topic_prefix, topic), taken)])
    await consumers.process(topics.DIAGNOSES, [later])
    assert await known(settings) == {2}
    [letter] = (await operator.get("/v1/dead-letters")).json()["items"]
    assert reason in letter["reason"]


async def test_the_worker_sweeps_the_deadlines_and_counts_the_steps(
    settings: ReferralSettings, consumers: Consumers
) -> None:
    long_ago = datetime(2024, 5, 1, tzinfo=UTC)
    database = Database(settings.referral_sql_url)
    await SqlReferrals(database).save([make_offer(referral(7), "p", "c", 1.0, long_ago)])

    async def expired() -> bool:
        row = await database.read(lambda session: session.get(ReferralRow, str(UUID(int=7))))
        return row is not None and row.state == "submitted"

    await eventually(expired)
    await database.close()
    assert REGISTRY.get_sample_value("joldama_deadline_steps_total", {"command": "expire"})
    assert "deadlines" not in await consumers.health.failing()


async def test_a_batch_processed_again_after_a_crash_changes_nothing(
    settings: ReferralSettings, consumers: Consumers
) -> None:
    batch = [recorded(settings, diagnosis(number)) for number in (1, 2)]
    for _ in range(2):
        await consumers.process(topics.DIAGNOSES, batch)
    assert await known(settings) == {1, 2}


async def test_ten_dead_letters_in_a_row_stop_their_topic_and_turn_the_worker_red(
    settings: ReferralSettings, consumers: Consumers
) -> None:
    with pytest.raises(TooManyDeadLetters) as stopped:
        await consumers.process(topics.DIAGNOSES, ten(settings))
    consumers.stop(str(stopped.value))
    unknown = write_event(diagnosis(1), event_id="e", source="/test", time=NOW).replace(b"recorded.v1", b"recorded.v9")
    await consumers.process(topics.ROUTING, [poison(settings, unknown)])
    failing = await consumers.health.failing()
    assert set(failing) == {"consuming"}
    assert "10 dead letters in a row" in failing["consuming"]


async def test_the_ten_that_stopped_a_worker_do_not_stop_the_next_and_ten_others_do(
    settings: ReferralSettings, consumers: Consumers, capacity: FastAPI
) -> None:
    with pytest.raises(TooManyDeadLetters):
        await consumers.process(topics.DIAGNOSES, ten(settings))
    async with working(settings, capacity) as restarted:
        await restarted.process(topics.DIAGNOSES, [*ten(settings), recorded(settings, diagnosis(1))])
        assert await known(settings) == {1}
        with pytest.raises(TooManyDeadLetters):
            await restarted.process(topics.DIAGNOSES, ten(settings, first=10))


async def test_a_dead_letter_whose_cause_was_mended_has_its_effect_once(
    settings: ReferralSettings, capacity: FastAPI, operator: httpx2.AsyncClient
) -> None:
    """The settlement is missing in the worker's data; it comes, the worker is started again, and the letter retried."""
    message = recorded(settings, diagnosis(5, settlement_id="atlantis"))
    async with working(settings, capacity) as without_it:
        await without_it.process(topics.DIAGNOSES, [message])
        [letter] = (await operator.get("/v1/dead-letters")).json()["items"]
        assert letter["reason"] == "settlement_id: no settlement atlantis"
        await eventually(lambda: counted(1))
        path = f"/v1/dead-letters/{letter['id']}"
        await operator.post(f"{path}/retry")
        await eventually(lambda: answers(operator, path, state="open", times=2))

    with (settings.data / "settlements.csv").open("a") as file:
        file.write("atlantis,Atlantis,Atlantis,Atlantis,KZ-10,44.0,70.0\n")
    async with working(settings, capacity) as restarted:
        for _ in range(3):
            await operator.post(f"{path}/retry")
        await eventually(lambda: answers(operator, path, state="settled", times=2))
        assert await known(settings) == {5}
        version = await row_version(settings, 5)
        await restarted.process(topics.DIAGNOSES, [message])
        await operator.post(f"{path}/retry")
        assert await answers(operator, path, state="settled", times=2)
        await eventually(lambda: counted(0))
    assert await row_version(settings, 5) == version


async def answers(operator: httpx2.AsyncClient, path: str, **expected: object) -> bool:
    body = (await operator.get(path)).json()
    return {name: body[name] for name in expected} == expected


async def test_a_batch_that_takes_too_long_turns_the_worker_red_until_it_is_done(
    settings: ReferralSettings, consumers: Consumers
) -> None:
    consumers.stuck_after = -1.0
    going_on = asyncio.Event()

    async def wait(_: object) -> Sequence[ConsumedRecord]:
        if not going_on.is_set():
            raise TransientError("capacity is down")
        return ()

    consumers.processors[topics.DIAGNOSES].handle = wait
    task = asyncio.create_task(consumers.process(topics.DIAGNOSES, [poison(settings)]))
    await eventually(lambda: _red(consumers))
    going_on.set()
    await task
    assert await consumers.health.failing() == {}


async def _red(consumers: Consumers) -> bool:
    return "takes longer" in (await consumers.health.failing()).get("consuming", "")


async def test_unknown_events_are_ignored(settings: ReferralSettings, consumers: Consumers) -> None:
    raw = write_event(diagnosis(1), event_id="e", source="/test", time=NOW).replace(b"recorded.v1", b"recorded.v9")
    await consumers.process(topics.DIAGNOSES, [poison(settings, raw)])
    assert await known(settings) == set()


async def test_a_worker_that_leaves_ends_what_is_in_hand_and_begins_nothing_more(
    settings: ReferralSettings, consumers: Consumers
) -> None:
    waiting, going_on, handled = asyncio.Event(), asyncio.Event(), list[object]()

    async def wait(batch: object) -> Sequence[ConsumedRecord]:
        waiting.set()
        await going_on.wait()
        handled.append(batch)
        return ()

    consumers.processors[topics.DIAGNOSES].handle = wait
    in_hand = asyncio.create_task(consumers.process(topics.DIAGNOSES, [poison(settings)]))
    await waiting.wait()
    await consumers.leave(within=0.01)
    assert not in_hand.done()
    leaving = asyncio.create_task(consumers.leave(within=60))
    more = asyncio.create_task(consumers.process(topics.DIAGNOSES, [poison(settings)]))
    going_on.set()
    await leaving
    assert len(handled) == 1
    await in_hand
    await asyncio.wait({more}, timeout=0.05)
    assert not more.done(), "to return would acknowledge it"
    more.cancel()
