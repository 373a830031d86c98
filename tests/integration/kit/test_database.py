"""One transaction a call."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.kit.errors import TransientError
from services.kit.sql.database import Database

numbers = Table("number", MetaData(), Column("id", Integer, primary_key=True), Column("value", Integer))


@pytest.fixture
async def one(database: Database) -> Database:
    """The database with one number, 0."""
    numbers.create(database.engine)
    await database.write(lambda s: s.execute(insert(numbers), {"id": 1, "value": 0}))
    return database


def increment(session: Session) -> None:
    value = session.execute(select(numbers.c.value).with_for_update()).scalar_one()
    session.execute(update(numbers).values(value=value + 1))


async def test_what_is_read_and_then_written_is_not_lost_between_processes(
    one: Database, other: Callable[[], Database]
) -> None:
    second = other()
    await asyncio.gather(*(database.write(increment) for database in (one, second) for _ in range(50)))
    assert await second.read(lambda s: s.execute(select(numbers.c.value)).scalar_one()) == 100


async def test_what_raises_leaves_nothing_behind(one: Database) -> None:
    def fail(session: Session) -> None:
        increment(session)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await one.write(fail)
    assert await one.read(lambda s: s.execute(select(numbers.c.value)).scalar_one()) == 0


async def test_a_read_is_one_snapshot(one: Database, other: Callable[[], Database]) -> None:
    second = other()

    def look_twice(session: Session) -> tuple[int, int]:
        if not one.is_sqlite:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        first = session.execute(select(numbers.c.value)).scalar_one()
        second.transaction(increment)
        return first, session.execute(select(numbers.c.value)).scalar_one()

    first, again = await one.read(look_twice)
    assert first == again == 0


async def test_a_database_that_is_not_there_is_a_transient_error() -> None:
    missing = Database("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(TransientError, match="OperationalError"):
        await missing.read(lambda s: s.execute(text("SELECT 1")))
    await missing.close()


async def test_a_failing_statement_is_not(one: Database) -> None:
    def twice(session: Session) -> None:
        session.execute(insert(numbers), [{"id": 7}, {"id": 7}])

    with pytest.raises(IntegrityError):
        await one.write(twice)
