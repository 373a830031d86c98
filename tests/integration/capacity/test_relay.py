"""The relay on a real Kafka: every step arrives in its topics, under one id, whatever is killed or wiped."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.capacity.adapters.redis_relay_store import RedisRelayStore
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.domain.figures import stale_after
from services.capacity.domain.step import Step
from services.capacity.ports import Store
from services.capacity.settings import CapacitySettings
from services.contracts.events import Event, PlaceHandedOverV1, read_event
from services.contracts.topics import CAPACITY, HANDOVERS, topic
from services.kit.errors import LeaseLost, TransientError
from services.kit.kafka.clients import make_consumer, make_producer, started
from services.kit.kafka.publisher import KafkaPublisher
from services.kit.kafka.relay import Relay
from services.kit.kafka.topics import create_topics
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.settings import CHECKOUT
from tests.integration.capacity.network import NOW, claim, open_programme, release, steps
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
    """Relays that the test steps by hand, and what Kafka has."""

    settings: CapacitySettings
    scripts: RedisScripts
    store: Store
    publisher: KafkaPublisher

    def relay(self, owner: str = "one") -> Relay:
        return Relay(RedisRelayStore(self.scripts, self.steps, owner=owner), self.publisher)

    @property
    def steps(self) -> RedisSteps:
        return RedisSteps(self.scripts, stale_after(7))

    async def published(self, name: str = CAPACITY) -> list[Event]:
        return [event for _, event in await records(self.settings, name)]

    async def published_all(self, count: int) -> list[Event]:
        events = await self.published()
        assert len(events) == count
        return events


@pytest.fixture
async def bench(
    settings: CapacitySettings, scripts: RedisScripts, redis_store: Store, prefix: str
) -> AsyncIterator[Bench]:
    producer, reader = make_producer(settings, "test"), make_consumer(settings, [], None)
    async with started(producer, reader):
        yield Bench(settings, scripts, redis_store, KafkaPublisher(producer, reader, prefix))


async def records(settings: CapacitySettings, name: str = CAPACITY) -> list[tuple[int, Event]]:
    """Partition and event of everything in the topic, partition by partition."""
    consumer = make_consumer(settings, [], None)
    async with started(consumer):
        partitions = [TopicPartition(topic(settings.topic_prefix, name), number) for number in range(6)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        found = [one for partition in partitions for one in await _read(consumer, partition, ends[partition])]
    return sorted(found, key=lambda one: one[0])


async def _read(consumer: AIOKafkaConsumer, partition: TopicPartition, end: int) -> list[tuple[int, Event]]:
    found = []
    while await consumer.position(partition) < end:
        record = await asyncio.wait_for(consumer.getone(partition), 10)
        event = read_event(record.value)
        assert event is not None
        found.append((record.partition, event))
    return found


def ids(events: Iterable[Event]) -> list[str]:
    return sorted(event.envelope.id for event in events)


def hand_overs(emitted: Iterable[Step]) -> list[str]:
    return sorted(one.event_id for one in emitted if isinstance(one.data, PlaceHandedOverV1))


async def some_steps(store: Store, count: int = 30) -> dict[str, list[str]]:
    """A few programmes, and referrals that hold, wait and are handed over to; the ids of the events by topic."""
    for name in ("a", "b", "c"):
        await open_programme(store, name, 3)
    for number in range(1, count + 1):
        await claim(store, number, "a", "b", "c")
    for number in range(1, 6):
        await release(store, number)
    emitted = await steps(store)
    return {CAPACITY: sorted(one.event_id for one in emitted), HANDOVERS: hand_overs(emitted)}


async def test_every_step_is_published_once_in_order_under_its_programme(bench: Bench) -> None:
    expected = await some_steps(bench.store)
    relay = bench.relay()
    assert await relay.step() == len(expected[CAPACITY]) + len(expected[HANDOVERS])
    assert await relay.step() == 0
    found = await records(bench.settings)
    assert ids(event for _, event in found) == expected[CAPACITY]
    by_key: dict[str, list[int]] = {}
    for _, event in found:
        by_key.setdefault(event.data.key, []).append(event.data.sequence)  # type: ignore[attr-defined]
    assert set(by_key) == {"a", "b", "c"}
    assert all(order == sorted(order) for order in by_key.values())
    assert {event.envelope.time for _, event in found} == {NOW}


async def test_hand_overs_and_nothing_else_are_also_published_to_their_own_topic(bench: Bench) -> None:
    expected = await some_steps(bench.store)
    assert len(expected[HANDOVERS]) == 5
    await bench.relay().step()
    found = await records(bench.settings, HANDOVERS)
    events = [event for _, event in found]
    assert ids(events) == expected[HANDOVERS]
    everything = {event.envelope.id: (partition, event) for partition, event in await records(bench.settings)}
    assert all(everything[event.envelope.id] == (partition, event) for partition, event in found)
    for partition in range(6):
        order = [event.data.sequence for here, event in found if here == partition]  # type: ignore[attr-defined]
        assert order == sorted(order)


@dataclass
class ForgetfulStore(RedisRelayStore):
    """As after a kill between Kafka's acknowledgement and the note of it."""

    async def acknowledge(self, batch: Sequence[OutgoingEvent], newest: Collection[Acknowledgement]) -> None:
        raise TransientError("killed")


