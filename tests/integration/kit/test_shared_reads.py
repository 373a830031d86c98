"""Short reads of a database, which share snapshots and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlmodel import Session

from services.kit.errors import TransientError
from services.kit.sql.database import Database

numbers = Table("number", MetaData(), Column("value", Integer))


@pytest.fixture
async def one(database: Database) -> Database:
    """The database with a table of numbers, without any."""
    numbers.create(database.engine)
    return database


def count(session: Session) -> int:
    return len(session.execute(select(numbers.c.value)).all())


def add(session: Session) -> None:
    session.execute(insert(numbers), {"value": 1})


def itself(session: Session) -> Session:
    return session


@asynccontextmanager
async def slow_read(database: Database) -> AsyncIterator[asyncio.Task[bool]]:
    """A read that has begun, and ends with the body."""
    began, end = asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def wait(_: Session) -> bool:
        loop.call_soon_threadsafe(began.set)
        return end.wait(60)

    slow = asyncio.create_task(database.read_shortly(wait))
    await began.wait()
    try:
        yield slow
    finally:
        end.set()
    assert await slow is True, "the slow read is answered as well"


async def test_those_that_come_while_one_is_read_share_the_next_snapshot_and_do_not_wait_for_its_end(
    one: Database,
) -> None:
    async with slow_read(one) as slow:
        sessions = await asyncio.gather(*(one.read_shortly(itself) for _ in range(5)))
        assert not slow.done(), "the others are answered while it is read"
    assert len({id(session) for session in sessions}) == 1


async def test_a_read_sees_all_that_was_committed_before_it(one: Database, other: Callable[[], Database]) -> None:
    second = other()
    for written in range(1, 20):
        await second.write(add)
        assert await asyncio.gather(*(one.read_shortly(count) for _ in range(3))) == [written] * 3


async def test_an_error_is_raised_where_it_was_asked_for_and_nowhere_else(one: Database) -> None:
    def fail(session: Session) -> None:
        raise ValueError("no")

    def read_nothing(session: Session) -> None:
        session.execute(text("SELECT value FROM nowhere"))

    works = (count, fail, count, read_nothing, count)
    async with slow_read(one):
        found = await asyncio.gather(*(one.read_shortly(work) for work in works), return_exceptions=True)
    assert [found[0], found[2], found[4]] == [0, 0, 0]
    assert isinstance(found[1], ValueError)
    assert isinstance(found[3], TransientError)


async def test_what_nobody_waits_for_any_more_is_not_read(one: Database) -> None:
    called: list[Session] = []
    async with slow_read(one):
        gone = asyncio.create_task(one.read_shortly(called.append))
        await asyncio.sleep(0)
        gone.cancel()
        assert await one.read_shortly(count) == 0
    assert called == []


async def test_a_database_that_is_not_there_is_a_transient_error_of_everybody() -> None:
    missing = Database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2")
    found = await asyncio.gather(*(missing.read_shortly(count) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [TransientError] * 3
    await missing.close()


async def test_after_the_end_a_read_is_an_error_and_no_endless_wait(one: Database) -> None:
    assert await one.read_shortly(count) == 0
    await one.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        await one.read_shortly(count)
