"""A worker paused while Kafka is wiped, resumed when the new log has grown past its offsets."""

import asyncio
import signal
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from services.contracts import topics
from services.contracts.events import write_event
from services.kit.kafka.log_identity import topic_inspector
from tests.network.test_killed import EVERYWHERE
from tests.support import record_queries
from tests.support.children import submissions, submit_all
from tests.support.data_loss import recreate_topics
from tests.support.eventually import eventually
from tests.support.kafka_admin import admin_options, admin_settings
from tests.support.network import RunningNetwork
from tests.support.reconciliation import agree
from tests.unit.referral.samples import diagnosis

pytestmark = [pytest.mark.network, pytest.mark.faults]

CHILDREN = 240
PADDING = 20
"""Records a partition that only the old log has, and that a worker at its old offset would skip of the new log."""
TOPIC = topics.topic("joldama", topics.DIAGNOSES)


@pytest.mark.timeout(240)
async def test_no_child_is_lost_when_the_worker_is_paused_while_kafka_is_wiped_and_grows_past_its_offsets(
    country: RunningNetwork,
) -> None:
    await eventually(
        lambda: record_queries.unrecorded_diagnoses(country) == 0, "nothing of another test is under way", within=60
    )
    known = set(record_queries.referrals(country))
    await submit_all(country, [one | EVERYWHERE for one in submissions(60, seed=301)])
    await pad(country)
    await eventually(lambda: caught_up(country), "the worker has consumed all", within=60)
    await asyncio.to_thread(country.network.wait_ready)

    paused = await asyncio.to_thread(country.kill, "referral-worker", signal.SIGSTOP)
    try:
        await recreate_topics(country)
        ids = await submit_all(country, [one | EVERYWHERE for one in submissions(CHILDREN, seed=302)])
        await eventually(
            lambda: record_queries.unacknowledged_events(country) == 0, "the relay has republished all", within=60
        )
    finally:
        country.kill("referral-worker", signal.SIGCONT)

    await eventually(
        lambda: set(ids) <= set(record_queries.referrals(country)), "every child has a referral", within=90
    )
    await asyncio.to_thread(country.wait_restarted, "referral-worker", paused)
    await eventually(lambda: agree(country), "record and capacity agree", within=60)
    assert len(set(record_queries.referrals(country)) - known) == 60 + CHILDREN
    offered, found = record_queries.open_offers(country), record_queries.referrals(country)
    assert all(offered[one] == (found[one].state == "offered") for one in ids)


async def pad(country: RunningNetwork) -> None:
    """Publish records of an unknown type to each partition; no outbox has them."""
    unknown = write_event(diagnosis(1), event_id="e", source="/test", time=datetime.now(UTC))
    unknown = unknown.replace(b"recorded.v1", b"recorded.v9")
    producer = AIOKafkaProducer(**admin_options(country.plan))
    await producer.start()
    for partition in await producer.partitions_for(TOPIC):
        for _ in range(PADDING):
            await producer.send_and_wait(TOPIC, unknown, key=b"x", partition=partition)
    await producer.stop()


async def lag(country: RunningNetwork) -> int:
    """How many records of diagnoses the worker has not consumed."""
    async with topic_inspector(admin_settings(country.plan), [TOPIC]) as inspector:
        ends, committed = (await inspector.inspect({})).ends, await inspector.committed("joldama.referral-worker")
    return sum(end - committed.get(partition, 0) for partition, end in ends.items())


async def caught_up(country: RunningNetwork) -> bool:
    return await lag(country) == 0
