"""How far the worker has come in its topics, by its group's committed offsets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.contracts import topics
from services.kit.errors import TransientError
from services.kit.kafka.clients import make_consumer, security
from services.referral.handlers.hold_audit import Ends
from services.referral.settings import ReferralSettings


class KafkaFlow:
    """Flow on Kafka. It connects for each question: an audit asks some times a minute at most."""

    def __init__(self, settings: ReferralSettings) -> None:
        self._settings = settings
        self._topics = [topics.topic(settings.topic_prefix, name) for name in topics.ALL]

    async def ends(self) -> Ends:
        async with self._reader() as reader:
            places = [TopicPartition(name, part) for name in self._topics for part in await _partitions(reader, name)]
            found = await reader.end_offsets(places)
            return {(place.topic, place.partition): end for place, end in found.items()}

    async def passed(self, ends: Ends) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.kafka_servers, **security(self._settings))
        try:
            await admin.start()
            found = await admin.list_consumer_group_offsets(self._settings.worker_app)
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from error
        finally:
            await admin.close()
        committed = {(place.topic, place.partition): one.offset for place, one in found.items()}
        return all(committed.get(place, 0) >= end for place, end in ends.items())

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        reader = make_consumer(self._settings, [], None)
        try:
            await reader.start()
            yield reader
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from error
        finally:
            await reader.stop()


async def _partitions(reader: AIOKafkaConsumer, name: str) -> set[int]:
    await reader._client._wait_on_metadata(name)
    return set(reader.partitions_for_topic(name) or ())
