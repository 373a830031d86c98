"""The relay on a real Kafka: every step arrives, under one id, whatever is killed or wiped."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from services.capacity.adapters.redis_positions import RedisPositions
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import CapacitySettings
from services.capacity.domain.step import StepId
from services.capacity.handlers.relay_steps import KEEP, StepRelay
from services.capacity.ports import Store
from services.contracts.events import Event, read_event
from services.contracts.topics import CAPACITY, topic
from services.kit.errors import TransientError
from services.kit.kafka.clients import make_consumer, make_producer, started
from services.kit.kafka.publisher import Acknowledged, KafkaPublisher, Outgoing
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT
from tests.integration.capacity.network import NOW, claim, open_programme, referral, steps
from tests.support.eventually import eventually

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def settings(kafka: str, valkey: str, prefix: str) -> CapacitySettings:
    """Settings with topics and keys of the test's own."""
    ours = CapacitySettings(mode="local", kafka_servers=kafka, topic_prefix=prefix, redis_url=valkey, key_prefix=prefix)
    await create_topics(ours, CHECKOUT / "deploy" / "topics.toml")
    return ours


@dataclass
class Bench:
    """A relay that the test turns by hand, and what Kafka has."""

    settings: CapacitySettings
    scripts: RedisScripts
    store: Store
    publisher: KafkaPublisher

    def relay(self, owner: str = "one") -> StepRelay:
        positions = RedisPositions(self.scripts, owner)
        return StepRelay(self.store.steps, positions, self.publisher, (TransientError, KafkaError))

    async def published(self) -> list[Event]:
        return [event for _, event in await records(self.settings)]


@pytest.fixture
async def bench(settings: CapacitySettings, redis: Redis, redis_store: Store, prefix: str) -> AsyncIterator[Bench]:
    producer, reader = make_producer(settings, "test"), make_consumer(settings, [], None)
    async with started(producer, reader):
        publisher = KafkaPublisher(producer, reader, prefix)
        yield Bench(settings, RedisScripts(redis, prefix), redis_store, publisher)


async def records(settings: CapacitySettings) -> list[tuple[int, Event]]:
    """Partition and event of everything in the topic, partition by partition."""
    consumer = make_consumer(settings, [], None)
    async with started(consumer):
        name = topic(settings.topic_prefix, CAPACITY)
        places = [TopicPartition(name, number) for number in range(6)]
        ends = await consumer.end_offsets(places)
        consumer.assign(places)
        found = [one for place in places for one in await _read(consumer, place, ends[place])]
    return sorted(found, key=lambda one: one[0])


async def _read(consumer: AIOKafkaConsumer, place: TopicPartition, end: int) -> list[tuple[int, Event]]:
    found = []
    while await consumer.position(place) < end:
        record = await asyncio.wait_for(consumer.getone(place), 10)
        event = read_event(record.value)
        assert event is not None
        found.append((record.partition, event))
    return found


def ids(events: Iterable[Event]) -> list[str]:
    return sorted(event.envelope.id for event in events)


async def some_steps(store: Store, count: int = 30) -> list[str]:
    """A few programmes, and referrals that hold, wait and are handed over to; the ids of the events."""
    for name in ("a", "b", "c"):
        await open_programme(store, name, 3)
    for number in range(1, count + 1):
        await claim(store, number, "a", "b", "c")
    for number in range(1, 6):
        await store.claims.release(referral(number), 1, NOW)
    return sorted(step.event_id for step in await steps(store))


async def test_every_step_is_published_once_in_order_under_its_programme(bench: Bench) -> None:
    expected = await some_steps(bench.store)
    relay = bench.relay()
    assert await relay.turn() == len(expected)
    assert await relay.turn() == 0
    found = await records(bench.settings)
    assert ids(event for _, event in found) == expected
    by_key: dict[str, list[int]] = {}
    for _, event in found:
        by_key.setdefault(event.data.key, []).append(event.data.sequence)  # type: ignore[attr-defined]
    assert set(by_key) == {"a", "b", "c"}
    assert all(order == sorted(order) for order in by_key.values())
    assert {event.envelope.time for _, event in found} == {NOW}


@dataclass(frozen=True)
class ForgetfulPositions(RedisPositions):
    """As after a kill between Kafka's acknowledgement and the note of it."""

    async def save(self, relayed: StepId, acknowledged: Iterable[Acknowledged]) -> bool:
        raise TransientError("killed")


async def test_what_was_published_and_not_noted_is_published_again_as_the_same_events(bench: Bench) -> None:
    expected = await some_steps(bench.store)
    killed = bench.relay()
    killed.positions = ForgetfulPositions(bench.scripts, "one")
    with pytest.raises(TransientError):
        await killed.turn()
    await bench.relay().turn()
    events = await bench.published()
    assert sorted(set(ids(events))) == expected
    by_id = {event.envelope.id: event for event in events}
    assert len(events) == 2 * len(expected)
    assert all(event == by_id[event.envelope.id] for event in events)


