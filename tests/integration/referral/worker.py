"""The worker in a test: its consumers on a real capacity, and messages as Faust gives them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import uvicorn
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlmodel import select

from services.contracts import topics
from services.contracts.events import DiagnosisRecordedV1, write_event
from services.kit.sql.database import Database
from services.referral.adapters.tables import ReferralRow
from services.referral.entrypoints.consuming import Consumers, open_consumers
from services.referral.settings import ReferralSettings
from tests.support.eventually import eventually
from tests.unit.referral.samples import NOW


@dataclass
class Message:
    """A message as Faust gives it."""

    topic: str
    value: bytes | None
    offset: int = 0
    key: bytes | None = b"key"
    partition: int = 0
    timestamp: float = NOW.timestamp()


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """`app`, whose lifespan is another's, on a port of its own."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    try:
        await eventually(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:  # of a failure, too: its sockets would be found unclosed in some later test
        server.should_exit = True
        await task


async def go_on(consumers: Consumers, partitions: int) -> None: ...


@asynccontextmanager
async def working(settings: ReferralSettings, capacity: FastAPI) -> AsyncIterator[Consumers]:
    """One more worker. What these tests hand to it lies in no log, which it would end for."""
    async with listening(capacity) as url:
        ours = settings.model_copy(update={"capacity_url": url})
        async with open_consumers(ours, go_on) as opened:
            yield opened


def recorded(settings: ReferralSettings, data: DiagnosisRecordedV1) -> Message:
    raw = write_event(data, event_id=str(data.referral_id), source="/test", time=NOW, key=settings.signing_key)
    return Message(topics.topic(settings.topic_prefix, topics.DIAGNOSES), raw)


def poison(settings: ReferralSettings, raw: bytes | None = b'{"specversion": "1.0"}') -> Message:
    return Message(topics.topic(settings.topic_prefix, topics.DIAGNOSES), raw)


def ten(settings: ReferralSettings, first: int = 0) -> list[Message]:
    return [poison(settings, b'{"specversion": "%d"}' % number) for number in range(first, first + 10)]


async def known(settings: ReferralSettings) -> set[int]:
    database = Database(settings.referral_sql_url)
    rows = await database.read(lambda session: session.scalars(select(ReferralRow.id)).all())
    await database.close()
    return {UUID(one).int for one in rows}


def counted(number: int) -> bool:
    labels = {"consumer": "referral-worker", "state": "open"}
    return REGISTRY.get_sample_value("joldama_dead_letters", labels) == number


async def row_version(settings: ReferralSettings, number: int) -> int:
    database = Database(settings.referral_sql_url)
    row = await database.read(lambda session: session.get(ReferralRow, str(UUID(int=number))))
    await database.close()
    assert row is not None
    return row.version
