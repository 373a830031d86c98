"""The worker's watch over Kafka's logs: before it starts, and while it runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import structlog

from services.contracts import topics
from services.kit.http.health import Health
from services.kit.http.server import probes
from services.kit.kafka.log_identity import Logs, open_logs
from services.kit.kafka.rewind import begin_again
from services.kit.kafka.topic_watch import EVERY, FAILURES, TopicWatch
from services.kit.sql.database import Database
from services.referral.adapters.history import HISTORY
from services.referral.adapters.tables import positions
from services.referral.bootstrap import ReferralService
from services.referral.settings import ReferralSettings

log = structlog.get_logger()
CONSUMER = "worker"


async def begin_where_known(settings: ReferralSettings) -> None:
    """Before Faust joins the group: what it would skip in the middle of another log, it takes from the beginning.

    Waits for Kafka and the database; the probes are there meanwhile, and red.
    """
    database = Database(settings.referral_sql_url)
    health = Health(database=database.ping, migrated=partial(HISTORY.check, database), beginning=_not_yet)
    try:
        async with probes(health, settings), _opened(settings) as logs:
            watch = _watch(settings, database, logs)
            if begun := await begin_again(settings, watch, logs, settings.worker_app):
                log.warning("worker.begins_again", partitions=begun)
    finally:
        await database.close()


async def _not_yet() -> None:
    raise RuntimeError("waits to know where to begin: for Kafka, or for the end of a session of its group")


@asynccontextmanager
async def watching(service: ReferralService) -> AsyncIterator[TopicWatch]:
    """The worker's watch, on a connection of its own."""
    async with _opened(service.settings) as logs:
        yield _watch(service.settings, service.database, logs)


@asynccontextmanager
async def looking(watch: TopicWatch, forgotten: Callable[[int], Awaitable[None]]) -> AsyncIterator[None]:
    """Looks while the context is open; `forgotten` is told of how many partitions the log is another one."""
    task = asyncio.create_task(_look_forever(watch, forgotten))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _look_forever(watch: TopicWatch, forgotten: Callable[[int], Awaitable[None]]) -> None:
    while True:
        try:
            if others := await watch.look():
                await forgotten(len(others))
        except FAILURES as error:
            log.warning("watch.retrying", reason=str(error) or type(error).__name__)
        await asyncio.sleep(EVERY)


def _opened(settings: ReferralSettings) -> AbstractAsyncContextManager[Logs]:
    return open_logs(settings, [topics.topic(settings.topic_prefix, name) for name in topics.ALL])


def _watch(settings: ReferralSettings, database: Database, logs: Logs) -> TopicWatch:
    return TopicWatch(database, positions, logs, CONSUMER, settings.worker_app)
