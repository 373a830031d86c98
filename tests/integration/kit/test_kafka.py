"""The publisher, the dead-letter channel and the topics on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.transaction_manager import PidAndEpoch

from services.kit.dead_letters.channel import SqlDeadLetterChannel
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.errors import TransientError
from services.kit.kafka.clients import make_admin, make_consumer, make_producer, reach, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.publisher import KafkaPublisher
from services.kit.kafka.topics import create_topics, planned
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.settings import CHECKOUT, Mode, ServiceSettings
from services.kit.sql.database import Database
from tests.integration.kit.tables import dead_letters
from tests.support.eventually import eventually

TOPICS = CHECKOUT / "deploy" / "topics.toml"
TOPIC = "diagnoses.v1"


@pytest.fixture
async def settings(kafka: str, prefix: str) -> ServiceSettings:
    settings = ServiceSettings(mode=Mode.LOCAL, kafka_servers=kafka, topic_prefix=prefix)
    await create_topics(settings, TOPICS)
    return settings


@pytest.fixture
async def publisher(settings: ServiceSettings) -> AsyncIterator[KafkaPublisher]:
    producer, reader = make_producer(settings, "test"), make_consumer(settings, [], None)
    async with started(producer, reader):
        yield KafkaPublisher(producer, reader, settings.topic_prefix)


@pytest.fixture
def repository(database: Database) -> DeadLetterRepository:
    return DeadLetterRepository(database, dead_letters)


def outgoing(number: int, key: str = "k") -> OutgoingEvent:
    return OutgoingEvent(TOPIC, key, orjson.dumps({"id": f"e{number}"}), f"e{number}")


async def test_events_of_one_key_arrive_in_their_order(settings: ServiceSettings, publisher: KafkaPublisher) -> None:
    acknowledged = await publisher.publish([outgoing(n, f"key{n % 7}") for n in range(200)])
    assert [one.event_id for one in acknowledged] == [f"e{n}" for n in range(200)]
    consumer = make_consumer(settings, [f"{settings.topic_prefix}.{TOPIC}"], None)
    arrived: dict[bytes, list[int]] = {}
    async with started(consumer):
        for _ in range(200):
            record = await asyncio.wait_for(consumer.getone(), 20)
            arrived.setdefault(record.key, []).append(int(orjson.loads(record.value)["id"][1:]))
    assert len(arrived) == 7
    assert all(numbers == sorted(numbers) for numbers in arrived.values())


async def test_a_producer_id_that_another_cluster_gave_wedges_nobody(settings: ServiceSettings) -> None:
    """A wiped cluster gives ids from the first again; who kept one of the old cluster has used it on the new one."""
    topic = f"{settings.topic_prefix}.{TOPIC}"
    kept = AIOKafkaProducer(bootstrap_servers=settings.kafka_servers, enable_idempotence=True)
    async with started(kept):
        await kept.send_and_wait(topic, b"{}", partition=0)
        first = kept._txn_manager.producer_id
        for id in range(first + 1, first + 6):
            kept._txn_manager._pid_and_epoch = PidAndEpoch(id, 0)
            kept._txn_manager._sequence_numbers.clear()
            for _ in range(8):
                await kept.send_and_wait(topic, b"{}", partition=0)
        producer = make_producer(settings, "new")
        async with started(producer):
            last = await asyncio.wait_for(producer.send_and_wait(topic, b"{}", partition=0), 20)
    assert last.offset == 1 + 5 * 8


async def test_an_acknowledged_event_is_found_again_and_another_is_not(publisher: KafkaPublisher) -> None:
    first, last = await publisher.publish([outgoing(1), outgoing(2)])
    assert await publisher.has(first)
    assert await publisher.has(last)
    assert not await publisher.has(replace(last, event_id="e1"))
    assert not await publisher.has(replace(last, offset=last.offset + 1))
    assert not await publisher.has(Acknowledgement(TOPIC, 99, 0, "e2"))


async def test_a_topic_that_was_deleted_and_made_again_has_forgotten(
    settings: ServiceSettings, publisher: KafkaPublisher
) -> None:
    (acknowledged,) = await publisher.publish([outgoing(1)])
    admin = make_admin(settings)
    async with started(admin):
        await admin.delete_topics([f"{settings.topic_prefix}.{TOPIC}"])

        async def made_again() -> bool:
            return f"{settings.topic_prefix}.{TOPIC}" in await create_topics(settings, TOPICS)

        await eventually(made_again)

    async def forgotten() -> bool:
        try:
            return not await publisher.has(acknowledged)
        except KafkaError:  # its metadata is on the way
            return False

    assert await eventually(forgotten)


async def test_a_dead_letter_keeps_the_message_and_says_where_it_lay_and_why(
    settings: ServiceSettings, repository: DeadLetterRepository
) -> None:
    topic = f"{settings.topic_prefix}.{TOPIC}"
    producer, consumer = make_producer(settings, "test"), make_consumer(settings, [f"{topic}.dlq"], None)
    async with started(producer, consumer):
        await SqlDeadLetterChannel(producer, repository, "tester").publish(
            ConsumedRecord(topic, 2, 7, b"k", b"\x00bytes"), "data.x: wrong"
        )
        letter = await asyncio.wait_for(consumer.getone(), 20)
    assert (letter.key, letter.value) == (b"k", b"\x00bytes")
    assert {name: value.decode() for name, value in letter.headers} == {
        "reason": "data.x: wrong",
        "consumer": "tester",
        "topic": topic,
        "partition": "2",
        "offset": "7",
    }


async def test_a_dead_letter_too_large_to_be_repeated_says_where_it_lies(
    settings: ServiceSettings, repository: DeadLetterRepository
) -> None:
    topic = f"{settings.topic_prefix}.{TOPIC}"
    producer, consumer = make_producer(settings, "test"), make_consumer(settings, [f"{topic}.dlq"], None)
    async with started(producer, consumer):
        await SqlDeadLetterChannel(producer, repository, "tester").publish(
            ConsumedRecord(topic, 0, 5, b"k", b"x" * 2_000_000), "why"
        )
        letter = await asyncio.wait_for(consumer.getone(), 20)
    headers = dict(letter.headers)
    assert (letter.value, headers["left_out"], headers["offset"]) == (None, b"value", b"5")


async def test_a_dead_letter_that_kafka_does_not_take_is_tried_again_later(
    settings: ServiceSettings, repository: DeadLetterRepository
) -> None:
    hasty = AIOKafkaProducer(bootstrap_servers=settings.kafka_servers, request_timeout_ms=300)
    async with started(hasty):
        with pytest.raises(TransientError, match="dead letters"):
            await SqlDeadLetterChannel(hasty, repository, "tester").publish(
                ConsumedRecord("no such topic", 0, 0, None, b"x"), "reason"
            )


async def test_creating_the_topics_again_changes_nothing(settings: ServiceSettings) -> None:
    assert await create_topics(settings, TOPICS) == []
    names = [topic.name for topic in planned(TOPICS, "joldama")]
    assert names[:2] == ["joldama.diagnoses.v1", "joldama.diagnoses.v1.dlq"]


async def test_reaching_a_broker(settings: ServiceSettings) -> None:
    producer = make_producer(settings, "test")
    async with started(producer):
        await reach(producer)
        assert producer.client.cluster.brokers()


async def test_a_client_that_waits_for_a_broker_can_be_stopped(settings: ServiceSettings) -> None:
    nobody = make_producer(settings.model_copy(update={"kafka_servers": "127.0.0.1:1"}), "test")

    async def wait() -> None:
        async with started(nobody):
            raise AssertionError("nobody is there")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wait(), 0.5)
    with pytest.raises(ConnectionError, match="no broker answers"):
        await reach(nobody)
