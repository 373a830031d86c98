"""The worker's watch over its topics: before it starts, and while it runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import structlog

from services.contracts import topics
from services.kit.http.health import Health
from services.kit.http.server import probes
from services.kit.kafka.log_identity import TopicInspector, topic_inspector
from services.kit.kafka.rewind import rewind_group
from services.kit.kafka.topic_watch import EVERY, FAILURES, TopicWatch
from services.kit.retry import retry
from services.kit.sql.database import Database
from services.kit.sql.readiness import check_writable
from services.referral.adapters.history import HISTORY
from services.referral.adapters.tables import checkpoints
from services.referral.bootstrap import ReferralService
from services.referral.settings import ReferralSettings

log = structlog.get_logger()
CONSUMER = "worker"


async def rewind_recreated(settings: ReferralSettings) -> None:
    """Before Faust joins the group: rewind to the beginning of each topic whose log was recreated.

    Waits for Kafka and the database; meanwhile the probes are served, and readiness is red.
    """
    database = Database(settings.referral_sql_url)
    health = Health(
        database=lambda: check_writable(database), migrated=partial(HISTORY.check, database), rewind=_not_yet
    )
    try:
        async with probes(health, settings), _inspector(settings) as inspector:
            watch = _watch(settings, database, inspector)
            if rewound := await rewind_group(settings, watch, inspector, settings.worker_app):
                log.warning("worker.rewound", partitions=rewound)
    finally:
        await database.close()


async def _not_yet() -> None:
    raise RuntimeError("waits for Kafka, or for the end of a session of its group")


@asynccontextmanager
async def watched_topics(service: ReferralService) -> AsyncIterator[TopicWatch]:
    """The worker's watch, on a connection of its own."""
    async with _inspector(service.settings) as inspector:
        yield _watch(service.settings, service.database, inspector)


async def watch_topics(watch: TopicWatch, on_recreated: Callable[[int], Awaitable[None]]) -> None:
    """Until cancelled; `on_recreated` is called with the number of partitions whose log was recreated."""
    while True:
        if recreated := await retry("watch", watch.recreated, FAILURES, first=EVERY):
            await on_recreated(len(recreated))
        await asyncio.sleep(EVERY)


def _inspector(settings: ReferralSettings) -> AbstractAsyncContextManager[TopicInspector]:
    return topic_inspector(settings, [topics.topic(settings.topic_prefix, name) for name in topics.WORKER])


def _watch(settings: ReferralSettings, database: Database, inspector: TopicInspector) -> TopicWatch:
    return TopicWatch(database, checkpoints, inspector, CONSUMER, settings.worker_app)
