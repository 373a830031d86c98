"""How a commit wakes the relay: SQLite tells by its data version, PostgreSQL by NOTIFY; a timeout is the fallback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy import make_url

from services.kit.errors import TransientError
from services.kit.kafka.relay import CommitNotifier
from services.kit.sql.database import Database
from services.kit.sql.outbox import CHANNEL

LOOK_EVERY = 0.005
"""Seconds between two looks at SQLite's data version, which costs some microseconds."""


@asynccontextmanager
async def commit_notifier(database: Database) -> AsyncIterator[CommitNotifier]:
    """The wake of `database`, on a connection of its own."""
    if database.is_sqlite:
        async with _data_version(database) as wake:
            yield wake
    else:
        async with _notified(database.url) as wake:
            yield wake


@asynccontextmanager
async def _data_version(database: Database) -> AsyncIterator[CommitNotifier]:
    connection = await asyncio.to_thread(database.engine.raw_connection)
    seen = -1

    def version() -> int:
        return int(connection.cursor().execute("PRAGMA data_version").fetchone()[0])

    async def wake(seconds: float) -> None:
        nonlocal seen
        until = time.monotonic() + seconds
        while (now := version()) == seen and time.monotonic() < until:
            await asyncio.sleep(LOOK_EVERY)
        seen = now

    try:
        yield wake
    finally:
        connection.close()


@asynccontextmanager
async def _notified(url: str) -> AsyncIterator[CommitNotifier]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection: psycopg.AsyncConnection | None = None

    async def wake(seconds: float) -> None:
        nonlocal connection
        try:
            if connection is None or connection.closed:
                connection = await psycopg.AsyncConnection.connect(address, autocommit=True)
                await connection.execute(f"LISTEN {CHANNEL}")
                return  # a commit may have passed before LISTEN: look once more
            async for _ in connection.notifies(timeout=seconds, stop_after=1):
                pass
        except psycopg.Error as error:
            raise TransientError(f"database: {type(error).__name__}") from error

    try:
        yield wake
    finally:
        if connection is not None:
            await connection.close()
