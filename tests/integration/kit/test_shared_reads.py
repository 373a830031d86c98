"""Short reads of a database, which share snapshots and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from threading import Event

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlmodel import Session

from services.kit.errors import TransientError
from services.kit.sql.database import Database
from services.kit.sql.shared_reads import LANES, SharedReads

numbers = Table("number", MetaData(), Column("value", Integer))


@pytest.fixture
async def one(database: Database) -> Database:
    """The database with a table of numbers, without any."""
    numbers.create(database.engine)
    return database


@pytest.fixture
def reads(one: Database) -> Iterator[SharedReads]:
    """Of that database, whichever it is."""
    with ThreadPoolExecutor(LANES) as threads:
        yield SharedReads(one.snapshot, threads)


def count(session: Session) -> int:
    return len(session.execute(select(numbers.c.value)).all())


def add(session: Session) -> None:
    session.execute(insert(numbers), {"value": 1})


def itself(session: Session) -> Session:
    return session


@asynccontextmanager
async def slow_read(reads: SharedReads) -> AsyncIterator[asyncio.Task[bool]]:
    """A read that has begun, and ends with the body."""
    began, end = asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def wait(_: Session) -> bool:
        loop.call_soon_threadsafe(began.set)
        return end.wait(60)

    slow = asyncio.create_task(reads(wait))
    await began.wait()
    try:
        yield slow
    finally:
        end.set()
    assert await slow is True, "the slow read is answered as well"


async def test_those_that_come_while_one_is_read_share_the_next_snapshot_and_do_not_wait_for_its_end(
    reads: SharedReads,
) -> None:
    async with slow_read(reads) as slow:
        sessions = await asyncio.gather(*(reads(itself) for _ in range(5)))
        assert not slow.done(), "the others are answered while it is read"
    assert len({id(session) for session in sessions}) == 1


async def test_those_in_a_snapshot_with_a_slow_one_do_not_wait_for_its_end(reads: SharedReads) -> None:
    end = Event()
    before, slow, behind = (asyncio.create_task(reads(work)) for work in (count, lambda session: end.wait(60), count))
    try:
        await asyncio.wait_for(asyncio.gather(before, behind), 30)
        assert [before.result(), behind.result(), slow.done()] == [0, 0, False]
    finally:
        end.set()
    assert await slow is True, "the slow read is answered as well"


async def test_a_read_sees_all_that_was_committed_before_it(
    one: Database, reads: SharedReads, other: Callable[[], Database]
) -> None:
    second = other()
    for written in range(1, 20):
        await second.write(add)
        assert await asyncio.gather(*(reads(count) for _ in range(3))) == [written] * 3


async def test_an_error_is_raised_where_it_was_asked_for_and_nowhere_else(reads: SharedReads) -> None:
    def fail(session: Session) -> None:
        raise ValueError("no")

    def read_nothing(session: Session) -> None:
        session.execute(text("SELECT value FROM nowhere"))

    def stop(session: Session) -> None:
        next(iter(()))

    works = (count, fail, count, read_nothing, count, stop, count)
    async with slow_read(reads):
        found = await asyncio.gather(*(reads(work) for work in works), return_exceptions=True)
    assert found[::2] == [0, 0, 0, 0]
    assert isinstance(found[5], RuntimeError), "an error that no future takes"
    assert isinstance(found[1], ValueError)
    assert isinstance(found[3], TransientError)


async def test_what_nobody_waits_for_any_more_is_not_read(reads: SharedReads) -> None:
    called: list[Session] = []
    async with slow_read(reads):
        gone = asyncio.create_task(reads(called.append))
        await asyncio.sleep(0)
        gone.cancel()
        assert await reads(count) == 0
    assert called == []


async def test_a_database_that_is_not_there_is_a_transient_error_of_everybody() -> None:
    missing = Database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2")
    with ThreadPoolExecutor(LANES) as threads:
        reads = SharedReads(missing.snapshot, threads)
        found = await asyncio.gather(*(reads(count) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [TransientError] * 3
    assert len({id(error) for error in found}) == 3, "each has an error of its own"
    await missing.close()


async def test_after_the_end_a_read_is_an_error_and_no_endless_wait(one: Database) -> None:
    assert await one.read_shortly(count) == 0
    await one.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        await one.read_shortly(count)
