"""The plain consumer on a real Kafka: it goes on where it was, and begins again when the log was made again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.kit.kafka import topic_watch as log_watch
from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.consumer import consume
from services.kit.kafka.log_identity import Logs
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.settings import ServiceSettings
from tests.integration.kit.logs import Topic
from tests.support.eventually import eventually


@dataclass
class Follower:
    """What it took, in order, and a gate at which it can be held up."""

    consumer: AIOKafkaConsumer
    taken: list[str] = field(default_factory=list)
    turns: int = 0

    async def take(self, batch: Sequence[ConsumedRecord]) -> None:
        self.taken += [(one.value or b"").decode() for one in batch]

    async def set_aside(self, one: ConsumedRecord, reason: str) -> None:
        raise AssertionError(reason)

    def turn(self) -> None:
        self.turns += 1

    async def has(self, *values: str) -> None:
        await eventually(lambda: set(values) <= set(self.taken), f"{values} are taken")

    async def hold_up(self) -> None:
        """Fetch nothing more, as a process that is stopped."""
        self.consumer.pause(*self.consumer.assignment())
        turns = self.turns
        await eventually(lambda: self.turns > turns + 1)

    def go_on(self) -> None:
        self.consumer.resume(*self.consumer.assignment())


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_watch, "EVERY", 0.2)


@asynccontextmanager
async def following(broker: ServiceSettings, topic: Topic, watch: TopicWatch, group: str) -> AsyncIterator[Follower]:
    consumer = make_consumer(broker, [topic.name], group)
    async with started(consumer):
        follower = Follower(consumer)
        settler = BatchProcessor[ConsumedRecord]("tester", follower.take, follower.set_aside)
        task = asyncio.create_task(consume(consumer, settler, watch, follower.turn))
        yield follower
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_follower_held_up_while_the_log_was_made_again_and_grew_takes_it_from_its_beginning(
    broker: ServiceSettings, topic: Topic, watch: TopicWatch, logs: Logs, group: str
) -> None:
    async with following(broker, topic, watch, group) as follower:
        await topic.write("a", "b", "c")
        await topic.write("a", "b", partition=1)
        await follower.has("a", "b", "c")
        await follower.hold_up()
        await topic.make_again()
        await topic.write("d", "e", "f", "g", "h")
        await topic.write("i", "j", "k", partition=1)
        follower.go_on()
        await follower.has(*"defghijk")
        await eventually(lambda: _committed(logs, group, {topic.place(0): 5, topic.place(1): 3}))
        taken, turns = len(follower.taken), follower.turns
        await eventually(lambda: follower.turns > turns + 1)
        assert len(follower.taken) == taken, "it begins again once"


async def test_a_follower_that_starts_again_goes_on_where_it_was(
    broker: ServiceSettings, topic: Topic, watch: TopicWatch, logs: Logs, group: str
) -> None:
    await topic.write("a", "b")
    async with following(broker, topic, watch, group) as follower:
        await follower.has("a", "b")
        await eventually(lambda: _committed(logs, group, {topic.place(0): 2}))
    await topic.write("c")
    async with following(broker, topic, watch, group) as follower:
        await follower.has("c")
        assert follower.taken == ["c"]


async def _committed(logs: Logs, group: str, expected: dict[TopicPartition, int]) -> bool:
    return expected.items() <= (await logs.committed(group)).items()
