"""Waiting for a commit: who waits is woken by any connection's, and reads nothing meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from services.kit.sql.commits import POLL_EVERY, Commits
from services.kit.sql.database import Database

LONG = 60.0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite file, whatever the other tests run on."""
    found = Database(f"sqlite:///{tmp_path}/own.sqlite3")
    await found.write(lambda session: session.execute(text("CREATE TABLE one (number INTEGER)")))
    yield found
    await found.close()


async def add(database: Database) -> None:
    await database.write(lambda session: session.execute(text("INSERT INTO one VALUES (1)")))


async def test_a_commit_ends_the_wait(database: Database) -> None:
    commits = Commits(database)
    waiting = asyncio.create_task(commits.wait(commits.version(), LONG))
    await asyncio.sleep(0)
    assert not waiting.done(), "nothing was committed yet"
    await add(database)
    await asyncio.wait_for(waiting, LONG / 2)
    commits.close()


async def test_a_commit_before_the_wait_is_not_missed(database: Database) -> None:
    commits = Commits(database)
    seen = commits.version()
    await add(database)
    await asyncio.wait_for(commits.wait(seen, LONG), LONG / 2)
    assert commits.version() != seen, "it is what ended the wait"
    commits.close()


async def test_reading_ends_no_wait(database: Database) -> None:
    commits, began = Commits(database), time.monotonic()
    waiting = asyncio.create_task(commits.wait(commits.version(), 0.3))
    while not waiting.done():
        await database.read(lambda session: session.execute(text("SELECT * FROM one")).all())
    assert time.monotonic() - began >= 0.3, "the whole time was waited"
    commits.close()


async def test_without_a_version_the_wait_is_short(database: Database) -> None:
    commits = Commits(Database("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    assert commits.version() is None
    await asyncio.wait_for(commits.wait(None, LONG), LONG / 2)
    assert POLL_EVERY < 1, "a relay on PostgreSQL asks again soon"
