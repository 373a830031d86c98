"""A consumer's watch on a real Kafka: a recreated topic is noticed, whatever has been written to it since."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.kit.kafka.checkpoints import Checkpoint
from services.kit.kafka.clients import make_consumer, started
from services.kit.kafka.log_identity import LogIdentity, TopicInspector
from services.kit.kafka.rewind import rewind_group
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.settings import ServiceSettings
from services.kit.sql.database import Database
from tests.integration.kit.tables import checkpoints
from tests.integration.kit.topic_harness import Topic
from tests.support.eventually import eventually


async def stored(database: Database) -> dict[Any, Checkpoint]:
    return await database.read(lambda session: checkpoints.of(session, "tester"))


async def offset(database: Database, topic: Topic) -> int:
    return (await stored(database))[topic.partition()].offset


async def test_a_log_that_goes_on_is_the_same_and_its_checkpoint_goes_on_with_it(
    topic: Topic, watch: TopicWatch, database: Database
) -> None:
    await topic.write("a", "b", "c")
    await watch.processed((await topic.read())[:2])
    assert await offset(database, topic) == 1, "the first is stored before it is committed"
    await watch.processed((await topic.read())[2:])
    assert await offset(database, topic) == 1, "the next only after an inspection"
    assert await watch.recreated() == set()
    assert await offset(database, topic) == 2
    await topic.write("d")
    assert await watch.recreated() == set()


@pytest.mark.parametrize("again", [[], ["a"], ["x", "y", "z", "more"], ["a", "b", "c", "d", "e"]])
async def test_a_recreated_topic_is_noticed_however_much_has_been_written_to_it(
    topic: Topic, watch: TopicWatch, database: Database, again: list[str]
) -> None:
    await topic.write("a", "b", "c")
    await watch.processed(await topic.read())
    assert await watch.recreated() == set()
    await topic.recreate()
    await topic.write(*again)

    async def noticed() -> bool:
        return await watch.recreated() == {topic.partition()}

    await eventually(noticed)
    await watch.forget([topic.partition()])
    assert await watch.recreated() == set()


async def test_what_is_processed_in_the_middle_of_a_recreated_log_does_not_hide_it(
    topic: Topic, watch: TopicWatch, database: Database
) -> None:
    await topic.write("a", "b")
    await watch.processed(await topic.read())
    assert await watch.recreated() == set()
    await topic.recreate()
    await topic.write("u", "v", "w", "x")
    for one in (await topic.read())[2:]:
        await watch.processed([one])
        assert await watch.recreated() == {topic.partition()}
    assert await offset(database, topic) == 1


async def test_a_log_trimmed_by_age_is_nothing_to_notice(topic: Topic, watch: TopicWatch, database: Database) -> None:
    await topic.write("a", "b", "c", "d")
    await watch.processed((await topic.read())[:1])
    await topic.trim(3)
    assert await watch.recreated() == set()
    assert await offset(database, topic) == 0, "kept until the next is processed"
    await watch.processed((await topic.read())[:1])
    assert await watch.recreated() == set()
    assert await offset(database, topic) == 3
    await topic.trim(4)
    assert await watch.recreated() == set()


async def test_a_trimmed_log_that_is_recreated_is_noticed(topic: Topic, watch: TopicWatch) -> None:
    await topic.write("a", "b", "c")
    await watch.processed(await topic.read())
    await topic.trim(3)
    assert await watch.recreated() == set()
    await topic.recreate()
    await topic.write("a", "b", "c", "d")
    assert await watch.recreated() == {topic.partition()}


async def test_a_topic_that_is_away_for_a_moment_is_neither_the_same_nor_another(
    topic: Topic, watch: TopicWatch, inspector: TopicInspector
) -> None:
    await topic.write("a")
    await watch.processed(await topic.read())
    known = await watch.checkpoints()
    await topic.admin.delete_topics([topic.name])

    async def gone() -> bool:
        return (await inspector.inspect(known)).identities == {topic.partition(): LogIdentity.UNKNOWN}

    await eventually(gone)
    assert await watch.recreated() == set()


async def test_a_partition_that_another_process_has_rewound_gets_a_new_checkpoint(
    topic: Topic, watch: TopicWatch, database: Database
) -> None:
    await topic.write("a", "b")
    taken = await topic.read()
    await watch.processed(taken[1:])
    await database.write(lambda session: checkpoints.forget(session, "tester", [topic.partition()]))
    await watch.recreated()
    assert await stored(database) == {}
    await watch.processed(taken[:1])
    assert await offset(database, topic) == 0


async def test_a_group_goes_back_to_the_beginning_before_it_starts_once_it_has_no_member(
    topic: Topic, watch: TopicWatch, inspector: TopicInspector, broker: ServiceSettings, group: str, database: Database
) -> None:
    await topic.write("a", "b")
    await watch.processed(await topic.read())
    assert await rewind_group(broker, watch, inspector, group) == 0
    member = make_consumer(broker, [topic.name], group)
    async with started(member):
        for value in (b"a", b"b"):
            assert (await member.getone(topic.partition())).value == value
        await topic.recreate()
        await topic.write("x", "y", "z")
        await eventually(lambda: topic.partition() in member.assignment(), "the new topic is assigned")
        await member.commit({topic.partition(): 2})
        with capture_logs() as logs:
            waiting = asyncio.create_task(rewind_group(broker, watch, inspector, group))
            await eventually(lambda: any(_is_refusal(one) for one in logs))
        assert (await inspector.committed(group))[topic.partition()] == 2
    assert await waiting == 1
    assert await inspector.committed(group) == {topic.partition(): 0}
    assert await stored(database) == {}
    assert await rewind_group(broker, watch, inspector, group) == 0


def _is_refusal(log: Mapping[str, Any]) -> bool:
    return log["event"] == "rewind.retrying" and "the group has members still" in log["reason"]