async def test_what_was_published_and_not_noted_is_published_again_as_the_same_events(bench: Bench) -> None:
    expected = await some_steps(bench.store)
    killed = Relay(ForgetfulStore(bench.scripts, bench.steps, owner="one"), bench.publisher)
    with pytest.raises(TransientError):
        await killed.step()
    await bench.relay().step()
    for name, wanted in expected.items():
        events = await bench.published(name)
        assert sorted(set(ids(events))) == wanted
        by_id = {event.envelope.id: event for event in events}
        assert len(events) == 2 * len(wanted)
        assert all(event == by_id[event.envelope.id] for event in events)


@pytest.mark.parametrize("wiped", [CAPACITY, HANDOVERS])
async def test_a_wiped_topic_gets_all_that_the_stream_keeps(bench: Bench, wiped: str) -> None:
    expected = await some_steps(bench.store)
    await bench.relay().step()
    name = topic(bench.settings.topic_prefix, wiped)
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.settings.kafka_servers)
    await admin.start()
    await admin.delete_topics([name])
    await admin.close()

    async def recreated() -> bool:
        return name in await create_topics(bench.settings, CHECKOUT / "deploy" / "topics.toml")

    await eventually(recreated)
    relay = bench.relay()

    async def relayed() -> bool:
        try:
            await relay.step()
        except (TransientError, KafkaError):
            relay._verify_at = 0
        return ids(await bench.published(wiped)) == expected[wiped]

    assert await eventually(relayed, within=30), "all that the stream keeps, in its order"


async def test_one_relay_works_and_the_other_takes_over_when_it_goes(bench: Bench) -> None:
    first, second = bench.relay("first"), bench.relay("second")
    await some_steps(bench.store, 3)
    assert await first.step() > 0
    await claim(bench.store, 100, "a")
    assert await second.step() == 0
    await first.store.release()
    assert await second.step() == 1
    with pytest.raises(LeaseLost):
        await first.store.acknowledge([], [Acknowledgement(CAPACITY, 0, 1, "capacity-1-1")])


@asynccontextmanager
async def relay_process(
    settings: CapacitySettings, folder: Path, **environment: str
) -> AsyncIterator[Callable[[], None]]:
    """The real process, under `environment`; what is yielded kills it (SIGKILL) and starts it again."""
    full = (
        os.environ
        | environment
        | {
            "JOLDAMA_MODE": "local",
            "JOLDAMA_KAFKA_SERVERS": settings.kafka_servers,
            "JOLDAMA_TOPIC_PREFIX": settings.topic_prefix,
            "JOLDAMA_REDIS_URL": settings.redis_url,
            "JOLDAMA_KEY_PREFIX": settings.key_prefix,
        }
    )
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        command = [sys.executable, "-m", "services.capacity.entrypoints.relay"]
        with (folder / "relay.log").open("ab") as log:
            running.append(subprocess.Popen(command, cwd=CHECKOUT, env=full, stderr=log))

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
        for number in range(1000, 1200):
            await release(bench.store, number)
        emitted = await steps(bench.store)
        expected = {CAPACITY: sorted(one.event_id for one in emitted), HANDOVERS: hand_overs(emitted)}

        async def everything() -> bool:
            return {name: sorted(set(ids(await bench.published(name)))) for name in expected} == expected

        assert await eventually(everything, within=40), "no step is lost"


async def test_the_relay_marks_figures_as_stale_after_the_days_of_its_settings(bench: Bench, tmp_path: Path) -> None:
    for name, days in (("a", 3), ("b", 1)):
        await open_programme(bench.store, name, 3, confirmed_at=NOW - timedelta(days=days))
        await claim(bench.store, 1 if name == "a" else 2, name)
    async with relay_process(bench.settings, tmp_path, JOLDAMA_STALE_AFTER_DAYS="2"):
        events = await eventually(lambda: bench.published_all(4))
    stale = {(event.data.key, type(event.data).__name__): getattr(event.data, "stale", None) for event in events}
    assert stale == {
        ("a", "PlacesSetV1"): True, ("a", "PlaceHeldV1"): True, ("b", "PlacesSetV1"): None, ("b", "PlaceHeldV1"): None,
    }  # fmt: skip
