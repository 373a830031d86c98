"""How far the worker has processed its topics, by its group's committed offsets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.contracts import topics
from services.kit.errors import TransientError
from services.kit.kafka.clients import make_admin, make_consumer
from services.kit.kafka.log_identity import TopicInspector
from services.referral.handlers.reconcile import Ends
from services.referral.settings import ReferralSettings


class KafkaProgress:
    """WorkerProgress on Kafka. It connects for each question: they come some times a minute at most."""

    def __init__(self, settings: ReferralSettings) -> None:
        self._settings = settings
        self._topics = [topics.topic(settings.topic_prefix, name) for name in topics.WORKER]

    async def ends(self) -> Ends:
        async with self._inspector() as inspector:
            found = await inspector.inspect({})
            return {(at.topic, at.partition): end for at, end in found.ends.items()}

    async def passed(self, ends: Ends) -> bool:
        async with self._inspector() as inspector:
            committed = await inspector.committed(self._settings.worker_app)
            for (topic, number), end in ends.items():
                partition = TopicPartition(topic, number)
                position = committed.get(partition, 0)
                if position < end and await inspector.has_record(partition, position, end):
                    return False
        return True

    @asynccontextmanager
    async def _inspector(self) -> AsyncIterator[TopicInspector]:
        """Unlike the worker's own it does not wait for Kafka."""
        reader, admin = make_consumer(self._settings, [], None), make_admin(self._settings)
        try:
            await reader.start()
            await admin.start()
            yield TopicInspector(reader, admin, self._topics)
        except KafkaError as error:
            raise TransientError(f"kafka: {type(error).__name__}") from error
        finally:
            await admin.close()
            await reader.stop()
