"""A worker that is stopped while Kafka is wiped, and goes on when the new log has grown past where it was."""

import asyncio
import signal
from datetime import UTC, datetime
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer

from services.contracts import topics
from services.contracts.events import write_event
from services.kit.kafka.log_identity import open_logs
from services.kit.settings import ServiceSettings
from tests.network.test_killed import EVERYWHERE
from tests.network.test_wiped import make_topics_anew, one_story
from tests.support import books
from tests.support.children import demo, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork
from tests.unit.referral.samples import diagnosis

pytestmark = [pytest.mark.network, pytest.mark.faults]

CHILDREN = 240
PASSED_OVER = 20
"""Records a partition that only the old log has: by so many a worker that goes on where it was would skip."""
TOPIC = topics.topic("joldama", topics.DIAGNOSES)


@pytest.mark.timeout(240)
async def test_no_child_is_lost_when_the_worker_is_held_up_while_kafka_is_wiped_and_grows_past_its_offsets(
    country: RunningNetwork,
) -> None:
    await eventually(lambda: books.undecided(country) == 0, "nothing of another test is under way", within=60)
    known = set(books.recorded(country))
    await submit_all(country, [one | EVERYWHERE for one in demo(60, seed=301)])
    await lengthen(country)
    await eventually(lambda: caught_up(country), "the worker has taken all", within=60)
    await asyncio.to_thread(country.network.wait_ready)

    stopped = await asyncio.to_thread(country.kill, "referral-worker", signal.SIGSTOP)
    try:
        await make_topics_anew(country)
        ids = await submit_all(country, [one | EVERYWHERE for one in demo(CHILDREN, seed=302)])
        await eventually(lambda: books.unsent(country) == 0, "the relay has published all again", within=60)
    finally:
        country.kill("referral-worker", signal.SIGCONT)

    await eventually(lambda: set(ids) <= set(books.recorded(country)), "every child has a referral", within=90)
    await asyncio.to_thread(country.wait_restarted, "referral-worker", stopped)
    await eventually(lambda: one_story(country), "record and capacity tell one story", within=60)
    await eventually(lambda: intake_knows(country) >= set(ids), "intake's relay has followed each", within=60)
    assert len(set(books.recorded(country)) - known) == 60 + CHILDREN
    offered, found = books.offers_open_per_referral(country), books.recorded(country)
    assert all(offered[one] == (found[one].state == "offered") for one in ids)


def intake_knows(country: RunningNetwork) -> set[str]:
    """The referrals whose readers intake knows, by their events."""
    return {str(UUID(str(row[0]))) for row in books.rows(country.plan.intake_sql_url, "SELECT referral_id FROM access")}


async def lengthen(country: RunningNetwork) -> None:
    """Write records to each partition that nobody knows and no outbox has."""
    unknown = write_event(diagnosis(1), event_id="e", source="/test", time=datetime.now(UTC))
    unknown = unknown.replace(b"recorded.v1", b"recorded.v9")
    producer = AIOKafkaProducer(bootstrap_servers=country.plan.kafka_servers)
    await producer.start()
    for partition in await producer.partitions_for(TOPIC):
        for _ in range(PASSED_OVER):
            await producer.send_and_wait(TOPIC, unknown, key=b"x", partition=partition)
    await producer.stop()


async def behind(country: RunningNetwork) -> int:
    """How many of the diagnoses' records wait for the worker."""
    settings = ServiceSettings(mode="local", kafka_servers=country.plan.kafka_servers)
    async with open_logs(settings, [TOPIC]) as logs:
        ends, committed = (await logs.look({})).ends, await logs.committed("joldama.referral-worker")
    return sum(end - committed.get(place, 0) for place, end in ends.items())


async def caught_up(country: RunningNetwork) -> bool:
    return await behind(country) == 0
