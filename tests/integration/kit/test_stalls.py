"""Lag and stalls of a consumer on a real Kafka: unread records count, control records of transactions do not."""

import pytest
from prometheus_client import REGISTRY

from services.kit.kafka.log_identity import TopicInspector
from services.kit.kafka.topic_watch import TopicWatch
from services.kit.sql.database import Database
from tests.integration.kit.tables import checkpoints
from tests.integration.kit.topic_harness import Topic
from tests.support.eventually import eventually


@pytest.fixture
def impatient(database: Database, inspector: TopicInspector, group: str) -> TopicWatch:
    """Takes a consumer for stalled that has made no progress between two inspections."""
    return TopicWatch(database, checkpoints, inspector, "tester", group, sure_after=0.05, stalled_after=0.0)


def lag(topic: Topic) -> float | None:
    return REGISTRY.get_sample_value("joldama_consumer_lag", {"consumer": "tester", "topic": topic.name})


async def inspect_twice(watch: TopicWatch) -> None:
    for _ in range(2):
        assert await watch.recreated() == set()


async def test_the_lag_and_the_age_of_the_last_event_are_told(topic: Topic, watch: TopicWatch, group: str) -> None:
    await topic.write("a", "b", "c")
    await topic.commit(group, 1)
    await watch.processed((await topic.read())[:1])
    await watch.recreated()
    assert lag(topic) == 2
    labels = {"consumer": "tester", "topic": topic.name}
    assert 0 <= (REGISTRY.get_sample_value("joldama_consumer_last_event_age_seconds", labels) or -1) < 60
    await watch.check()


async def test_a_group_that_has_never_committed_lags_by_what_is_there(topic: Topic, watch: TopicWatch) -> None:
    await topic.write("a", "b", "c")
    await watch.recreated()
    assert lag(topic) == 3
    await topic.trim(2)
    await watch.recreated()
    assert lag(topic) == 1, "what has aged out is unread for ever"


async def test_a_position_beyond_a_log_that_became_shorter_is_no_lag(
    topic: Topic, watch: TopicWatch, group: str
) -> None:
    await topic.write("a", "b", "c")
    await topic.write("a", partition=1)
    await topic.commit(group, 9)
    await watch.recreated()
    assert lag(topic) == 1


async def test_an_unread_record_without_progress_is_a_stall_until_it_is_read(
    topic: Topic, impatient: TopicWatch, group: str
) -> None:
    await topic.write("a", "b", "c")
    await topic.commit(group, 1)
    await impatient.recreated()
    await impatient.check()
    await impatient.recreated()
    with pytest.raises(TimeoutError, match=f"stalled with unread records in {topic.name} for 0 s"):
        await impatient.check()
    await topic.commit(group, 2)
    await impatient.recreated()
    await impatient.check()
    assert lag(topic) == 1
    await topic.commit(group, 3)
    await inspect_twice(impatient)
    await impatient.check()
    assert lag(topic) == 0


async def test_a_topic_that_is_gone_is_no_stall(
    topic: Topic, impatient: TopicWatch, inspector: TopicInspector, group: str
) -> None:
    await topic.write("a")
    await inspect_twice(impatient)
    with pytest.raises(TimeoutError):
        await impatient.check()
    await topic.admin.delete_topics([topic.name])

    async def gone() -> bool:
        return not (await inspector.inspect({})).ends

    await eventually(gone)
    await impatient.recreated()
    await impatient.check()


async def test_control_records_at_the_end_are_neither_a_stall_nor_lag(
    topic: Topic, impatient: TopicWatch, group: str
) -> None:
    await topic.write_in_transactions("a", "b")
    assert await topic.end() == 4, "control records have offsets"
    await impatient.processed(await topic.read())
    await topic.commit(group, 2)
    await inspect_twice(impatient)
    assert lag(topic) == 0
    await impatient.check()
    await topic.write_in_transactions("c", partition=1)
    await topic.commit(group, 1, partition=1)
    await inspect_twice(impatient)
    assert lag(topic) == 0
    await impatient.check()


async def test_a_record_behind_control_records_is_lag_and_a_stall(
    topic: Topic, impatient: TopicWatch, group: str
) -> None:
    await topic.write_in_transactions("a", "b")
    await topic.commit(group, 2)
    await inspect_twice(impatient)
    await impatient.check()
    await topic.write("c")
    await inspect_twice(impatient)
    assert (lag(topic) or 0) >= 1
    with pytest.raises(TimeoutError, match="stalled"):
        await impatient.check()
    await topic.commit(group, 5)
    await impatient.recreated()
    await impatient.check()
    assert lag(topic) == 0


async def test_control_records_after_unread_records_do_not_hide_them(
    topic: Topic, impatient: TopicWatch, group: str
) -> None:
    await topic.write_in_transactions("a", "b")
    await topic.commit(group, 1)
    await inspect_twice(impatient)
    with pytest.raises(TimeoutError, match="stalled"):
        await impatient.check()


async def test_whether_there_is_a_record_between_a_position_and_the_end(
    topic: Topic, inspector: TopicInspector
) -> None:
    await topic.write_in_transactions("a", "b")
    at = topic.partition()
    assert [await inspector.has_record(at, position, 4) for position in range(4)] == [True, True, False, False]
    await topic.write("c")
    assert [await inspector.has_record(at, position, 5) for position in range(5)] == [True] * 5
