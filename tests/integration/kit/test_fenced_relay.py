"""A relay that is held up for longer than its lease: another publishes meanwhile, and the first one changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import delete

from services.kit.errors import LeaseLost
from services.kit.kafka.clients import make_admin, make_consumer, make_producer, started
from services.kit.kafka.publisher import KafkaPublisher, Publisher
from services.kit.kafka.relay import BATCH
from services.kit.loops import background
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.settings import Mode, ServiceSettings
from services.kit.sql.database import Database
from tests.integration.kit.conftest import FakePublisher, add, pending
from tests.integration.kit.relays import ended_relays, make_relay, publish_all  # noqa: F401  ended_relays is used
from tests.integration.kit.tables import leases
from tests.integration.kit.topic_harness import Topic
from tests.support.eventually import eventually

EVENTS = 5_003
SHORT = 50
"""Milliseconds: the lease of the relay that is held up."""


@dataclass
class HeldUp:
    """A publisher whose process stands still before or after each call, until it may `go_on`."""

    publisher: Publisher
    before: bool = False

    def __post_init__(self) -> None:
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def publish(self, messages: Sequence[OutgoingEvent]) -> list[Acknowledgement]:
        if self.before:
            await self._stand_still()
        answer = await self.publisher.publish(messages)
        await self._stand_still()
        return answer

    async def has(self, one: Acknowledgement) -> bool:
        answer = await self.publisher.has(one)
        await self._stand_still()
        return answer

    async def _stand_still(self) -> None:
        self.reached.set()
        await self.go_on.wait()


@dataclass
class Records:
    """Where events go, and how many records there are."""

    publisher: Publisher
    count: Callable[[], Awaitable[int]]


@pytest.fixture(params=["fake", "kafka"])
async def records(request: pytest.FixtureRequest, publisher: FakePublisher, prefix: str) -> AsyncIterator[Records]:
    if request.param == "fake":
        yield Records(publisher, publisher.count)
        return
    settings = ServiceSettings(mode=Mode.LOCAL, kafka_servers=request.getfixturevalue("kafka"), topic_prefix=prefix)
    admin, producer, reader = make_admin(settings), make_producer(settings, "test"), make_consumer(settings, [], None)
    async with started(admin, producer, reader):
        topic = Topic(settings, admin, producer)
        await topic.create()
        await topic.write("before all")  # its metadata is everywhere

        async def count() -> int:
            return await topic.end() - 1

        yield Records(KafkaPublisher(producer, reader, prefix), count)


@pytest.mark.parametrize("before", [True, False], ids=["before it publishes", "after it has published"])
@pytest.mark.parametrize("finished", [True, False], ids=["when all is published", "when it is not"])
async def test_a_relay_that_goes_on_after_another_has_taken_over_notes_nothing_and_publishes_nothing_again(
    records: Records, database: Database, other: Callable[[], Database], before: bool, finished: bool
) -> None:
    await add(database, *range(EVENTS))
    held_up = HeldUp(records.publisher, before)
    slow, rival = make_relay(database, held_up, milliseconds=SHORT), make_relay(other(), records.publisher)
    step = asyncio.create_task(slow.step())
    await held_up.reached.wait()
    assert await eventually(rival.step, "the lease has ended") == BATCH
    if finished:
        await publish_all(rival, database)
    waits, noted = await pending(database), await rival.store.checkpoints()
    held_up.go_on.set()
    with pytest.raises(LeaseLost):
        await step
    assert (await pending(database), await rival.store.checkpoints()) == (waits, noted)
    assert await slow.step() == 0, "it stands by"
    await publish_all(rival, database)
    await rival.verify()
    await rival.store.release()
    await slow.step()
    await slow.verify()
    assert await pending(database) == 0
    assert await records.count() == EVENTS + BATCH


async def test_a_relay_that_waits_for_a_slow_kafka_keeps_its_lease(
    database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    await add(database, 1)
    held_up = HeldUp(publisher)
    slow, rival = make_relay(database, held_up, milliseconds=300, wait=0.05), make_relay(other(), publisher)
    async with background(slow.run()):
        await held_up.reached.wait()
        for _ in range(6):
            await asyncio.sleep(0.1)
            assert await rival.step() == 0
        held_up.go_on.set()
        await eventually(lambda: pending_none(database))
    assert publisher.log["events.v1"] == ["e1"]


async def pending_none(database: Database) -> bool:
    return await pending(database) == 0


async def test_a_relay_that_goes_on_after_another_has_republished_does_not_do_so_again(
    database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    await add(database, *range(EVENTS))
    first = make_relay(database, publisher)
    await publish_all(first, database)
    await first.store.release()
    publisher.log.clear()
    held_up = HeldUp(publisher)
    slow, rival = make_relay(database, held_up, milliseconds=SHORT), make_relay(other(), publisher)
    step = asyncio.create_task(slow.step())
    await held_up.reached.wait()
    await eventually(rival.step, "the lease has ended")
    await publish_all(rival, database)
    held_up.go_on.set()
    with pytest.raises(LeaseLost):
        await step
    assert await pending(database) == 0
    assert publisher.log["events.v1"] == [f"e{n}" for n in range(EVENTS)]
    assert await slow.step() == 0, "it stands by"


async def test_a_relay_that_has_lost_its_lease_asks_for_it_before_it_publishes_again(
    database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    """Also where it acquired the lease just now and would not renew it yet: the row may be another's all the same."""
    loser, rival = make_relay(database, publisher), make_relay(other(), publisher)
    await add(database, 1)
    assert await loser.step() == 1
    await database.write(lambda session: session.execute(delete(leases)))
    assert await rival.step() == 0
    await add(database, 2)
    with pytest.raises(LeaseLost):
        await loser.step()
    assert await loser.step() == 0, "it stands by"
    assert publisher.log["events.v1"] == ["e1", "e2"]
    assert await rival.step() == 1
    assert await pending(database) == 0


async def test_a_relay_that_has_released_its_lease_asks_for_it_before_it_publishes_again(
    database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    first, rival = make_relay(database, publisher), make_relay(other(), publisher)
    await first.step()
    await first.store.release()
    await rival.step()
    await add(database, 1)
    assert await first.step() == 0
    assert publisher.log == {}
