"""A new, empty Kafka in the place of the old one, and producers that come and go with it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import orjson
import pytest

from services.kit.kafka.clients import make_consumer, make_producer, started
from services.kit.kafka.publisher import KafkaPublisher
from services.kit.kafka.topics import create_topics
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from services.kit.settings import CHECKOUT, Mode, ServiceSettings
from services.local.ports import Ports
from tests.support.eventually import eventually
from tests.support.servers import Server, new_server

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
TOPIC = "diagnoses.v1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Ports() as ports:
        made = new_server("kafka", tmp_path / "kafka", ports)
        made.start()
        yield made
        made.stop()


@asynccontextmanager
async def publishing(settings: ServiceSettings) -> AsyncIterator[KafkaPublisher]:
    producer, reader = make_producer(settings, "test"), make_consumer(settings, [], None)
    async with started(producer, reader):
        yield KafkaPublisher(producer, reader, settings.topic_prefix)


async def publish(publisher: KafkaPublisher, *numbers: int) -> list[Acknowledgement]:
    """One after the other, each until it is taken."""

    async def one(number: int) -> list[Acknowledgement]:
        name = f"e{number}"
        return await publisher.publish([OutgoingEvent(TOPIC, "k", orjson.dumps({"id": name}), name)])

    return [(await eventually(partial(one, number), f"{number} is taken", within=40))[0] for number in numbers]


async def test_a_producer_is_taken_that_begins_after_one_that_outlived_the_old_cluster(server: Server) -> None:
    """What a cluster calls its producers begins anew with it: the second would be taken for the first."""
    settings = ServiceSettings(mode=Mode.LOCAL, kafka_servers=server.address, topic_prefix="p")
    topics = CHECKOUT / "deploy" / "topics.toml"
    await create_topics(settings, topics)
    async with publishing(settings) as first:
        await publish(first, 1, 2, 3)
        server.stop()
        shutil.rmtree(server.part.folder / "data")
        server.start()
        await create_topics(settings, topics)
        kept = await publish(first, 4, 5, 6)
    async with publishing(settings) as second:
        kept += await publish(second, 7, 8, 9)
        assert [one.offset for one in kept] == list(range(6))
        for one in kept:
            assert await second.has(one)