async def test_a_wiped_topic_gets_all_that_the_stream_keeps(bench: Bench) -> None:
    expected = await some_steps(bench.store)
    await bench.relay().turn()
    name = topic(bench.settings.topic_prefix, CAPACITY)
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.settings.kafka_servers)
    await admin.start()
    await admin.delete_topics([name])
    await admin.close()

    async def made_again() -> bool:
        return name in await create_topics(bench.settings, CHECKOUT / "deploy" / "topics.toml")

    await eventually(made_again)
    relay = bench.relay()

    async def relayed() -> bool:
        try:
            await relay.turn()
        except (TransientError, KafkaError):
            relay._verify_at = 0
        return ids(await bench.published()) == expected

    await eventually(relayed, within=30)


class BegunAnew:
    """A log that is made again while the relay is at work; it does not look whether Kafka still has what it took."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def publish(self, messages: Sequence[Outgoing]) -> list[Acknowledged]:
        self.log += [event_id for *_, event_id in messages]
        end = len(self.log)
        return [
            Acknowledged(topic, 0, end - len(messages) + i, event_id)
            for i, (topic, _, _, event_id) in enumerate(messages)
        ]

    async def still_there(self, topic: str, partition: int, offset: int, event_id: str) -> bool:
        return True


async def test_a_log_begun_anew_is_noticed_by_the_first_offset_that_it_gives(
    redis: Redis, redis_store: Store, prefix: str
) -> None:
    kafka = BegunAnew()
    relay = StepRelay(redis_store.steps, RedisPositions(RedisScripts(redis, prefix), "one"), kafka)
    await some_steps(redis_store, 3)
    await relay.turn()
    kafka.log.clear()
    await claim(redis_store, 100, "a")
    await relay.turn()
    await relay.turn()
    everything = [step.event_id for step in await steps(redis_store)]
    assert kafka.log == [everything[-1], *everything]


async def test_the_stream_forgets_by_age_what_was_acknowledged_and_nothing_else(
    redis: Redis, redis_store: Store, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.capacity.handlers.relay_steps.LOOK_EVERY", 0.01)
    relay = StepRelay(redis_store.steps, RedisPositions(RedisScripts(redis, prefix), "one"), BegunAnew())
    relay.clock = lambda: NOW + KEEP + timedelta(days=1)
    await some_steps(redis_store, 30)
    week_old = await steps(redis_store)
    await relay.turn()
    assert await steps(redis_store) == week_old, "not acknowledged when it looked"
    await claim(redis_store, 200, "a", at=NOW + KEEP)
    await relay.turn()
    relay._verify_at = 0
    await claim(redis_store, 201, "a", at=NOW)
    await relay.turn()
    kept = await steps(redis_store)
    assert [step.data.referral_id.int for step in kept] == [200, 201]  # type: ignore[attr-defined]
    for day in range(2, 9):
        relay.clock = lambda day=day: NOW + KEEP * day  # type: ignore[misc]
        await claim(redis_store, 1000 + day, "a", at=relay.clock())
        relay._verify_at = 0
        await relay.turn()
        relay._verify_at = 0
        await relay.turn()
        assert await redis.xlen(f"{{{prefix}}}:events") <= 3


async def test_one_relay_works_and_the_other_takes_over_when_it_goes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.capacity.handlers.relay_steps.LOOK_EVERY", 0.01)
    first, second = bench.relay("first"), bench.relay("second")
    await some_steps(bench.store, 3)
    assert await first.turn() > 0
    await claim(bench.store, 100, "a")
    assert await second.turn() == 0
    await first.positions.give_back()
    assert await second.turn() == 1
    assert not await first.positions.save(StepId(1, 1), [])


@asynccontextmanager
async def relay_process(settings: CapacitySettings, folder: Path) -> AsyncIterator[Callable[[], None]]:
    """The real process; what is yielded kills it (SIGKILL) and starts it again."""
    environment = os.environ | {
        "JOLDAMA_MODE": "local",
        "JOLDAMA_KAFKA_SERVERS": settings.kafka_servers,
        "JOLDAMA_TOPIC_PREFIX": settings.topic_prefix,
        "JOLDAMA_REDIS_URL": settings.redis_url,
        "JOLDAMA_KEY_PREFIX": settings.key_prefix,
    }
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        command = [sys.executable, "-m", "services.capacity.entrypoints.relay"]
        with (folder / "relay.log").open("ab") as log:
            running.append(subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=log))

    def kill_and_start() -> None:
        running[-1].kill()
        running[-1].wait()
        start()

    start()
    try:
        yield kill_and_start
    finally:
        running[-1].terminate()
        assert running[-1].wait(15) == 0, (folder / "relay.log").read_text()[-2000:]


async def test_a_relay_killed_at_work_loses_no_step(bench: Bench, tmp_path: Path) -> None:
    await some_steps(bench.store)
    async with relay_process(bench.settings, tmp_path) as kill_and_start:
        await eventually(bench.published)
        for number in range(1000, 2000):
            await claim(bench.store, number, "a", "b")
            if number == 1500:
                kill_and_start()
        expected = sorted(step.event_id for step in await steps(bench.store))

        async def everything() -> bool:
            return sorted(set(ids(await bench.published()))) == expected

        await eventually(everything, within=40)
