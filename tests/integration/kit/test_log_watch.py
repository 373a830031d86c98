"""A consumer's watch on a real Kafka: a log that was made again is noticed, whatever has been written to it since."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.kit.kafka.checkpoints import Checkpoint
from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.log_identity import Log, Logs
from services.kit.kafka.rewind import begin_again
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.settings import ServiceSettings
from services.kit.sql.database import Database
from tests.integration.kit.logs import Topic
from tests.integration.kit.tables import positions
from tests.support.eventually import eventually


async def remembered(database: Database) -> dict[Any, Checkpoint]:
    return await database.read(lambda session: positions.of(session, "tester"))


async def offset(database: Database, topic: Topic) -> int:
    return (await remembered(database))[topic.place()].offset


async def test_a_log_that_goes_on_is_the_same_and_what_is_remembered_goes_on_with_it(
    topic: Topic, watch: TopicWatch, database: Database
) -> None:
    await topic.write("a", "b", "c")
    await watch.settled((await topic.read())[:2])
    assert await offset(database, topic) == 1, "the first is remembered before it is committed"
    await watch.settled((await topic.read())[2:])
    assert await offset(database, topic) == 1, "the next only after a look"
    assert await watch.look() == set()
    assert await offset(database, topic) == 2
    await topic.write("d")
    assert await watch.look() == set()


@pytest.mark.parametrize("again", [[], ["a"], ["x", "y", "z", "more"], ["a", "b", "c", "d", "e"]])
async def test_a_topic_made_again_is_noticed_however_much_has_been_written_to_it(
    topic: Topic, watch: TopicWatch, database: Database, again: list[str]
) -> None:
    await topic.write("a", "b", "c")
    await watch.settled(await topic.read())
    assert await watch.look() == set()
    await topic.make_again()
    await topic.write(*again)

    async def noticed() -> bool:
        return await watch.look() == {topic.place()}

    await eventually(noticed)
    await watch.forget([topic.place()])
    assert await watch.look() == set()


async def test_what_is_settled_in_the_middle_of_another_log_does_not_hide_it(
    topic: Topic, watch: TopicWatch, database: Database
) -> None:
    await topic.write("a", "b")
    await watch.settled(await topic.read())
    assert await watch.look() == set()
    await topic.make_again()
    await topic.write("u", "v", "w", "x")
    for one in (await topic.read())[2:]:
        await watch.settled([one])
        assert await watch.look() == {topic.place()}
    assert await offset(database, topic) == 1


async def test_a_log_trimmed_by_age_is_nothing_to_notice(topic: Topic, watch: TopicWatch, database: Database) -> None:
    await topic.write("a", "b", "c", "d")
    await watch.settled((await topic.read())[:1])
    await topic.trim(3)
    assert await watch.look() == set()
    assert await offset(database, topic) == 0, "kept until the next is settled"
    await watch.settled((await topic.read())[:1])
    assert await watch.look() == set()
    assert await offset(database, topic) == 3
    await topic.trim(4)
    assert await watch.look() == set()


async def test_a_trimmed_log_that_is_made_again_is_noticed(topic: Topic, watch: TopicWatch) -> None:
    await topic.write("a", "b", "c")
    await watch.settled(await topic.read())
    await topic.trim(3)
    assert await watch.look() == set()
    await topic.make_again()
    await topic.write("a", "b", "c", "d")
    assert await watch.look() == {topic.place()}


async def test_a_topic_that_is_away_for_a_moment_is_neither_the_same_nor_another(
    topic: Topic, watch: TopicWatch, logs: Logs
) -> None:
    await topic.write("a")
    await watch.settled(await topic.read())
    marks = await watch.remembered()
    await topic.admin.delete_topics([topic.name])

    async def gone() -> bool:
        return (await logs.look(marks)).logs == {topic.place(): Log.UNKNOWN}

    await eventually(gone)
    assert await watch.look() == set()


async def test_a_partition_begun_again_by_another_process_is_remembered_anew(
    topic: Topic, watch: TopicWatch, database: Database
) -> None:
    await topic.write("a", "b")
    taken = await topic.read()
    await watch.settled(taken[1:])
    await database.write(lambda session: positions.forget(session, "tester", [topic.place()]))
    await watch.look()
    assert await remembered(database) == {}
    await watch.settled(taken[:1])
    assert await offset(database, topic) == 0


async def test_the_lag_and_the_age_of_the_last_event_are_told(
    topic: Topic, watch: TopicWatch, broker: ServiceSettings, group: str
) -> None:
    await topic.write("a", "b", "c")
    async with committing(broker, topic, group) as commit:
        await commit(1)
    await watch.settled((await topic.read())[:1])
    labels = {"consumer": "tester", "topic": topic.name}

    async def told() -> bool:
        await watch.look()
        return REGISTRY.get_sample_value("joldama_consumer_lag", labels) == 2

    await eventually(told)
    assert 0 <= (REGISTRY.get_sample_value("joldama_consumer_last_event_age_seconds", labels) or -1) < 60
    await watch.check()


@asynccontextmanager
async def committing(broker: ServiceSettings, topic: Topic, group: str) -> AsyncIterator[Callable[[int], Any]]:
    consumer = make_consumer(broker, [], group)
    async with started(consumer):
        consumer.assign([topic.place()])
        yield lambda offset: consumer.commit({topic.place(): offset})


async def test_a_group_goes_back_to_the_beginning_before_it_starts_once_it_has_no_member(
    topic: Topic, watch: TopicWatch, logs: Logs, broker: ServiceSettings, group: str, database: Database
) -> None:
    await topic.write("a", "b")
    await watch.settled(await topic.read())
    assert await begin_again(broker, watch, logs, group) == 0
    member = make_consumer(broker, [topic.name], group)
    async with started(member):
        for value in (b"a", b"b"):
            assert (await member.getone(topic.place())).value == value
        await topic.make_again()
        await topic.write("x", "y", "z")
        await member.commit({topic.place(): 2})
        with capture_logs() as told:
            waiting = asyncio.create_task(begin_again(broker, watch, logs, group))
            await eventually(lambda: "consumer.waiting_to_begin" in [one["event"] for one in told])
        assert (await logs.committed(group))[topic.place()] == 2
    assert await waiting == 1
    assert await logs.committed(group) == {topic.place(): 0}
    assert await remembered(database) == {}
    assert await begin_again(broker, watch, logs, group) == 0
