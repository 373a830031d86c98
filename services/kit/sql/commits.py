"""Waiting for somebody's commit: for a SQLite file by its version, which costs microseconds; PostgreSQL notifies."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Protocol

import psycopg
import structlog

from services.kit.errors import reason_of
from services.kit.sql.database import Database

log = structlog.get_logger()
LOOK_EVERY, LOOK_SOON = 0.01, 0.003
"""Seconds between two looks at a version: later on, and for the first `SOON` seconds, when more is likely to come."""
SOON = 0.1
POLL_EVERY = 0.02
"""Seconds that are waited where nothing tells of commits."""
CONNECT_EVERY, CONNECT_WITHIN = 5.0, 5
"""Seconds between two attempts to listen, and until one has failed."""
DEAF_FOR = 60.0
"""Seconds after which a connection that told nothing of what came is made anew: its other end may be gone."""
CHANNEL = "outbox"
"""Of PostgreSQL: who adds to an outbox notifies it."""


class Commits(Protocol):
    """The commits to a database of all processes. Of one task; connects at first use."""

    async def watch(self) -> None:
        """From now on: a later commit ends the next `wait`."""
        ...

    async def wait(self, seconds: float) -> None:
        """Until a commit, for `seconds` at most; a short while when it is unknown."""
        ...

    def found(self) -> None:
        """There was something new: if no commit has told of it, they are told of no longer, or not yet."""
        ...

    async def close(self) -> None:
        """Until the next use."""
        ...


def commits_to(database: Database) -> Commits:
    return FileCommits(database) if database.is_sqlite else NotifiedCommits(database)


class FileCommits:
    """Of a SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._seen: int | None = None

    async def watch(self) -> None:
        self._seen = self._version()

    def found(self) -> None:
        """A version never fails to tell."""

    def _version(self) -> int | None:
        """Another number after each commit of others; None when it is unknown."""
        try:
            if self._connection is None:
                file = Path(str(self._database.engine.url.database)).absolute().as_uri()
                self._connection = sqlite3.connect(f"{file}?mode=rw", uri=True, timeout=0, isolation_level=None)
            found: list[tuple[int]] = self._connection.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error:  # its log is being recovered
            return None
        return found[0][0]

    async def wait(self, seconds: float) -> None:
        began = time.monotonic()
        if self._seen is None:
            await asyncio.sleep(min(seconds, POLL_EVERY))
        else:
            while self._version() == self._seen and (waited := time.monotonic() - began) < seconds:
                await asyncio.sleep(min(seconds - waited, LOOK_SOON if waited < SOON else LOOK_EVERY))

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class NotifiedCommits:
    """Of PostgreSQL, on a connection of its own that listens.

    A pooler may lose notifications, and a process of an earlier release sends none: what came without one is found by
    asking, and until the next notification it is asked for every `POLL_EVERY` seconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.AsyncConnection | None = None
        self._connect_at = 0.0
        self._silent, self._told = False, True
        self._said: bool | None = None

    async def watch(self) -> None:
        if (self._connection is not None and not self._silent) or time.monotonic() < self._connect_at:
            return
        await self.close()
        self._connect_at = time.monotonic() + CONNECT_EVERY
        engine = self._database.engine
        _, options = engine.dialect.create_connect_args(engine.url)
        options = {"connect_timeout": CONNECT_WITHIN, **options, "autocommit": True}
        connection = None
        try:
            connection = await psycopg.AsyncConnection.connect(**options)
            await connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error as error:
            if connection is not None:
                await connection.close()
            self._say(told=False, reason=reason_of(error))
            return
        self._connection, self._silent = connection, False

    async def wait(self, seconds: float) -> None:
        if self._connection is None:
            await asyncio.sleep(min(seconds, POLL_EVERY))
            return
        timeout = min(seconds, POLL_EVERY) if self._silent else seconds
        self._told = False
        try:
            async for _ in self._connection.notifies(timeout=timeout, stop_after=1):
                self._told, self._silent = True, False
                self._say(told=True)
        except psycopg.Error:
            await self.close()

    def found(self) -> None:
        if self._connection is not None and not self._told:
            if not self._silent:
                self._connect_at = time.monotonic() + DEAF_FOR
            self._silent = True
            self._say(told=False, reason="no notification came: a pooler, or a process of an earlier release")
        self._told = True

    def _say(self, *, told: bool, reason: str | None = None) -> None:
        """Log each change."""
        if told is not self._said:
            self._said = told
            log.info("outbox.told" if told else "outbox.asked", reason=reason)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
