"""The plain consumer on a real Kafka: it goes on where it was, and begins again when the topic was recreated."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError

from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.kafka.consumer import consume
from services.kit.kafka.log_identity import TopicInspector
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.loops import background
from services.kit.settings import ServiceSettings
from tests.integration.kit.topic_harness import Topic
from tests.support.eventually import eventually


@dataclass
class Follower:
    """What it consumed, in order; it can be held up. It has no dead letters and parks nothing."""

    consumer: AIOKafkaConsumer
    consumed: list[str] = field(default_factory=list)
    steps: int = 0

    async def handle(self, batch: Sequence[ConsumedRecord]) -> Sequence[ConsumedRecord]:
        self.consumed += [(one.value or b"").decode() for one in batch]
        return []

    async def store(self, message: ConsumedRecord, reason: str) -> bool:
        raise AssertionError(reason)

    async def publish(self, message: ConsumedRecord, reason: str) -> None:
        raise AssertionError(reason)

    async def park(self, message: ConsumedRecord) -> None:
        raise AssertionError(message)

    def progress(self) -> None:
        self.steps += 1

    async def has(self, *values: str) -> None:
        await eventually(lambda: set(values) <= set(self.consumed), f"{values} are consumed")

    async def hold_up(self) -> None:
        """Fetch nothing more, as a process that is stopped."""
        self.consumer.pause(*self.consumer.assignment())
        await self.makes_two_steps()

    async def makes_two_steps(self) -> None:
        steps = self.steps
        await eventually(lambda: self.steps > steps + 1)

    def go_on(self) -> None:
        self.consumer.resume(*self.consumer.assignment())


@asynccontextmanager
async def following(broker: ServiceSettings, topic: Topic, watch: TopicWatch, group: str) -> AsyncIterator[Follower]:
    consumer = make_consumer(broker, [topic.name], group)
    async with started(consumer):
        follower = Follower(consumer)
        processor = BatchProcessor("tester", follower.handle, follower)
        async with background(consume(consumer, processor, watch, follower.progress)):
            yield follower


async def test_a_follower_held_up_while_the_topic_was_recreated_and_grew_consumes_it_from_its_beginning(
    broker: ServiceSettings, topic: Topic, watch: TopicWatch, inspector: TopicInspector, group: str
) -> None:
    async with following(broker, topic, watch, group) as follower:
        await topic.write("a", "b", "c")
        await topic.write("a", "b", partition=1)
        await follower.has("a", "b", "c")
        await follower.hold_up()
        await topic.recreate()
        await topic.write("d", "e", "f", "g", "h")
        await topic.write("i", "j", "k", partition=1)
        follower.go_on()
        await follower.has(*"defghijk")
        await eventually(lambda: _committed(inspector, group, {topic.partition(0): 5, topic.partition(1): 3}))
        consumed = len(follower.consumed)
        await follower.makes_two_steps()
        assert len(follower.consumed) == consumed, "it begins again once"


async def test_a_follower_that_starts_again_goes_on_where_it_was(
    broker: ServiceSettings, topic: Topic, watch: TopicWatch, inspector: TopicInspector, group: str
) -> None:
    await topic.write("a", "b")
    async with following(broker, topic, watch, group) as follower:
        await follower.has("a", "b")
        await eventually(lambda: _committed(inspector, group, {topic.partition(0): 2}))
    await topic.write("c")
    async with following(broker, topic, watch, group) as follower:
        await follower.has("c")
        assert follower.consumed == ["c"]


async def _committed(inspector: TopicInspector, group: str, expected: dict[TopicPartition, int]) -> bool:
    return expected.items() <= (await inspector.committed(group)).items()


async def test_a_commit_that_failed_is_repeated_although_nothing_new_comes(
    broker: ServiceSettings, topic: Topic, watch: TopicWatch, inspector: TopicInspector, group: str
) -> None:
    async with following(broker, topic, watch, group) as follower:
        commit, refused = follower.consumer.commit, 0

        async def fail_once(*offsets: Mapping[TopicPartition, int]) -> None:
            nonlocal refused
            if not refused:
                refused += 1
                raise CommitFailedError
            await commit(*offsets)

        follower.consumer.commit = fail_once
        await topic.write("a", "b")
        await follower.has("a", "b")
        await eventually(lambda: _committed(inspector, group, {topic.partition(0): 2}))
    assert refused == 1
    assert follower.consumed == ["a", "b"]
